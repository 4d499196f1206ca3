import type { RuntimeInfo } from "../types";

/** What the area has a form for; `other` is any task type besides, its content as JSON. */
export type Kind = "text-to-image" | "image-to-image" | "extra-single-image" | "pipeline" | "other";

export const KINDS: readonly { key: Kind; label: string }[] = [
  { key: "text-to-image", label: "Text to image" },
  { key: "image-to-image", label: "Image to image" },
  { key: "extra-single-image", label: "Upscale" },
  { key: "pipeline", label: "Workflow" },
  { key: "other", label: "Other" },
];

const OWN: readonly string[] = KINDS.map(({ key }) => key).filter((key) => key !== "other");

/** The form for a task type. */
export function kindOf(tasktype: string): Kind {
  return OWN.includes(tasktype) ? (tasktype as Kind) : "other";
}

/** Whether a runtime does tasks of this kind. */
function serves(runtime: RuntimeInfo, kind: Kind): boolean {
  return runtime.tasktypes.some((tasktype) => kindOf(tasktype) === kind);
}

export function runtimesFor(runtimes: readonly RuntimeInfo[], kind: Kind): RuntimeInfo[] {
  return runtimes.filter((runtime) => serves(runtime, kind));
}

/** The kinds that some runtime serves, in the order of the tabs. */
export function servedKinds(runtimes: readonly RuntimeInfo[]): Kind[] {
  return KINDS.map(({ key }) => key).filter((kind) => runtimesFor(runtimes, kind).length > 0);
}

/** The runtime that was chosen, as long as it serves the kind; else the first that does. */
export function runtimeFor(runtimes: readonly RuntimeInfo[], kind: Kind, chosen: string): RuntimeInfo | null {
  const fit = runtimesFor(runtimes, kind);
  return fit.find(({ name }) => name === chosen) ?? fit[0] ?? null;
}

/** The task types of a runtime that have no form of their own. */
export function otherTypes(runtime: RuntimeInfo | null): string[] {
  return runtime?.tasktypes.filter((tasktype) => kindOf(tasktype) === "other") ?? [];
}
