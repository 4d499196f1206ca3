/** The API gives addresses of so many outputs of a task; its `.out` names all. */
const MOST = 100;

/** How many outputs of a task can be saved. */
export function savable(total: number): number {
  return Math.min(total, MOST);
}

/** What the button says that saves so many of a task's outputs. */
export function downloadWords(count: number, total: number): string {
  if (count < total) return `Download the first ${count} of ${total.toLocaleString("en")}`;
  return count > 1 ? `Download all ${count}` : "Download";
}
