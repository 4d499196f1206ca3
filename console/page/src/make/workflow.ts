import type { Fault } from "../types";
import { isObject, type Json, written } from "./json";
import type { Wish } from "./wishes";

interface Node {
  class_type: string;
  inputs: Json;
}

/** Inputs of loader nodes that take a picture; those that the agent looks into. */
const LOADERS: Readonly<Record<string, string>> = { LoadImage: "image", LoadImageMask: "image" };

function isNode(value: unknown): value is Node {
  return isObject(value) && isObject(value.inputs) && typeof value.class_type === "string";
}

function nodes(workflow: Json, classType: string): [string, Node][] {
  return Object.entries(workflow).filter((entry): entry is [string, Node] => {
    return isNode(entry[1]) && entry[1].class_type === classType;
  });
}

/** The nodes that an input of these nodes is linked to. */
function linked(workflow: Json, from: readonly [string, Node][], name: string): [string, Node][] {
  const ids = from.map(([, node]) => node.inputs[name]).filter((link) => Array.isArray(link) && link.length > 0);
  return ids.flatMap((link) => {
    const id = String((link as unknown[])[0]);
    const node = workflow[id];
    return isObject(node) && isObject(node.inputs) ? [[id, node as unknown as Node] satisfies [string, Node]] : [];
  });
}

interface Place {
  /** The key of a wish. */
  wish: "seed" | "steps" | "strength" | "prompt" | "negative" | "width" | "height" | "model";
  words: string;
  input: string;
  find: (workflow: Json) => [string, Node][];
}

const samplers = (workflow: Json) => nodes(workflow, "KSampler");
const from = (name: string) => (workflow: Json) => linked(workflow, samplers(workflow), name);

const PLACES: readonly Place[] = [
  { wish: "seed", words: "a seed", input: "seed", find: samplers },
  { wish: "steps", words: "steps", input: "steps", find: samplers },
  { wish: "strength", words: "a strength", input: "denoise", find: samplers },
  { wish: "prompt", words: "a prompt", input: "text", find: from("positive") },
  { wish: "negative", words: "a negative prompt", input: "text", find: from("negative") },
  { wish: "width", words: "a width", input: "width", find: from("latent_image") },
  { wish: "height", words: "a height", input: "height", find: from("latent_image") },
  {
    wish: "model",
    words: "a model",
    input: "ckpt_name",
    find: (workflow) => nodes(workflow, "CheckpointLoaderSimple"),
  },
];

function placesOf(workflow: Json, place: Place): [string, Node][] {
  return place.find(workflow).filter(([, node]) => place.input in node.inputs);
}

/** Whether a wish can be put into the workflow. */
export function hasPlace(workflow: Json, wish: Place["wish"]): boolean {
  return PLACES.some((place) => place.wish === wish && placesOf(workflow, place).length > 0);
}

/** What the workflow itself says for each wish that has a place in it, to be shown where nothing else is asked for. */
export function ownValues(workflow: Json): Partial<Record<Place["wish"], string>> {
  const found = PLACES.flatMap((place) => {
    const value = placesOf(workflow, place)[0]?.[1].inputs[place.input];
    return value === undefined || Array.isArray(value) ? [] : [[place.wish, textOf(value)]];
  });
  return Object.fromEntries(found);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}

/** The nodes that load a picture. */
export function loaders(workflow: Json): { id: string; classType: string; input: string; value: string }[] {
  return Object.entries(workflow).flatMap(([id, node]) => {
    if (!isNode(node)) return [];
    const input = LOADERS[node.class_type];
    if (!input) return [];
    return [{ id, classType: node.class_type, input, value: textOf(node.inputs[input]) }];
  });
}

/**
 * The workflow with the wishes put where they belong, as `./darkroom submit --workflow` does: the sampler, its prompts,
 * its empty picture. What was not asked for stays as it is. `references` are pictures by the id of their loader.
 */
export function applied(
  workflow: Json,
  wish: Wish,
  references: Readonly<Record<string, string>>,
): { content: Json; faults: Fault[] } {
  const content = copied(workflow);
  const faults: Fault[] = [];
  for (const place of PLACES) {
    const value = wish[place.wish];
    if (value === undefined) continue;
    const found = placesOf(content, place);
    for (const [, node] of found) node.inputs[place.input] = typeof value === "bigint" ? written(value) : value;
    if (found.length === 0) {
      const message = `The workflow has no place for ${place.words}: leave the field empty, or put it into the file itself.`;
      faults.push({ code: "no_place", message, field: place.wish });
    }
  }
  for (const { id, input } of loaders(content)) {
    const node = content[id];
    if (references[id] && isNode(node)) node.inputs[input] = references[id];
  }
  return { content, faults };
}

/** A copy of nodes and their inputs; the values themselves are shared. */
function copied(workflow: Json): Json {
  return Object.fromEntries(
    Object.entries(workflow).map(([id, node]) => [
      id,
      isObject(node) && isObject(node.inputs) ? { ...node, inputs: { ...node.inputs } } : node,
    ]),
  );
}
