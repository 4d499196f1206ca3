// What was asked for, and what was used, as rows of a table.
import { isObject } from "../make/json";
import type { TaskRequest } from "../types";

export interface Parameter {
  name: string;
  value: string;
  /** How it is shown: `prose` for prompts, `wide` for what needs a line of its own. */
  kind: "plain" | "prose" | "wide";
}

const FIRST = [
  "prompt",
  "negative_prompt",
  "seed",
  "steps",
  "sampler_name",
  "scheduler",
  "cfg_scale",
  "width",
  "height",
];
const PROSE = /(^|› )(prompt|negative_prompt|text)$/;
const LONG = 120;
const ENCODED = /^(data:[\w/+.-]+;base64,)?[A-Za-z0-9+/]{400,}={0,2}$/;

/** Any value of JSON on one line; integers that JavaScript cannot count to as they were written. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return ENCODED.test(value) ? `encoded data, ${sizeText(value.length * 0.75)}` : value;
  return JSON.stringify(value) ?? "";
}

export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  if (bytes < 1_000_000) return `${Math.round(bytes / 1000)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function isExact(value: object): boolean {
  return (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON?.(value) ?? false;
}

function isLink(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string" && Number.isInteger(value[1]);
}

function flat(prefix: string, value: unknown, into: Parameter[]): void {
  if (isObject(value) && !isExact(value) && Object.keys(value).length > 0) {
    for (const [name, each] of Object.entries(value)) flat(prefix ? `${prefix} › ${name}` : name, each, into);
    return;
  }
  const text = valueText(value);
  const kind = PROSE.test(prefix) ? "prose" : text.length > LONG ? "wide" : "plain";
  into.push({ name: prefix, value: text, kind });
}

/** The inputs of a workflow's nodes, without the links between them. */
function flatWorkflow(content: Record<string, unknown>): Parameter[] {
  const into: Parameter[] = [];
  for (const [id, node] of Object.entries(content)) {
    if (!isObject(node) || !isObject(node.inputs)) continue;
    const meta = isObject(node._meta) ? node._meta.title : undefined;
    const title = typeof meta === "string" && meta ? meta : String(node.class_type ?? "");
    for (const [name, value] of Object.entries(node.inputs)) {
      if (!isLink(value)) flat(`${title} ${id} › ${name}`, value, into);
    }
  }
  return into;
}

function isWorkflow(content: Record<string, unknown>): boolean {
  const nodes = Object.values(content);
  return nodes.length > 0 && nodes.every((node) => isObject(node) && "class_type" in node);
}

function rank({ name }: Parameter): number {
  const at = FIRST.indexOf(name);
  return at < 0 ? FIRST.length : at;
}

/** What was asked for; the usual things first. */
export function parametersOf(request: TaskRequest | null): Parameter[] {
  const content = request?.task.content;
  if (!isObject(content)) return [];
  if (isWorkflow(content)) return flatWorkflow(content);
  const into: Parameter[] = [];
  flat("", content, into);
  return into.filter(({ name }) => name !== "").sort((a, b) => rank(a) - rank(b));
}

/** What the `.out` says was used: the seed above all. */
export function usedOf(out: unknown): Parameter[] {
  if (!isObject(out)) return [];
  const info = infoOf(out.info);
  const rows: [string, unknown][] = [
    [seedWords(info.all_seeds), seedsText(info)],
    ["model", info.sd_model_name],
    ["sampler", info.sampler_name],
    ["size", info.width && info.height ? `${valueText(info.width)} × ${valueText(info.height)}` : null],
    ["steps", info.steps],
    ["guidance", info.cfg_scale],
  ];
  return rows.flatMap(([name, value]) =>
    value === undefined || value === null || value === ""
      ? []
      : [{ name, value: valueText(value), kind: "plain" as const }],
  );
}

function seedWords(seeds: unknown): string {
  return Array.isArray(seeds) && seeds.length > 1 ? "seeds" : "seed";
}

function seedsText(info: Record<string, unknown>): string | null {
  const seeds = Array.isArray(info.all_seeds) ? info.all_seeds : [info.seed];
  const words = seeds.filter((seed) => seed !== undefined && seed !== null).map(valueText);
  return words.join(", ") || null;
}

/** SD Web UI writes `info` as text with JSON in it. */
function infoOf(info: unknown): Record<string, unknown> {
  if (isObject(info)) return info;
  if (typeof info !== "string") return {};
  try {
    const read: unknown = JSON.parse(info);
    return isObject(read) ? read : {};
  } catch {
    return {};
  }
}

/** The seconds of each stage that the `.out` tells of. */
export function secondsOf(out: unknown): { stage: string; ms: number }[] {
  const record = isObject(out) && isObject(out.darkroom) ? out.darkroom : {};
  const seconds = isObject(record.seconds) ? record.seconds : {};
  return Object.entries(seconds).flatMap(([stage, each]) =>
    typeof each === "number" ? [{ stage, ms: each * 1000 }] : [],
  );
}

export interface Difference {
  name: string;
  left: string | null;
  right: string | null;
  same: boolean;
}

/** Two tasks' parameters beside each other; those that differ first. */
export function differencesOf(left: readonly Parameter[], right: readonly Parameter[]): Difference[] {
  const [lefts, rights] = [left, right].map((all) => new Map(all.map(({ name, value }) => [name, value])));
  const names = new Set([...(lefts?.keys() ?? []), ...(rights?.keys() ?? [])]);
  const rows = [...names].map((name) => {
    const [a, b] = [lefts?.get(name) ?? null, rights?.get(name) ?? null];
    return { name, left: a, right: b, same: a === b };
  });
  return [...rows.filter((row) => !row.same), ...rows.filter((row) => row.same)];
}
