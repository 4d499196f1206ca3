import { batch } from "@preact/signals";
import { post, upload } from "../api";
import { faultsOfError } from "../parts/faults";
import type { Fault, TaskRequest } from "../types";
import { build, type Ground, IMAGE, type Made, type References } from "./bodies";
import { newId, randomSeed } from "./ids";
import type { Picture } from "./pictures";
import { fittingSize } from "./sizes";
import { filesNow } from "./slots";
import { standIn } from "./snippets";
import { draft, faults, kind, pictureAt, remember, runtime, sending, setDraft, tasktype, workflow } from "./state";
import { WHERE } from "./wishes";
import { hasPlace } from "./workflow";

const AT_ONCE = 4;

/** The form as it is at one moment: what is typed or chosen while it is sent changes nothing. */
interface Form {
  ground: Ground;
  files: readonly [string, Picture][];
}

function formNow(): Form {
  const files = filesNow();
  const picture = pictureAt(IMAGE);
  const ground = {
    draft: { ...draft.value, tasktype: tasktype.value, seed: seedNow() },
    kind: kind.value,
    runtime: runtime.value?.name ?? draft.value.runtime,
    references: draft.value.links,
    size: picture && fittingSize(picture.size),
  };
  return { ground, files };
}

/** Several from a workflow would all be the same picture with the seed of the file: they begin at one drawn by lot. */
function seedNow(): string {
  const { seed, count } = draft.value;
  const drawn = kind.value === "pipeline" && !seed.trim() && Number(count) > 1 && hasPlace(workflow.value, "seed");
  return drawn ? String(randomSeed()) : seed;
}

/** Builds what a form says, with these references in place of its files. */
function buildWith({ ground }: Form, references: References): Made {
  return build({ ...ground, references: { ...ground.references, ...references } });
}

function standIns({ files }: Form): References {
  return Object.fromEntries(files.map(([slot, picture]) => [slot, picture.reference ?? standIn(slot)]));
}

/** Builds what the form says now, with something that stands for files that were not uploaded yet. */
export function buildUnsent(): Made {
  const form = formNow();
  return buildWith(form, standIns(form));
}

async function uploaded({ files }: Form): Promise<References> {
  const references: Record<string, string> = {};
  for (const [slot, picture] of files) {
    if (!picture.reference) {
      sending.value = `Uploading ${picture.file.name || "the picture"}`;
      picture.reference = await upload(picture.file);
    }
    references[slot] = picture.reference;
  }
  return references;
}

async function postTask(request: TaskRequest): Promise<string> {
  await post("/api/tasks", request);
  remember(request.task.metadata.id);
  return request.task.metadata.id;
}

interface Sent {
  accepted: string[];
  faults: readonly Fault[];
}

/** The first alone, as what refuses it refuses all; then a few at a time, until one of them is refused. */
async function postAll(requests: readonly TaskRequest[]): Promise<Sent> {
  const accepted: string[] = [];
  for (let at = 0; at < requests.length; at += at === 0 ? 1 : AT_ONCE) {
    sending.value = at === 0 ? "Submitting" : `Submitting ${at + 1} of ${requests.length}`;
    const group = requests.slice(at, at === 0 ? 1 : at + AT_ONCE);
    const ended = await Promise.allSettled(group.map(postTask));
    accepted.push(...ended.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])));
    const failed = ended.find((one) => one.status === "rejected");
    if (failed)
      return { accepted, faults: [...partly(accepted.length, requests.length), ...faultsOfError(failed.reason)] };
  }
  return { accepted, faults: [] };
}

function partly(accepted: number, all: number): Fault[] {
  if (accepted === 0) return [];
  const message = `${accepted} of ${all} tasks were accepted and are being made: ask for ${all - accepted} to get the others.`;
  return [{ code: "partly_accepted", message, field: WHERE.count }];
}

async function send(form: Form): Promise<Sent> {
  const unsent = buildWith(form, standIns(form));
  if (unsent.faults.length) return { accepted: [], faults: unsent.faults };
  sending.value = "Submitting";
  try {
    const { requests, faults } = buildWith(form, await uploaded(form));
    return faults.length ? { accepted: [], faults } : await postAll(requests);
  } catch (error) {
    return { accepted: [], faults: faultsOfError(error) };
  } finally {
    sending.value = null;
  }
}

/** Sends the form. The ids of its tasks if all were accepted; else none, and `faults` say what was wrong. */
export async function submit(): Promise<readonly string[]> {
  if (sending.value !== null) return [];
  faults.value = [];
  const sent = await send(formNow());
  faults.value = sent.faults;
  return sent.faults.length ? [] : sent.accepted;
}

/** A request with an id of its own. */
export function anew(request: TaskRequest): TaskRequest {
  const { content, metadata } = request.task;
  const about = typeof content.prompt === "string" ? content.prompt : metadata.tasktype;
  return { task: { metadata: { ...metadata, id: newId(about) }, content } };
}

/** A seed for the form that stays, so that the same picture can be made again. */
export function rollSeed(): void {
  batch(() => setDraft({ seed: String(randomSeed()) }));
}
