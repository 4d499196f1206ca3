import { batch } from "@preact/signals";
import { post } from "../api";
import { go } from "../routes";
import type { TaskRequest } from "../types";
import { draftOf } from "./reading";
import { chosen, drafts, dropPictures, faults, remember } from "./state";
import { anew } from "./submit";

/** Fills the form with a request and goes there. */
export function again(request: TaskRequest): void {
  const { kind, draft } = draftOf(request);
  batch(() => {
    chosen.value = kind;
    dropPictures(kind);
    drafts.value = { ...drafts.value, [kind]: draft };
    faults.value = [];
  });
  go({ area: "make" });
}

/** Submits a request at once under a new id, which it returns. Throws `RefusedError` and `OfflineError`. */
export async function submitAgain(request: TaskRequest): Promise<string> {
  const next = anew(request);
  await post("/api/tasks", next);
  remember(next.task.metadata.id);
  return next.task.metadata.id;
}
