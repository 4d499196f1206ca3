import { useMemo, useRef } from "preact/hooks";
import type { TaskRow } from "../types";
import { chosen, isChosen } from "./chosen";
import { heightOf, type Layout, placeOf, rowsOf, Slots } from "./grid";
import { useRoving } from "./roving";
import { Shot, shotId } from "./Shot";
import { useSight } from "./sight";

interface Properties {
  rows: readonly TaskRow[];
  /** Told whether the first row has been scrolled past. */
  onAway: (away: boolean) => void;
}

/** What is drawn: the tiles in sight, and the one that has the focus, wherever it is. */
function drawn(from: number, to: number, focused: number): number[] {
  const indices: number[] = [];
  for (let index = from; index < to; index += 1) indices.push(index);
  if (focused >= 0 && (focused < from || focused >= to)) indices.push(focused);
  return indices;
}

/** By slot, whatever lies in it: so no tile is ever moved in the document. */
function inOrder(indices: readonly number[], taken: readonly number[]): { index: number; slot: number }[] {
  return indices.map((index, n) => ({ index, slot: taken[n] ?? 0 })).sort((a, b) => a.slot - b.slot);
}

/** The gallery's tiles, of which only those in sight are in the document; gone through with the arrow keys. */
export function Gallery({ rows, onAway }: Properties) {
  const box = useRef<HTMLDivElement>(null);
  const slots = useMemo(() => new Slots(), []);
  const { layout, from, to, view, patience, calm, redraw } = useSight(box, rows.length, onAway);
  const { index: active, focused, handlers } = useRoving(box, rows, { layout, view, redraw });
  const indices = drawn(from, to, focused);
  const taken = slots.assign(indices.map((index) => rows[index]?.id ?? ""));
  const stop = indices.includes(active) ? active : (indices[0] ?? -1);
  const picked = chosen.value;
  return (
    <div ref={box} class="gallery" style={{ height: `${heightOf(layout, rows.length)}px` }} {...handlers}>
      <Rows indices={indices} taken={taken} layout={layout} count={rows.length} />
      {inOrder(indices, taken).map(({ index, slot }) => {
        const row = rows[index];
        if (!row) return null;
        const place = placeOf(layout, index);
        return (
          <Shot
            key={slot}
            row={row}
            slot={slot}
            index={index}
            column={place.column}
            x={place.x}
            y={place.y}
            size={layout.tile}
            stop={index === stop}
            chosen={isChosen(picked, row.id)}
            patience={patience}
            calm={calm}
          />
        );
      })}
    </div>
  );
}

interface RowsProperties {
  indices: readonly number[];
  taken: readonly number[];
  layout: Layout;
  count: number;
}

/** The grid's rows, which own the tiles without holding them: a tile that moves to another row stays the same element. */
function Rows({ indices, taken, layout, count }: RowsProperties) {
  const rows = new Map<number, string[]>();
  indices.forEach((index, n) => {
    const row = Math.floor(index / layout.columns);
    rows.set(row, [...(rows.get(row) ?? []), shotId(taken[n] ?? 0)]);
  });
  return (
    // biome-ignore-start lint/a11y/useFocusableInteractive: the cells have the focus in turn.
    // biome-ignore-start lint/a11y/useSemanticElements: a table cannot hold only the rows that are in sight.
    <div
      role="grid"
      class="owner"
      aria-label="Tasks, newest first"
      aria-rowcount={rowsOf(layout, count)}
      aria-colcount={layout.columns}
      aria-multiselectable
    >
      {[...rows].map(([row, cells]) => (
        <div key={`row ${row}`} role="row" aria-rowindex={row + 1} aria-owns={cells.join(" ")} />
      ))}
    </div>
    // biome-ignore-end lint/a11y/useSemanticElements: a table cannot hold only the rows that are in sight.
    // biome-ignore-end lint/a11y/useFocusableInteractive: the cells have the focus in turn.
  );
}
