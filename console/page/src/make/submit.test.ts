import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeInfo, System, TaskRequest } from "../types";
import type { Kind } from "./kinds";

/** What a browser has, as far as the form needs it; previews are looked at when the test says so. */
const browser = { released: [] as string[], previews: 0, decoding: [] as (() => void)[] };
const groupBy = <T>(all: readonly T[], key: (one: T) => string) => {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
};
Map.groupBy ??= groupBy as typeof Map.groupBy;
Object.assign(globalThis, {
  addEventListener: () => undefined,
  sessionStorage: { getItem: () => null, setItem: () => undefined },
  location: { hash: "" },
  Image: class {
    naturalWidth = 64;
    naturalHeight = 32;
    decode = () => new Promise<void>((resolve) => browser.decoding.push(resolve));
  },
});
URL.createObjectURL = () => `blob:${++browser.previews}`;
URL.revokeObjectURL = (url) => void browser.released.push(url);

const { connection, system } = await import("../live");
const { again } = await import("./again");
const { checked, keepChecked } = await import("./checking");
const { freshDraft } = await import("./draft");
const { takeFile } = await import("./slots");
const { choose, drafts, faults, pictureAt, pictures, reset, setDraft, setPicture } = await import("./state");
const { buildUnsent, submit } = await import("./submit");

const TASKTYPES = ["text-to-image", "image-to-image", "extra-single-image", "pipeline"];
const RUNTIME = { name: "r", type: "t", tasktypes: TASKTYPES, models: [] } as unknown as RuntimeInfo;
system.value = { runtimes: [RUNTIME], input_max: null } as unknown as System;

/** The form of a kind as a newcomer finds it. */
function form(kind: Kind): void {
  for (const key of ["text-to-image", "image-to-image", "pipeline"] as const) {
    choose(key);
    reset();
  }
  choose(kind);
}

function picture(name: string) {
  const file = new File(["x"], name, { type: "image/png" });
  return { file, url: `blob:${name}`, size: { width: 64, height: 32 }, reference: null };
}

const OFFLINE = null;

/** Answers requests; `null` is a connection that does not come about. */
function answering(
  answer: (path: string, body: unknown) => Promise<[number, unknown] | null> | [number, unknown] | null,
) {
  const sent: { path: string; body: unknown }[] = [];
  globalThis.fetch = async (path, init = {}) => {
    const body = typeof init.body === "string" ? JSON.parse(init.body) : init.body;
    sent.push({ path: String(path), body });
    const answered = await answer(String(path), body);
    if (answered === OFFLINE) throw new TypeError("fetch failed");
    return new Response(JSON.stringify(answered[1]), { status: answered[0] });
  };
  return sent;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test("what is changed while a picture is uploaded changes nothing of what was asked for", async () => {
  let arrived = (_reference: [number, unknown]) => {};
  const upload = new Promise<[number, unknown]>((resolve) => {
    arrived = resolve;
  });
  const sent = answering((path) => (path === "/api/uploads" ? upload : [200, { id: "x" }]));
  form("image-to-image");
  setDraft({ prompt: "in winter" });
  setPicture("image", picture("cat.png"));
  const submitting = submit();
  await settled();
  setDraft({ prompt: "" });
  choose("text-to-image");
  arrived([200, { reference: "upload://1" }]);
  const ids = await submitting;
  const posted = sent.filter(({ path }) => path === "/api/tasks").map(({ body }) => (body as TaskRequest).task);
  assert.deepEqual(
    posted.map(({ metadata, content }) => [metadata.tasktype, content.prompt, content.init_images]),
    [["image-to-image", "in winter", ["upload://1"]]],
  );
  assert.deepEqual(
    ids,
    posted.map(({ metadata }) => metadata.id),
  );
});

test("nothing is said to be submitted where nothing was", async () => {
  answering((path) => (path === "/api/uploads" ? [200, { reference: "" }] : [200, {}]));
  form("image-to-image");
  setPicture("image", picture("cat.png"));
  assert.deepEqual(await submit(), []);
  assert.deepEqual(
    faults.value.map(({ field }) => field),
    ["task.content.init_images"],
  );
});

test("who is refused half-way hears how many were accepted", async () => {
  let posts = 0;
  const refusal = { error: { code: "throttled", message: "Too many.", field: null }, errors: [] };
  answering(() => {
    posts += 1;
    return posts === 3 ? [429, refusal] : [200, {}];
  });
  form("text-to-image");
  setDraft({ count: "8" });
  assert.deepEqual(await submit(), []);
  assert.equal(posts, 5);
  assert.match(faults.value[0]?.message ?? "", /^4 of 8 tasks were accepted .* 4 /);
  assert.equal(faults.value[1]?.message, "Too many.");
});

const LOADER = { class_type: "LoadImage", inputs: { image: "a.png" } };

test("a workflow without a place for a seed makes several that are the same", () => {
  form("pipeline");
  setDraft({ content: JSON.stringify({ "1": { class_type: "RandomNoise", inputs: { noise_seed: 3 } } }), count: "2" });
  const made = buildUnsent();
  assert.deepEqual(made.faults, []);
  assert.equal(made.requests.length, 2);
});

test("several of a workflow with a seed begin at one drawn by lot", () => {
  form("pipeline");
  setDraft({ count: "2" });
  const seeds = buildUnsent().requests.map(({ task }) => {
    return (task.content["3"] as { inputs: { seed: number } }).inputs.seed;
  });
  assert.equal(seeds.length, 2);
  assert.equal(seeds[1], (seeds[0] ?? 0) + 1);
});

test("a file for a loader that the workflow no longer has is not uploaded", async () => {
  const sent = answering(() => [200, { reference: "upload://1" }]);
  form("pipeline");
  setDraft({ content: JSON.stringify({ "10": LOADER }) });
  setPicture("10", picture("cat.png"));
  setDraft({ content: freshDraft("pipeline").content });
  assert.equal((await submit()).length, 1);
  assert.deepEqual(
    sent.map(({ path }) => path),
    ["/api/tasks"],
  );
});

test("of two files the one that was chosen last stays, in the form it was chosen for", async () => {
  form("image-to-image");
  browser.decoding = [];
  const first = takeFile("image", new File(["1"], "first.png", { type: "image/png" }));
  const second = takeFile("image", new File(["2"], "second.png", { type: "image/png" }));
  choose("extra-single-image");
  browser.decoding[1]?.();
  await second;
  browser.decoding[0]?.();
  await first;
  assert.equal(pictureAt("image"), null);
  choose("image-to-image");
  assert.equal(pictureAt("image")?.file.name, "second.png");
});

test("a form that shows another request lets go of its files", () => {
  form("image-to-image");
  setPicture("image", picture("gone.png"));
  const content = { prompt: "x", init_images: ["upload://2"] };
  const metadata = { id: "a", runtime: "r", tasktype: "image-to-image", prefix: "output", context: {} };
  again({ task: { metadata, content } });
  assert.ok(browser.released.includes("blob:gone.png"));
  assert.equal(pictures.value.size, 0);
  assert.deepEqual(drafts.value["image-to-image"].links, { image: "upload://2" });
});

test("a workflow that nobody could check is checked once the console is back", async () => {
  let away = true;
  answering(() => (away ? OFFLINE : [200, { nodes: [], faults: [] }]));
  form("pipeline");
  connection.value = "lost";
  const heard = (wanted: boolean) => {
    return new Promise<void>((resolve) => {
      const stop = checked.subscribe(({ problem, pending }) => {
        if (pending || (problem !== null) !== wanted) return;
        queueMicrotask(() => stop());
        resolve();
      });
    });
  };
  checked.value = { workflow: null, problem: null, pending: true };
  const stop = keepChecked();
  await heard(true);
  away = false;
  connection.value = "live";
  await heard(false);
  stop();
  assert.ok(checked.value.workflow);
});
