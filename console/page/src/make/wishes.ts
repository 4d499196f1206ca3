import type { Fault } from "../types";
import type { Draft } from "./draft";
import { isObject, type Json, parseExactly, written } from "./json";

/** What the fields say, as values; what was left empty is not there. */
export interface Wish {
  prompt?: string;
  negative?: string;
  /** ComfyUI draws them from 64 bits. */
  seed?: bigint;
  steps?: number;
  width?: number;
  height?: number;
  model?: string;
  strength?: number;
  scale?: number;
  count: number;
  expires?: number;
  context: unknown;
  extra: Json;
}

/** Most tasks that one press of the button makes. */
export const MOST = 16;

export const WHERE = {
  seed: "task.content.seed",
  steps: "task.content.steps",
  width: "task.content.width",
  height: "task.content.height",
  strength: "task.content.denoising_strength",
  scale: "task.content.upscaling_resize",
  count: "count",
  expires: "task.metadata.expires_in",
  context: "task.metadata.context",
  extra: "extra",
  content: "task.content",
} as const;

type Numbers = "steps" | "width" | "height" | "strength" | "scale" | "expires";

const WORDS: Readonly<Record<Numbers | "count", string>> = {
  steps: "Steps",
  width: "The width",
  height: "The height",
  strength: "The strength",
  scale: "The scale",
  count: "The number of pictures",
  expires: "The time in which it has to start",
};
const FRACTIONS: readonly string[] = ["strength", "scale"];

function fault(field: string, message: string): Fault {
  return { code: "bad_value", message, field };
}

const SEEDS = 2n ** 64n;

function readSeed(text: string): { seed: bigint } | { problem: string } {
  const small = Number(text);
  if (!/^[+-]?\d+$/.test(text)) {
    return Number.isSafeInteger(small) ? { seed: BigInt(small) } : { problem: "The seed must be a whole number." };
  }
  const seed = BigInt(text);
  if (seed >= SEEDS || seed <= -SEEDS) return { problem: `The seed must be less than 2^64, which is ${SEEDS}.` };
  if (written(seed) !== null) return { seed };
  return { problem: `This browser is too old for seeds from ${2n ** 53n} on: take a smaller one.` };
}

/** Reads what was typed; only what is no number or no JSON is a fault here, the rest is for the API to judge. */
export function readWish(draft: Draft): { wish: Wish; faults: Fault[] } {
  const faults: Fault[] = [];
  const wish: Wish = { count: 1, context: {}, extra: {} };
  if (draft.seed.trim()) {
    const read = readSeed(draft.seed.trim());
    if ("seed" in read) wish.seed = read.seed;
    else faults.push(fault(WHERE.seed, read.problem));
  }
  for (const key of ["steps", "width", "height", "strength", "scale", "expires"] as const) {
    const text = draft[key].trim();
    if (!text) continue;
    const value = Number(text);
    const whole = FRACTIONS.includes(key) ? Number.isFinite(value) : Number.isSafeInteger(value);
    if (whole) wish[key] = value;
    else faults.push(fault(WHERE[key], `${WORDS[key]} must be a ${FRACTIONS.includes(key) ? "" : "whole "}number.`));
  }
  for (const key of ["prompt", "negative", "model"] as const) {
    if (draft[key].trim()) wish[key] = key === "model" ? draft[key].trim() : draft[key];
  }
  const count = Number(draft.count.trim() || "1");
  if (Number.isInteger(count) && count >= 1 && count <= MOST) wish.count = count;
  else faults.push(fault(WHERE.count, `${WORDS.count} must be from 1 to ${MOST}.`));
  const context = readJson(draft.context, WHERE.context, "The context");
  faults.push(...context.faults);
  if (context.value !== undefined) wish.context = context.value;
  const extra = readJson(draft.extra, WHERE.extra, "More parameters");
  faults.push(...extra.faults);
  if (isObject(extra.value)) wish.extra = extra.value;
  else if (extra.value !== undefined) faults.push(fault(WHERE.extra, "More parameters must be a JSON object."));
  return { wish, faults };
}

/** Reads JSON that was typed; nothing typed is nothing. */
export function readJson(text: string, field: string, what: string): { value?: unknown; faults: Fault[] } {
  if (!text.trim()) return { faults: [] };
  try {
    return { value: parseExactly(text), faults: [] };
  } catch (error) {
    const why = error instanceof SyntaxError ? ` (${error.message})` : "";
    return { faults: [fault(field, `${what} must be JSON${why}.`)] };
  }
}
