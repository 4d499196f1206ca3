import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { go } from "../routes";
import type { TaskRow } from "../types";
import { asked, canCancel } from "./actions";
import { canChoose, choose } from "./chosen";
import { type Layout, moved, placeOf, toSight } from "./grid";
import { openMenu } from "./menu";

const EDGE = 72; // pixels that stay free above and below a tile that is moved to: the page's head lies there

/** The tile that had the focus last, for who comes back to the gallery. */
const left: { id: string | null } = { id: null };

/** What the keys need of `useSight`. */
interface Sight {
  layout: Layout;
  view: { top: number; height: number };
  redraw: () => void;
}

/** One tile at a time is where the Tab key leads; keys move on from it, or do something with its task. */
export function useRoving(box: RefObject<HTMLElement | null>, rows: readonly TaskRow[], sight: Sight) {
  const { layout, view, redraw } = sight;
  const active = useRef<string | null>(left.id);
  const wanted = useRef(false); // the focus is on its way to the active tile, which may not be drawn yet
  const last = useRef(0);
  // Asked of the document before each drawing: an element that is taken out loses the focus, and a window
  // that does not have it tells nobody of what a script focuses.
  const at = wanted.current ? null : focusedId(box.current);
  if (at !== null) active.current = at;
  left.id = active.current;
  const has = wanted.current || at !== null;
  const index = active.current === null ? -1 : rows.findIndex((row) => row.id === active.current);
  if (index >= 0) last.current = index;
  useLayoutEffect(() => {
    if (!has) return;
    if (index < 0) {
      walk(Math.min(last.current, rows.length - 1)); // filtered away: the one that took its place
    } else if (wanted.current) {
      wanted.current = false;
      find(box.current, active.current)?.focus({ preventScroll: true });
    }
  });

  const walk = (to: number) => {
    const row = rows[to];
    if (!row) return;
    active.current = row.id;
    wanted.current = true;
    const by = toSight(layout, placeOf(layout, to).row, view.top, view.height, EDGE);
    if (by) scrollBy({ top: by, behavior: "instant" });
    redraw();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rowAt(event, rows);
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor(view.height / layout.row);
    const to = moved(event.key, rows.indexOf(row), layout, rows.length, page);
    if (to !== null) walk(to);
    else if (!act(event, row)) return;
    event.preventDefault();
  };
  const onFocusIn = (event: FocusEvent) => {
    const id = cellOf(event.target)?.dataset.id;
    if (id === undefined || active.current === id) return;
    active.current = id;
    redraw();
  };
  const onClick = (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLElement>(".more");
    const row = button && rowAt(event, rows);
    if (row) openMenu(row, button);
  };
  return { index, focused: has ? index : -1, handlers: { onKeyDown, onFocusIn, onClick } };
}

function cellOf(target: EventTarget | null): HTMLElement | null {
  return target instanceof Element ? target.closest<HTMLElement>("[role=gridcell]") : null;
}

/** The task of the tile that has the focus, or in which something has it. */
function focusedId(box: HTMLElement | null): string | null {
  const { activeElement } = document;
  return box?.contains(activeElement) ? (cellOf(activeElement)?.dataset.id ?? null) : null;
}

function rowAt(event: Event, rows: readonly TaskRow[]): TaskRow | undefined {
  const cell = cellOf(event.target);
  return cell ? rows.find((row) => row.id === cell.dataset.id) : undefined;
}

function find(box: HTMLElement | null, id: string | null): HTMLElement | undefined {
  const cells = box?.querySelectorAll<HTMLElement>("[role=gridcell]") ?? [];
  return [...cells].find((cell) => cell.dataset.id === id);
}

/** Does what a key means to a tile; false where it means nothing. */
function act(event: KeyboardEvent, row: TaskRow): boolean {
  const onButton = (event.target as Element).closest("button") !== null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "Enter" && !onButton) go({ area: "task", id: row.id });
  else if (key === "c" && canCancel(row.status)) asked.value = row.id;
  else if (key === "x" && canChoose(row)) choose(row.id, row.submission);
  else if (key === "m" || key === "ContextMenu" || (key === "F10" && event.shiftKey)) {
    const button = cellOf(event.target)?.querySelector<HTMLElement>(".more");
    if (button) openMenu(row, button);
  } else return false;
  return true;
}
