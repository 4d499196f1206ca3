import { batch } from "@preact/signals";
import { post, upload } from "../api";
import { faultsOfError } from "../parts/faults";
import type { TaskRequest } from "../types";
import { build, IMAGE, type Made } from "./bodies";
import { newId, randomSeed } from "./ids";
import type { Picture } from "./pictures";
import { fittingSize } from "./sizes";
import { standIn } from "./snippets";
import { draft, faults, kind, pictureAt, pictures, remember, runtime, sending, setDraft, tasktype } from "./state";

const AT_ONCE = 4;

/** The files of the form that is shown, by slot. */
export function filesNow(): [string, Picture][] {
  const start = `${kind.value}:`;
  return [...pictures.value]
    .filter(([key]) => key.startsWith(start))
    .map(([key, picture]) => [key.slice(start.length), picture]);
}

/** Builds what the form says, with these references in place of its files. */
export function buildNow(references: Readonly<Record<string, string>>): Made {
  const picture = pictureAt(IMAGE);
  return build({
    draft: { ...draft.value, tasktype: tasktype.value, seed: seedNow() },
    kind: kind.value,
    runtime: runtime.value?.name ?? draft.value.runtime,
    references: { ...draft.value.links, ...references },
    size: picture && fittingSize(picture.size),
  });
}

/** Several from a workflow would all be the same picture with the seed of the file: they begin at one drawn by lot. */
function seedNow(): string {
  const { seed, count } = draft.value;
  return kind.value === "pipeline" && !seed.trim() && Number(count) > 1 ? String(randomSeed()) : seed;
}

/** The same with something that stands for files that were not uploaded yet. */
export function buildUnsent(): Made {
  return buildNow(Object.fromEntries(filesNow().map(([slot, picture]) => [slot, picture.reference ?? standIn(slot)])));
}

async function uploaded(): Promise<Record<string, string>> {
  const references: Record<string, string> = {};
  for (const [slot, picture] of filesNow()) {
    if (!picture.reference) {
      sending.value = `Uploading ${picture.file.name || "the picture"}`;
      picture.reference = await upload(picture.file);
    }
    references[slot] = picture.reference;
  }
  return references;
}

async function postTask(request: TaskRequest): Promise<void> {
  await post("/api/tasks", request);
  remember(request.task.metadata.id);
}

/** The first alone, as what refuses it refuses all; then a few at a time. */
async function postAll([first, ...rest]: readonly TaskRequest[]): Promise<void> {
  if (!first) return;
  sending.value = "Submitting";
  await postTask(first);
  for (let at = 0; at < rest.length; at += AT_ONCE) {
    sending.value = `Submitting ${at + 1} of ${rest.length + 1}`;
    await Promise.all(rest.slice(at, at + AT_ONCE).map(postTask));
  }
}

/** Sends the form. True: all tasks were accepted; else `faults` say what was wrong. */
export async function submit(): Promise<boolean> {
  if (sending.value !== null) return false;
  const unsent = buildUnsent();
  faults.value = unsent.faults;
  if (unsent.faults.length) return false;
  sending.value = "Submitting";
  try {
    await postAll(buildNow(await uploaded()).requests);
    return true;
  } catch (error) {
    faults.value = faultsOfError(error);
    return false;
  } finally {
    sending.value = null;
  }
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
