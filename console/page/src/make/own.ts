import type { Rows } from "../book";
import type { TaskRow } from "../types";

/** A task that was accepted and that the server has not told of yet. */
function provisional(id: string, at: number): TaskRow {
  const times = { created_at: at, started_at: null, finished_at: null };
  return {
    id,
    submission: "",
    runtime: "",
    tasktype: "",
    status: "queued",
    ...times,
    progress: null,
    images: 0,
    error: null,
  };
}

/** The tasks of this page; those that the system knows no more are left out. `awaited` says when others were accepted. */
export function ownRows(made: readonly string[], tasks: Rows, awaited: ReadonlyMap<string, number>): TaskRow[] {
  return made.flatMap((id) => {
    const at = awaited.get(id);
    return tasks.get(id) ?? (at === undefined ? [] : provisional(id, at));
  });
}
