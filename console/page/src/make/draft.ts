import { EXAMPLE } from "./example";
import type { Kind } from "./kinds";

/** What stands in the fields of one form, as it was typed. */
export interface Draft {
  runtime: string;
  tasktype: string;
  prompt: string;
  negative: string;
  seed: string;
  steps: string;
  width: string;
  height: string;
  model: string;
  strength: string;
  scale: string;
  count: string;
  prefix: string;
  context: string;
  callback: string;
  expires: string;
  /** More parameters of the content, as JSON: what the form has no field for. */
  extra: string;
  /** The content whole, as JSON: a workflow, or that of a type without a form. */
  content: string;
  /** The file that the content came from. */
  file: string;
  /** Links to pictures by their slot, where one was given instead of a file. */
  links: Readonly<Record<string, string>>;
}

export type FieldName = Exclude<keyof Draft, "links">;

export const PROMPT = "a red fox in the snow, golden hour, mountains in the distance";

const BLANK: Draft = {
  runtime: "",
  tasktype: "",
  prompt: "",
  negative: "",
  seed: "",
  steps: "",
  width: "",
  height: "",
  model: "",
  strength: "",
  scale: "",
  count: "1",
  prefix: "output",
  context: "",
  callback: "",
  expires: "",
  extra: "",
  content: "",
  file: "",
  links: {},
};

const STARTS: Readonly<Record<Kind, Partial<Draft>>> = {
  "text-to-image": { prompt: PROMPT, steps: "20", width: "512", height: "512" },
  "image-to-image": { prompt: PROMPT, steps: "20", strength: "0.75" },
  "extra-single-image": { scale: "4" },
  pipeline: { content: EXAMPLE },
  other: { content: "{}" },
};

/** The form as a newcomer finds it. */
export function freshDraft(kind: Kind): Draft {
  return { ...BLANK, ...STARTS[kind] };
}

/** The form with nothing in it that was not asked for: the ground for a request that is shown again. */
export function blankDraft(): Draft {
  return { ...BLANK };
}

/** A draft as a former page may have kept it: what is no text of a known field is left out. */
export function restored(kind: Kind, kept: unknown): Draft {
  const draft = freshDraft(kind);
  if (typeof kept !== "object" || kept === null) return draft;
  const values = Object.entries(kept).filter(([key, value]) => key in BLANK && typeof value === "string");
  const links = (kept as { links?: unknown }).links;
  const sound = typeof links === "object" && links !== null ? Object.entries(links) : [];
  const texts = sound.filter((entry): entry is [string, string] => typeof entry[1] === "string");
  return { ...draft, ...Object.fromEntries(values), links: Object.fromEntries(texts) };
}
