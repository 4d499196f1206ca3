import { batch, computed, effect, signal } from "@preact/signals";
import { system, tasks } from "../live";
import type { Fault, RuntimeInfo } from "../types";
import { type Draft, type FieldName, freshDraft, restored } from "./draft";
import { isObject, type Json } from "./json";
import { KINDS, type Kind, kindOf, otherTypes, runtimeFor, servedKinds } from "./kinds";
import { type Picture, revoke } from "./pictures";
import { placeOf } from "./places";
import { readJson } from "./wishes";

const KEY = "darkroom.make";
const KEPT_MADE = 24;
const WRITE_AFTER_MS = 300;

interface Kept {
  kind?: unknown;
  drafts?: Record<string, unknown>;
  made?: unknown;
}

function kept(): Kept {
  try {
    return (JSON.parse(sessionStorage.getItem(KEY) ?? "{}") ?? {}) as Kept;
  } catch {
    return {};
  }
}

const before = kept();
const names = KINDS.map(({ key }) => key);

/** The form that was chosen; `kind` is that one or, where no runtime serves it, the first that is served. */
export const chosen = signal<Kind>(typeof before.kind === "string" ? kindOf(before.kind) : "text-to-image");
export const drafts = signal<Readonly<Record<Kind, Draft>>>(
  Object.fromEntries(names.map((key) => [key, restored(key, before.drafts?.[key])])) as Record<Kind, Draft>,
);
/** Pictures that are files, by `kind:slot`; they do not outlive the page. */
export const pictures = signal<ReadonlyMap<string, Picture>>(new Map());
/** Ids of the tasks that this page made, the newest first. */
export const made = signal<readonly string[]>(
  Array.isArray(before.made)
    ? before.made.filter((id): id is string => typeof id === "string").slice(0, KEPT_MADE)
    : [],
);
/** When tasks were accepted of which the server has not told yet. */
export const awaited = new Map<string, number>();
effect(() => {
  const known = tasks.value;
  for (const id of awaited.keys()) if (known.has(id)) awaited.delete(id);
});
/** What keeps the form from being sent: the API's words, or ours where it could not be built. */
export const faults = signal<readonly Fault[]>([]);
/** What is going on, in words; null where nothing is. */
export const sending = signal<string | null>(null);

const runtimes = computed<readonly RuntimeInfo[]>(() => system.value?.runtimes ?? []);
export const kinds = computed(() => servedKinds(runtimes.value));
export const kind = computed<Kind>(() => {
  const served = kinds.value;
  return served.includes(chosen.value) ? chosen.value : (served[0] ?? chosen.value);
});
export const draft = computed(() => drafts.value[kind.value]);
export const runtime = computed(() => runtimeFor(runtimes.value, kind.value, draft.value.runtime));
/** The workflow of its form; empty while what is typed is none. */
export const workflow = computed<Json>(() => {
  const { value } = readJson(drafts.value.pipeline.content, "", "");
  return isObject(value) ? value : {};
});
/** The task type that is sent. */
export const tasktype = computed(() => {
  if (kind.value !== "other") return kind.value;
  const types = otherTypes(runtime.value);
  return types.includes(draft.value.tasktype) ? draft.value.tasktype : (types[0] ?? draft.value.tasktype);
});

/** The faults beside each control. */
export const faultsAt = computed(() => {
  return Map.groupBy(faults.value, (fault) => placeOf(kind.value, fault.field) ?? "");
});

export function setDraft(changes: Partial<Draft>, of: Kind = kind.value): void {
  drafts.value = { ...drafts.value, [of]: { ...drafts.value[of], ...changes } };
}

/** Takes what was typed; what was said about the field is said no more. */
export function setField(name: FieldName, value: string): void {
  batch(() => {
    setDraft({ [name]: value });
    forget(name);
  });
}

/** Forgets the faults of one control. */
export function forget(place: string): void {
  if (faultsAt.value.has(place))
    faults.value = faults.value.filter((fault) => placeOf(kind.value, fault.field) !== place);
}

export function choose(next: Kind): void {
  batch(() => {
    chosen.value = next;
    faults.value = [];
  });
}

export function slotKey(of: Kind, slot: string): string {
  return `${of}:${slot}`;
}

/** The picture of a slot of the form that is shown. */
export function pictureAt(slot: string): Picture | null {
  return pictures.value.get(slotKey(kind.value, slot)) ?? null;
}

/** Puts a file or a link, or nothing, into a slot. */
export function setPicture(slot: string, picture: Picture | null, link = "", of: Kind = kind.value): void {
  const key = slotKey(of, slot);
  const next = new Map(pictures.value);
  const old = next.get(key);
  if (old && old !== picture) revoke(old);
  if (picture) next.set(key, picture);
  else next.delete(key);
  const { [slot]: _old, ...links } = drafts.value[of].links;
  batch(() => {
    pictures.value = next;
    setDraft({ links: link ? { ...links, [slot]: link } : links }, of);
    if (of === kind.value) forget(`picture-${slot}`);
  });
}

/** Lets go of all files of a form. */
export function dropPictures(of: Kind): void {
  for (const key of pictures.value.keys()) {
    if (key.startsWith(slotKey(of, ""))) setPicture(key.slice(slotKey(of, "").length), null, "", of);
  }
}

/** Notes a task that was accepted. */
export function remember(id: string): void {
  awaited.set(id, Date.now());
  made.value = [id, ...made.value.filter((other) => other !== id)].slice(0, KEPT_MADE);
}

/** The form that is shown, as a newcomer finds it. */
export function reset(): void {
  batch(() => {
    dropPictures(kind.value);
    setDraft(freshDraft(kind.value));
    faults.value = [];
  });
}

function write(): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ kind: chosen.value, drafts: drafts.value, made: made.value }));
  } catch (error) {
    // A workflow of many megabytes does not fit: then the form does not outlive the page.
    if (!(error instanceof DOMException)) throw error;
  }
}

let later: ReturnType<typeof setTimeout> | undefined;
effect(() => {
  void [chosen.value, drafts.value, made.value];
  clearTimeout(later);
  later = setTimeout(write, WRITE_AFTER_MS);
});
addEventListener("pagehide", write);
