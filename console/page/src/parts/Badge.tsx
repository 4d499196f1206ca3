import type { Status } from "../types";

export const STATUS_WORDS: Readonly<Record<Status, string>> = {
  queued: "Queued",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  cancelled: "Cancelled",
};

/** The state of a task, in a word and a shape of its own. */
export function Badge({ status, progress = null }: { status: Status; progress?: number | null }) {
  const percent = status === "running" && progress !== null ? ` ${Math.round(progress)} %` : "";
  return (
    <span class={`badge ${status} number`}>
      {STATUS_WORDS[status]}
      {percent}
    </span>
  );
}

/** A bar; without a percentage it only says that something goes on. */
export function Progress({ percent, label }: { percent: number | null; label: string }) {
  if (percent === null) {
    return (
      <div class="progress" role="progressbar" aria-label={label} data-unknown>
        <i />
      </div>
    );
  }
  const part = Math.min(100, Math.max(0, percent));
  return (
    <div
      class="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(part)}
    >
      <i style={{ transform: `scaleX(${part / 100})` }} />
    </div>
  );
}
