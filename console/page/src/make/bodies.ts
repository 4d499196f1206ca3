import type { Fault, TaskRequest } from "../types";
import type { Draft } from "./draft";
import { newId } from "./ids";
import { isObject, type Json, written } from "./json";
import type { Kind } from "./kinds";
import type { Size } from "./sizes";
import { readJson, readWish, WHERE, type Wish } from "./wishes";
import { applied } from "./workflow";

const STEPS = 20;
const SIDE = 512;
const SCALE = 4;
const UPSCALER = "R-ESRGAN 4x+";
/** The seed by which the Stable Diffusion Web UI draws one itself. */
const BY_LOT = -1n;

/** A picture's place where the picture is still to be uploaded, or given. */
export type References = Readonly<Record<string, string>>;

/** Which slot the one picture of a form has; loaders of a workflow have their node's id. */
export const IMAGE = "image";

/** What a form makes: one request for each task. */
export interface Made {
  requests: TaskRequest[];
  faults: Fault[];
}

export interface Ground {
  draft: Draft;
  kind: Kind;
  runtime: string;
  /** What stands for the pictures: `upload://` or another link. */
  references: References;
  /** What the picture to start from suggests, see `fittingSize`; where it is known. */
  size: Size | null;
  random?: () => string;
}

/** The content of text-to-image, key by key as `./darkroom submit` builds it. */
function textToImage(wish: Wish, size: Size | null): Json {
  const content: Json = {
    alwayson_scripts: wish.model ? { sd_model_checkpoint: wish.model } : {},
    prompt: wish.prompt ?? "",
    steps: wish.steps ?? STEPS,
    width: wish.width ?? (wish.height === undefined ? size?.width : undefined) ?? SIDE,
    height: wish.height ?? (wish.width === undefined ? size?.height : undefined) ?? SIDE,
  };
  if (wish.negative) content.negative_prompt = wish.negative;
  if (wish.seed !== undefined) content.seed = written(wish.seed);
  return content;
}

function imageToImage(wish: Wish, size: Size | null, image: string): Json {
  const content: Json = { ...textToImage(wish, size), init_images: [image] };
  if (wish.strength !== undefined) content.denoising_strength = wish.strength;
  return content;
}

function upscale(wish: Wish, image: string): Json {
  return { resize_mode: 0, upscaling_resize: wish.scale ?? SCALE, upscaler_1: UPSCALER, image };
}

/** What the form has no field for goes over it; the scripts are merged, as the model is among them. */
function withExtra(content: Json, extra: Json): Json {
  const scripts = isObject(content.alwayson_scripts) && isObject(extra.alwayson_scripts);
  const both = scripts
    ? { alwayson_scripts: { ...(extra.alwayson_scripts as Json), ...(content.alwayson_scripts as Json) } }
    : {};
  return { ...content, ...extra, ...both };
}

function contentOf(ground: Ground, wish: Wish, given: Json): { content: Json; faults: Fault[] } {
  const { kind, references, size } = ground;
  const image = references[IMAGE] ?? "";
  if (kind === "text-to-image") return { content: withExtra(textToImage(wish, null), wish.extra), faults: [] };
  if (kind === "image-to-image") return { content: withExtra(imageToImage(wish, size, image), wish.extra), faults: [] };
  if (kind === "extra-single-image") return { content: withExtra(upscale(wish, image), wish.extra), faults: [] };
  return kind === "pipeline" ? applied(given, wish, references) : { content: given, faults: [] };
}

function missingPrompt({ kind }: Ground, wish: Wish): Fault[] {
  if ((kind === "text-to-image" || kind === "image-to-image") && !wish.prompt) {
    return [
      {
        code: "missing",
        message: "Say what to paint, for example: a lighthouse at dusk.",
        field: "task.content.prompt",
      },
    ];
  }
  return [];
}

function missingPicture({ kind, references }: Ground): Fault[] {
  if ((kind !== "image-to-image" && kind !== "extra-single-image") || references[IMAGE]) return [];
  const field = kind === "image-to-image" ? "task.content.init_images" : "task.content.image";
  const what = kind === "image-to-image" ? "to start from" : "to enlarge";
  return [{ code: "missing", message: `Choose a picture ${what}, or give a link to one.`, field }];
}

function givenContent({ kind, draft }: Ground): { given: Json; faults: Fault[] } {
  if (kind !== "pipeline" && kind !== "other") return { given: {}, faults: [] };
  const what = kind === "pipeline" ? "The workflow" : "The content";
  const { value, faults } = readJson(draft.content, WHERE.content, what);
  if (isObject(value)) return { given: value, faults };
  const wanted = { code: "bad_value", message: `${what} must be a JSON object.`, field: WHERE.content };
  return { given: {}, faults: faults.length ? faults : [wanted] };
}

/** Builds the requests of a form, or says what keeps it from that. */
export function build(ground: Ground): Made {
  const { draft, kind } = ground;
  const { wish, faults } = readWish(draft);
  const { given, faults: unread } = givenContent(ground);
  const first = contentOf(ground, wish, given);
  const all = [
    ...missingPicture(ground),
    ...missingPrompt(ground, wish),
    ...unread,
    ...faults,
    ...(unread.length ? [] : first.faults),
  ];
  if (all.length) return { requests: [], faults: all };
  const tasktype = kind === "other" ? draft.tasktype : kind;
  const requests = Array.from({ length: wish.count }, (_, at) => {
    const seeded = wish.seed === undefined || wish.seed === BY_LOT ? wish : { ...wish, seed: wish.seed + BigInt(at) };
    const { content } = contentOf(ground, seeded, given);
    return { task: { metadata: metadata(ground, wish, tasktype), content } };
  });
  return { requests, faults: [] };
}

function metadata({ draft, runtime, random }: Ground, wish: Wish, tasktype: string): TaskRequest["task"]["metadata"] {
  const about = wish.prompt ?? tasktype;
  const all: TaskRequest["task"]["metadata"] = {
    id: random ? newId(about, random) : newId(about),
    runtime,
    tasktype,
    prefix: draft.prefix.trim() || "output",
    context: wish.context,
  };
  if (draft.callback.trim()) all.callback_url = draft.callback.trim();
  if (wish.expires !== undefined) all.expires_in = wish.expires;
  return all;
}
