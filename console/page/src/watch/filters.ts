import type { Status, TaskRow } from "../types";

export const STATUSES: readonly Status[] = ["queued", "running", "succeeded", "failed", "cancelled"];

export interface Filter {
  status: Status | null;
  runtime: string | null;
  /** Part of an id, in any case. */
  q: string;
}

export type Counts = Record<Status | "all", number>;

export interface Sieved {
  rows: TaskRow[];
  /** Of what passes all but the filter by state. */
  counts: Counts;
}

export function isFiltered(filter: Filter): boolean {
  return filter.status !== null || filter.runtime !== null || filter.q.trim() !== "";
}

/** What a filter leaves of the tasks, in their order. */
export function sieve(rows: readonly TaskRow[], filter: Filter): Sieved {
  const counts: Counts = { all: 0, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 };
  const wanted = filter.q.trim().toLowerCase();
  const left: TaskRow[] = [];
  for (const row of rows) {
    if (filter.runtime !== null && row.runtime !== filter.runtime) continue;
    if (wanted && !row.id.toLowerCase().includes(wanted)) continue;
    counts.all += 1;
    counts[row.status] += 1;
    if (filter.status === null || row.status === filter.status) left.push(row);
  }
  return { rows: left, counts };
}

/** Names to choose from: those of the system, and those that tasks have beside them. */
export function runtimeNames(known: readonly string[], rows: readonly TaskRow[], chosen: string | null): string[] {
  const names = new Set(known);
  for (const row of rows) names.add(row.runtime);
  if (chosen) names.add(chosen);
  return [...names].sort((a, b) => a.localeCompare(b));
}

/** The moment from which on newer tasks are held back, so that what somebody looks at stays where it is. */
export type Mark = Pick<TaskRow, "created_at" | "id">;

/** How many of the rows, newest first, are newer than the mark. */
export function newerThan(rows: readonly TaskRow[], mark: Mark | null): number {
  if (!mark) return 0;
  const first = rows.findIndex(
    (row) => row.created_at < mark.created_at || (row.created_at === mark.created_at && row.id <= mark.id),
  );
  return first < 0 ? rows.length : first;
}
