// The geometry of the gallery: which tiles are near the window, and where they lie. Lengths are CSS pixels.

export interface Layout {
  columns: number;
  /** Width of a tile, and height of its picture. */
  tile: number;
  gap: number;
  /** From the top of one row to the top of the next. */
  row: number;
}

/** Tiles from `from` up to and without `to`. */
export interface Span {
  from: number;
  to: number;
}

export const CAPTION = 74;
const PHONE = 560;
/** Tiles come and go by parts of a row, so that no frame has to draw a whole one. */
const PARTS = 3;

export function layoutOf(width: number): Layout {
  const [least, gap] = width < PHONE ? [140, 10] : [196, 16];
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const tile = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
  return { columns, tile, gap, row: tile + CAPTION + gap };
}

export function rowsOf(layout: Layout, count: number): number {
  return Math.ceil(count / layout.columns);
}

export function heightOf(layout: Layout, count: number): number {
  return Math.max(0, rowsOf(layout, count) * layout.row - layout.gap);
}

/**
 * The tiles of all rows in sight, and of `overscan` rows above and below; `top` is how far the grid's top is above the
 * window's.
 */
export function tilesInSight(layout: Layout, count: number, top: number, height: number, overscan = 2): Span {
  const { columns, row } = layout;
  const [first, end] = [top / row, (top + height) / row];
  const above = Math.floor((first - overscan) * PARTS) / PARTS;
  const below = Math.ceil((end + overscan) * PARTS) / PARTS;
  const within = (index: number): number => Math.min(count, Math.max(0, index));
  return {
    from: within(Math.floor(Math.min(Math.floor(first), above) * columns)),
    to: within(Math.ceil(Math.max(Math.ceil(end), below) * columns)),
  };
}

export function placeOf(layout: Layout, index: number): { x: number; y: number; row: number; column: number } {
  const row = Math.floor(index / layout.columns);
  const column = index % layout.columns;
  return { x: column * (layout.tile + layout.gap), y: row * layout.row, row, column };
}

/** Where a key leads to from a tile; null where the key means nothing here. */
export function moved(key: string, index: number, layout: Layout, count: number, page: number): number | null {
  const { columns } = layout;
  const last = count - 1;
  // Down from above the gap that an incomplete last row leaves leads to the last tile.
  const down = (by: number): number => {
    const [from, to] = [Math.floor(index / columns), Math.floor(Math.min(index + by, last) / columns)];
    return from === to ? index : Math.min(index + by, last);
  };
  const up = (by: number): number => (index - by >= 0 ? index - by : index % columns);
  switch (key) {
    case "ArrowRight":
      return Math.min(last, index + 1);
    case "ArrowLeft":
      return Math.max(0, index - 1);
    case "ArrowDown":
      return down(columns);
    case "ArrowUp":
      return up(columns);
    case "PageDown":
      return down(columns * Math.max(1, page));
    case "PageUp":
      return up(columns * Math.max(1, page));
    case "Home":
      return 0;
    case "End":
      return last;
    default:
      return null;
  }
}

/** How far to scroll so that a row is in sight; 0 where it is. `margin` is kept free above and below. */
export function toSight(layout: Layout, row: number, top: number, height: number, margin: number): number {
  const y = row * layout.row;
  if (y - margin < top) return y - margin - top;
  const bottom = y + layout.row - layout.gap + margin;
  return bottom > top + height ? bottom - top - height : 0;
}

/** Gives tiles to tasks: a task keeps its tile while it is in sight, and a tile that gets free is taken again. */
export class Slots {
  #taken = new Map<string, number>();
  #size = 0;

  /** The slots of these ids, in their order. */
  assign(ids: readonly string[]): number[] {
    const wanted = new Set(ids);
    for (const id of this.#taken.keys()) if (!wanted.has(id)) this.#taken.delete(id);
    const used = new Set(this.#taken.values());
    const free: number[] = [];
    for (let slot = this.#size - 1; slot >= 0; slot -= 1) if (!used.has(slot)) free.push(slot);
    for (const id of ids) {
      if (this.#taken.has(id)) continue;
      const slot = free.pop() ?? this.#size;
      this.#size = Math.max(this.#size, slot + 1);
      this.#taken.set(id, slot);
    }
    return ids.map((id) => this.#taken.get(id) ?? 0);
  }
}
