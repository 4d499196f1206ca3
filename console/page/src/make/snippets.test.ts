import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { TaskRequest } from "../types";
import { build } from "./bodies";
import { type Draft, freshDraft } from "./draft";
import type { Kind } from "./kinds";
import { asCommand, asCurl, asPython, type Subject, standIn } from "./snippets";

const ENVIRONMENT = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  LC_ALL: "C.UTF-8",
  DARKROOM_ENDPOINT: "http://127.0.0.1:9/prod/",
  DARKROOM_API_KEY: "k e'y",
};

/** Texts that do harm wherever a shell looks into them. */
const NASTY: readonly string[] = [
  "it's a dog",
  '"quoted" and \\backslash\\',
  "$(touch /tmp/owned) `id` $HOME $IFS",
  "two\nlines\r\nand a tab\t.",
  "'; echo owned; '",
  "'$(id)'\\''",
  "!! !$ history",
  "-rf --help",
  "* ? [a-z] ~ {a,b} #no",
  "\u001b[201~echo owned\u0007\u007f\u0085",
  "8\u00011 digits after a control",
  "right\u202eto left, zero\u200bwidth",
  "日本の灯台 🦊 é",
  "EOF\nEOF\n",
  "<script>alert(1)</script> & | > /dev/null ; exit 1",
  "%s %d \\x41 \\n",
];

/** What commands were called with, and what they were given to read, each call after a word that begins it. */
const CALL = "\u0001CALL";
const RECORD = `printf '%s\\0' $'\\x01CALL' "$@" >&2`;

/** Runs what a user would paste; everything that bash or a command says beside the calls would be among the words. */
function run(script: string): string[][] {
  const functions = `curl() { ${RECORD}; printf '{"url": "http://127.0.0.1:9/up load", "reference": "upload://1-2"}'; }
    jq() { python3 -c 'import json,sys; print(json.load(sys.stdin)[sys.argv[2][1:]])' "$@"; }
    darkroom() { ${RECORD}; if [ "$2" = --json ]; then set -- "$(cat; printf x)"; set -- "\${1%x}"; ${RECORD}; fi; }\n`;
  const lines = script.replaceAll("./darkroom", "darkroom");
  const ended = spawnSync(
    "bash",
    ["--norc", "-c", `cd "$(mktemp -d)"; echo 12345 > "a b's.png"; ${functions}${lines}`],
    {
      encoding: "utf8",
      env: ENVIRONMENT,
    },
  );
  assert.equal(ended.status, 0, ended.stderr);
  const words = ended.stderr.split("\0");
  assert.equal(words.pop(), "");
  const calls: string[][] = [];
  for (const word of words) {
    if (word === CALL) calls.push([]);
    else calls.at(-1)?.push(word);
  }
  return calls;
}

function subject(kind: Kind, changes: Partial<Draft>, files: Record<string, string> = {}): Subject {
  const draft = { ...freshDraft(kind), ...changes };
  const references = { ...draft.links, ...Object.fromEntries(Object.keys(files).map((slot) => [slot, standIn(slot)])) };
  const { requests, faults } = build({ draft, kind, runtime: "sd'runtime", references, size: null });
  assert.deepEqual(faults, []);
  return { kind, draft, files, request: requests[0] as TaskRequest };
}

function after(words: readonly string[] | undefined, option: string): string | undefined {
  return words?.[words.indexOf(option) + 1];
}

test("curl posts the very request, and nothing else happens", () => {
  const asked = NASTY.map((prompt) => {
    return subject("text-to-image", { prompt, negative: prompt, context: JSON.stringify({ note: prompt }) });
  });
  const calls = run(asked.map(asCurl).join("\n"));
  assert.deepEqual(
    calls.map((call) => JSON.parse(after(call, "-d") ?? "")),
    asked.map(({ request }) => request),
  );
  for (const call of calls) {
    assert.ok(call.includes("http://127.0.0.1:9/prod/v1alpha2"));
    assert.ok(call.includes("x-api-key: k e'y"));
  }
});

test("the command says the very words, and nothing else happens", () => {
  const asked = NASTY.map((prompt) => subject("text-to-image", { prompt, negative: prompt, model: prompt.trim() }));
  const calls = run(asked.map(asCommand).join("\n"));
  assert.equal(calls.length, NASTY.length);
  for (const [at, prompt] of NASTY.entries()) {
    const words = calls[at] ?? [];
    assert.ok(words[1] === prompt || words.at(-1) === prompt);
    assert.ok(after(words, "--negative") === prompt || words.includes(`--negative=${prompt}`));
    assert.equal(after(words, "--steps"), "20");
  }
});

test("what is pasted has no control characters, and none that turn text around", () => {
  for (const prompt of NASTY) {
    const asked = subject("text-to-image", { prompt });
    for (const text of [asCurl(asked), asCommand(asked), asPython(asked)]) {
      assert.doesNotMatch(text.replaceAll("\n", ""), /\p{Cc}|\u202e/u);
    }
  }
});

test("a picture of one's own goes up first, and its reference stands in the request", () => {
  const asked = subject("image-to-image", { prompt: "it's" }, { image: "a b's.png" });
  const calls = run(asCurl(asked));
  assert.equal(after(calls[0], "-d"), '{"size": 6}');
  assert.deepEqual([after(calls[1], "-T"), calls[1]?.at(-1)], ["a b's.png", "http://127.0.0.1:9/up load"]);
  const posted = JSON.parse(after(calls[2], "-d") ?? "") as TaskRequest;
  assert.deepEqual(posted.task.content.init_images, ["upload://1-2"]);
});

/** Loaders whose ids begin alike, and one that no shell takes as it is. */
const SLOTS = ["1", "10", "it's"];

function loading(): Subject {
  const loader = { class_type: "LoadImage", inputs: { image: "x.png" } };
  const content = JSON.stringify(Object.fromEntries(SLOTS.map((slot) => [slot, loader])));
  return subject("pipeline", { content }, Object.fromEntries(SLOTS.map((slot) => [slot, "a b's.png"])));
}

function loaded(content: Record<string, unknown>): unknown[] {
  return SLOTS.map((slot) => (content[slot] as { inputs: { image: string } }).inputs.image);
}

test("each loader's picture is its own, though the names of slots begin alike", () => {
  const byCurl = JSON.parse(after(run(asCurl(loading())).at(-1), "-d") ?? "") as TaskRequest;
  const byCommand = JSON.parse(run(asCommand(loading())).at(-1)?.[0] ?? "") as TaskRequest;
  for (const { task } of [byCurl, byCommand]) assert.deepEqual(loaded(task.content), Array(3).fill("upload://1-2"));
  const [[content] = [{}, {}]] = python(asPython(loading()));
  assert.deepEqual(loaded(content), Array(3).fill("upload://a b's.png"));
});

test("the command takes the picture itself", () => {
  const [call] = run(asCommand(subject("extra-single-image", { scale: "2" }, { image: "a b's.png" })));
  assert.equal(after(call, "--image"), "a b's.png");
  assert.deepEqual([after(call, "--task"), after(call, "--scale")], ["extra-single-image", "2"]);
});

test("what the command has no options for goes in as a whole", () => {
  const asked = subject("text-to-image", { prompt: NASTY.join("\n"), prefix: "mine", extra: '{"cfg_scale": 3}' });
  const calls = run(asCommand(asked));
  assert.deepEqual(calls[0], ["submit", "--json", "/dev/stdin"]);
  assert.deepEqual(JSON.parse(calls[1]?.[0] ?? ""), asked.request);
});

test("a workflow from a file is named, with what was asked for besides", () => {
  const [call] = run(asCommand(subject("pipeline", { file: "my flow.json", prompt: "x", seed: "5" })));
  assert.deepEqual([call?.[1], after(call, "--workflow"), after(call, "--seed")], ["x", "my flow.json", "5"]);
});

const PYTHON = `
import json, sys, types
calls = []
class Darkroom:
    @classmethod
    def from_environment(cls): return cls()
    def __enter__(self): return self
    def __exit__(self, *_): return None
    def upload(self, path): return "upload://" + str(path)
    def submit(self, content, **options):
        calls.append([content, options]); return types.SimpleNamespace(id="x")
    def result(self, task_id): return task_id
    def download(self, task, folder): return []
sys.modules["darkroom_client"] = types.SimpleNamespace(Darkroom=Darkroom)
exec(compile(sys.stdin.read(), "pasted", "exec"))
print(json.dumps(calls))
`;

function python(script: string): [Record<string, unknown>, Record<string, unknown>][] {
  const ended = spawnSync("python3", ["-c", PYTHON], { encoding: "utf8", env: ENVIRONMENT, input: script });
  assert.equal(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout);
}

test("Python submits the very content, whatever is in it", () => {
  const extra = JSON.stringify({ a: true, b: null, c: [1.5, "x"], d: {}, e: [], nested: { deep: NASTY } });
  const asked = subject("text-to-image", {
    prompt: NASTY.join(" "),
    extra,
    prefix: "p",
    expires: "9",
    context: '{"k": [false]}',
  });
  const [[content, options] = [{}, {}]] = python(asPython(asked));
  const { id: _id, ...metadata } = asked.request.task.metadata;
  assert.deepEqual(content, asked.request.task.content);
  assert.deepEqual(options, metadata);
});

test("Python uploads the picture first", () => {
  const [[content] = [{}, {}]] = python(asPython(subject("image-to-image", { prompt: "x" }, { image: "a b's.png" })));
  assert.deepEqual((content as { init_images: unknown }).init_images, ["upload://a b's.png"]);
});
