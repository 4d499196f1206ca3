import type { Kind } from "./kinds";

const FIELDS: Readonly<Record<string, string>> = {
  "task.metadata.runtime": "runtime",
  "task.metadata.tasktype": "runtime",
  "task.metadata.prefix": "prefix",
  "task.metadata.context": "context",
  "task.metadata.callback_url": "callback",
  "task.metadata.expires_in": "expires",
  count: "count",
  extra: "extra",
};

const CONTENT: Readonly<Record<string, string>> = {
  prompt: "prompt",
  negative_prompt: "negative",
  seed: "seed",
  steps: "steps",
  width: "width",
  height: "height",
  denoising_strength: "strength",
  upscaling_resize: "scale",
  "alwayson_scripts.sd_model_checkpoint": "model",
};

const WISHES = ["seed", "steps", "strength", "prompt", "negative", "width", "height", "model"];

/** Whether a field is the one of the path, or lies in it. */
function within(field: string, path: string): boolean {
  return field === path || field.startsWith(`${path}.`) || field.startsWith(`${path}[`);
}

/**
 * The control that a fault's field belongs to, by the name that its element's id ends with: a field of the draft,
 * `picture-SLOT`, `node-ID`. Null where the form has none for it.
 */
export function placeOf(kind: Kind, field: string | null): string | null {
  if (!field) return null;
  if (kind === "pipeline" && WISHES.includes(field)) return field;
  const known = Object.entries(FIELDS).find(([path]) => within(field, path));
  if (known) return known[1];
  if (!within(field, "task.content")) return null;
  const rest = field.slice("task.content.".length);
  if (kind === "pipeline") return rest ? `node-${rest.split(".")[0]}` : "content";
  if (kind === "other") return "content";
  if (!rest) return null;
  if (within(rest, "init_images") || within(rest, "image")) return "picture-image";
  const own = Object.entries(CONTENT).find(([path]) => within(rest, path));
  return own ? own[1] : "extra";
}
