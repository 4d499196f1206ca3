import type { TaskRequest } from "../types";
import { IMAGE } from "./bodies";
import { blankDraft, type Draft } from "./draft";
import { isObject, type Json } from "./json";
import { type Kind, kindOf } from "./kinds";
import { loaders } from "./workflow";

const UPSCALER = "R-ESRGAN 4x+";

/** The fields that show a request again: the form that they fill builds the same request, but for its id. */
export function draftOf(request: TaskRequest): { kind: Kind; draft: Draft } {
  const { metadata, content } = request.task;
  const kind = kindOf(metadata.tasktype);
  const draft: Draft = {
    ...blankDraft(),
    runtime: metadata.runtime,
    tasktype: metadata.tasktype,
    prefix: metadata.prefix,
    context: isEmpty(metadata.context) ? "" : pretty(metadata.context),
    callback: metadata.callback_url ?? "",
    expires: metadata.expires_in === undefined || metadata.expires_in === null ? "" : String(metadata.expires_in),
  };
  if (kind === "pipeline") return { kind, draft: { ...draft, content: pretty(content), links: linksOf(content) } };
  if (kind === "other") return { kind, draft: { ...draft, content: pretty(content) } };
  return { kind, draft: { ...draft, ...fields(kind, { ...content }) } };
}

/** Takes what has a field out of the content; the rest is shown as JSON. */
function fields(kind: Kind, rest: Json): Partial<Draft> {
  const found: Partial<Draft> = {};
  const take = (key: string, field: keyof Draft, type: "string" | "number") => {
    if (typeof rest[key] !== type) return;
    Object.assign(found, { [field]: String(rest[key]) });
    delete rest[key];
  };
  if (kind === "extra-single-image") {
    take("upscaling_resize", "scale", "number");
    takeLink(rest, "image", found);
    if (rest.resize_mode === 0) delete rest.resize_mode;
    if (rest.upscaler_1 === UPSCALER) delete rest.upscaler_1;
  } else {
    take("prompt", "prompt", "string");
    take("negative_prompt", "negative", "string");
    for (const key of ["seed", "steps", "width", "height"] as const) take(key, key, "number");
    if (kind === "image-to-image") {
      take("denoising_strength", "strength", "number");
      takeImages(rest, found);
    }
    takeModel(rest, found);
  }
  return { ...found, extra: isEmpty(rest) ? "" : pretty(rest) };
}

function takeModel(rest: Json, found: Partial<Draft>): void {
  const scripts = rest.alwayson_scripts;
  if (!isObject(scripts)) return;
  const { sd_model_checkpoint: model, ...others } = scripts;
  if (typeof model === "string") found.model = model;
  else if (model !== undefined) return;
  if (isEmpty(others)) delete rest.alwayson_scripts;
  else rest.alwayson_scripts = others;
}

function takeImages(rest: Json, found: Partial<Draft>): void {
  const images = rest.init_images;
  if (!Array.isArray(images) || images.length !== 1) return;
  takeLink({ image: images[0] }, "image", found);
  if (found.links) delete rest.init_images;
}

function takeLink(from: Json, key: string, found: Partial<Draft>): void {
  const value = from[key];
  if (typeof value !== "string") return;
  found.links = { [IMAGE]: value };
  delete from[key];
}

function linksOf(content: Json): Record<string, string> {
  const linked = loaders(content).filter(({ value }) => isLink(value));
  return Object.fromEntries(linked.map(({ id, value }) => [id, value]));
}

/** Whether a text stands for a picture that is elsewhere. */
export function isLink(text: string): boolean {
  return /^(https?|s3|upload):\/\/./i.test(text);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "" || (isObject(value) && Object.keys(value).length === 0);
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
