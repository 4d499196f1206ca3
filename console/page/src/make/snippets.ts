import type { TaskRequest } from "../types";
import { IMAGE } from "./bodies";
import type { Draft } from "./draft";
import type { Kind } from "./kinds";
import { printableJson, pythonLiteral, shellWord } from "./quoting";
import { isLink } from "./reading";

/** A form as it is to be written down. */
export interface Subject {
  kind: Kind;
  draft: Draft;
  /** The first of its requests; pictures that are files stand in it as `standIn(slot)`. */
  request: TaskRequest;
  /** Names of the files by their slot. */
  files: Readonly<Record<string, string>>;
}

/** What stands in a request for a picture that is uploaded first. */
export function standIn(slot: string): string {
  return `upload://picture-${slot}`;
}

/** The shell's variable for the reference of a picture. */
function variable(at: number): string {
  return at === 0 ? "PICTURE" : `PICTURE_${at + 1}`;
}

/** A file's path that no command takes for an option. */
function path(name: string): string {
  return shellWord(name.startsWith("-") ? `./${name}` : name);
}

const API = `"\${DARKROOM_ENDPOINT%/}/v1alpha2`;
const KEY = `-H "x-api-key: $DARKROOM_API_KEY"`;
const JSON_TYPE = "-H 'Content-Type: application/json'";

function uploadByCurl(name: string, at: number): string {
  const file = path(name);
  const field = (key: string) => `"$(printf %s "$UPLOAD" | jq -r .${key})"`;
  return [
    `# ${at === 0 ? "The picture goes up first; what stands for it goes into the request" : "Another picture"} (needs jq).`,
    `UPLOAD=$(curl -sS --fail-with-body ${API}/uploads" ${KEY} ${JSON_TYPE} \\`,
    `  -d "{\\"size\\": $(wc -c < ${file})}")`,
    `curl -sS --fail-with-body -T ${file} ${field("url")}`,
    `${variable(at)}=${field("reference")}`,
    "",
  ].join("\n");
}

function uploadsByCurl(files: Subject["files"]): string {
  return Object.values(files)
    .map((name, at) => `${uploadByCurl(name, at)}\n`)
    .join("");
}

/** The request as a word of the shell, with the variables of its pictures in it. */
function body(request: TaskRequest, files: Subject["files"]): string {
  let word = shellWord(printableJson(request));
  for (const [at, slot] of Object.keys(files).entries()) {
    // With its quotes: one slot's name may begin with another's.
    const quoted = printableJson(standIn(slot)).replaceAll("'", "'\\''");
    word = word.replaceAll(quoted, () => `"'"$${variable(at)}"'"`);
  }
  return word;
}

/** A command line of curl: paste it into a shell that has DARKROOM_ENDPOINT and DARKROOM_API_KEY. */
export function asCurl({ request, files }: Subject): string {
  return `${uploadsByCurl(files)}curl -sS ${API}" \\\n  ${KEY} ${JSON_TYPE} \\\n  -d ${body(request, files)}\n`;
}

/** A program that uses the client library, reads the environment and saves what comes out. */
export function asPython({ request, files }: Subject): string {
  const { id: _id, context, prefix, ...metadata } = request.task.metadata;
  const options: Record<string, unknown> = { ...metadata };
  if (prefix !== "output") options.prefix = prefix;
  if (printableJson(context ?? {}) !== "{}") options.context = context;
  let content = pythonLiteral(request.task.content, "        ");
  const uploads = Object.entries(files).map(([slot, name], at) => {
    const its = variable(at).toLowerCase();
    content = content.replaceAll(printableJson(standIn(slot)), its);
    return `    ${its} = darkroom.upload(Path(${printableJson(name)}))\n`;
  });
  const lines = Object.entries(options).map(([key, value]) => `        ${key}=${pythonLiteral(value, "        ")},\n`);
  return [
    `${uploads.length ? "from pathlib import Path\n\n" : ""}from darkroom_client import Darkroom\n\n`,
    "with Darkroom.from_environment() as darkroom:  # DARKROOM_ENDPOINT and DARKROOM_API_KEY\n",
    uploads.join(""),
    `    accepted = darkroom.submit(\n        ${content},\n${lines.join("")}    )\n`,
    "    task = darkroom.result(accepted.id)\n",
    '    for path in darkroom.download(task, "out"):\n        print(path)\n',
  ].join("");
}

/** Whether the options of `./darkroom submit` can say all of it. */
function hasOptions({ kind, draft, request, files }: Subject): boolean {
  const { callback_url, expires_in, prefix, context } = request.task.metadata;
  const plain =
    !callback_url && expires_in === undefined && prefix === "output" && printableJson(context ?? {}) === "{}";
  const slots = Object.keys(files);
  if (kind === "other" || !plain || draft.extra.trim()) return false;
  return kind !== "pipeline" || (draft.file !== "" && slots.length + Object.keys(draft.links).length === 0);
}

/** An option with its value, joined where the value could be taken for another option. */
function option(name: string, value: string): string {
  return value.startsWith("-") ? `--${name}=${shellWord(value)}` : `--${name} ${shellWord(value)}`;
}

const OPTIONS = ["negative", "seed", "steps", "width", "height", "model", "strength", "scale"] as const;
const TAKEN: Readonly<Record<string, readonly string[]>> = {
  "text-to-image": ["negative", "seed", "steps", "width", "height", "model"],
  "image-to-image": ["negative", "seed", "steps", "width", "height", "model", "strength"],
  "extra-single-image": ["scale"],
  pipeline: ["negative", "seed", "steps", "width", "height", "model", "strength"],
};

/** A command line of ./darkroom; where its options do not say it all, the request goes in whole. */
export function asCommand(subject: Subject): string {
  const { kind, draft, request, files } = subject;
  if (!hasOptions(subject)) return asWhole(subject);
  const prompt = kind === "extra-single-image" || !draft.prompt.trim() ? "" : shellWord(draft.prompt);
  const first = prompt && !draft.prompt.startsWith("-");
  const words = [`./darkroom submit${first ? ` ${prompt}` : ""}`, option("runtime", request.task.metadata.runtime)];
  if (kind === "pipeline") words.push(`--workflow ${path(draft.file)}`);
  else if (kind !== "text-to-image") words.push(option("task", kind), option("image", imageOf(files, draft)));
  for (const name of OPTIONS) {
    if (TAKEN[kind]?.includes(name) && draft[name].trim()) words.push(option(name, typed(name, draft)));
  }
  if (prompt && !first) words.push(`-- ${prompt}`);
  return `${words.join(" \\\n  ")}\n`;
}

function typed(name: (typeof OPTIONS)[number], draft: Draft): string {
  return name === "negative" ? draft.negative : draft[name].trim();
}

function imageOf(files: Subject["files"], draft: Draft): string {
  const file = files[IMAGE];
  const link = draft.links[IMAGE] ?? "";
  return file ?? (isLink(link) ? link : "picture.png");
}

/** A file of one's own is uploaded by the client of the API, as ./darkroom takes no files beside a whole request. */
function asWhole({ request, files }: Subject): string {
  return `${uploadsByCurl(files)}printf %s ${body(request, files)} |\n  ./darkroom submit --json /dev/stdin\n`;
}
