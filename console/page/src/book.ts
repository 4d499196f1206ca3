import type { TaskRow } from "./types";

const MOST = 6000;
const KEPT = 5000;

export type Rows = ReadonlyMap<string, TaskRow>;

/**
 * All tasks that the server told of, by id. After a `reset` the old ones stay in view until the new ones have all
 * come, so that a connection that comes back does not empty the page for a moment.
 */
export class Book {
  #shown = new Map<string, TaskRow>();
  #coming: Map<string, TaskRow> | null = null;
  #expected = 0;

  /** Begins anew with this many tasks to come. */
  reset(total: number): void {
    this.#coming = new Map();
    this.#expected = total;
    this.#settle();
  }

  /** Whether all that were announced have come. */
  get whole(): boolean {
    return this.#coming === null;
  }

  put(rows: readonly TaskRow[]): void {
    const into = this.#coming ?? this.#shown;
    for (const row of rows) into.set(row.id, row);
    this.#settle();
  }

  /** Takes what has come for the whole, though fewer tasks came than were announced. */
  finish(): void {
    if (this.#coming) this.#shown = this.#coming;
    this.#coming = null;
    this.#forget();
  }

  /** A copy to show. */
  rows(): Rows {
    return new Map(this.#shown);
  }

  #settle(): void {
    if (this.#coming && this.#coming.size < this.#expected) return;
    this.finish();
  }

  #forget(): void {
    if (this.#shown.size <= MOST) return;
    this.#shown = new Map(
      newestFirst(this.#shown)
        .slice(0, KEPT)
        .map((row) => [row.id, row]),
    );
  }
}

/** The tasks by the time of their submission, the newest first. */
export function newestFirst(rows: Rows): TaskRow[] {
  return [...rows.values()].sort((a, b) => b.created_at - a.created_at || (a.id < b.id ? 1 : -1));
}
