import { signal } from "@preact/signals";
import type { Place } from "../routes";
import type { TaskRow } from "../types";

/** A picture that is chosen to be compared; its submission, for the thumbnail. */
export interface Chosen extends Place {
  submission: string;
}

/** At most two; they stay while one looks around. */
export const chosen = signal<readonly Chosen[]>([]);

/** With one more or one less; a third takes the place of the one before the last. */
export function toggled(all: readonly Chosen[], one: Chosen): Chosen[] {
  const others = all.filter((each) => each.id !== one.id || each.n !== one.n);
  return others.length < all.length ? others : [...all.slice(-1), one];
}

export function canChoose(row: Pick<TaskRow, "status" | "images">): boolean {
  return row.status === "succeeded" && row.images > 0;
}

export function isChosen(all: readonly Chosen[], id: string): boolean {
  return all.some((each) => each.id === id);
}

/** For the gallery, where a task is one tile: without all of its pictures, or with its first. */
export function toggledTask(all: readonly Chosen[], id: string, submission: string): Chosen[] {
  if (isChosen(all, id)) return all.filter((each) => each.id !== id);
  return toggled(all, { id, n: 0, submission });
}

/** Chooses an output, or takes it out; without a number the task, as the gallery does. */
export function choose(id: string, submission: string, n?: number): void {
  chosen.value =
    n === undefined ? toggledTask(chosen.value, id, submission) : toggled(chosen.value, { id, n, submission });
}
