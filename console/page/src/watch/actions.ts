import { signal } from "@preact/signals";
import { del, getText, taskPath } from "../api";
import { submitAgain } from "../make/again";
import { parseExactly } from "../make/json";
import { copy } from "../parts/Copy";
import { messageOf } from "../parts/faults";
import { notify } from "../parts/notices";
import type { Status, TaskDetail } from "../types";

/** The id of the task that is to be cancelled, while the page asks whether it shall. */
export const asked = signal<string | null>(null);

export function canCancel(status: Status): boolean {
  return status === "queued" || status === "running";
}

/** Says what went wrong in passing, and does not throw. */
async function told(doing: () => Promise<string>): Promise<void> {
  try {
    notify(await doing());
  } catch (error) {
    notify(messageOf(error));
  }
}

export function cancel(id: string): Promise<void> {
  return told(async () => {
    await del(taskPath(id));
    return `Cancelling ${id}.`;
  });
}

async function detailOf(id: string): Promise<TaskDetail> {
  // Exactly: a seed of 64 bits that is rounded makes another picture.
  return parseExactly(await getText(taskPath(id))) as TaskDetail;
}

/** Submits the request of a task once more, under a new id. */
export function resubmit(id: string): Promise<void> {
  return told(async () => {
    const { request } = await detailOf(id);
    if (!request) return `The request of ${id} is not known here. Make it anew.`;
    return `Submitted again as ${await submitAgain(request)}.`;
  });
}

/** Copies where the task's outputs lie. */
export function copyLocation(id: string): Promise<void> {
  return told(async () => {
    const { output_location: location } = await detailOf(id);
    return (await copy(location)) ? `Copied ${location}` : location;
  });
}

/** Has the browser save outputs, under the names that they have. */
export function download(id: string, numbers: readonly number[]): void {
  numbers.forEach((n, index) => {
    // One after another: a browser takes several at once for one.
    setTimeout(() => {
      const link = document.createElement("a");
      link.href = taskPath(id, `images/${n}?download=1`);
      link.download = "";
      link.click();
    }, index * 250);
  });
}

/** The numbers of so many outputs. */
export function allOf(images: number): number[] {
  return Array.from({ length: images }, (_, n) => n);
}
