import assert from "node:assert/strict";
import { test } from "node:test";
import { build } from "./bodies";
import { blankDraft, type Draft, freshDraft } from "./draft";
import { EXAMPLE } from "./example";
import type { Json } from "./json";
import type { Kind } from "./kinds";
import { draftOf } from "./reading";

const PICTURE = "upload://0b8f9a4e-6c1d-4a57-9d2e-3f0a5b7c1d2e";

function made(
  kind: Kind,
  changes: Partial<Draft> = {},
  more: { references?: Record<string, string>; size?: { width: number; height: number } } = {},
) {
  const draft = { ...freshDraft(kind), ...changes };
  const { references = {}, size = null } = more;
  return build({ draft, kind, runtime: "sdruntime", references, size, random: () => "abc123" });
}

function content(kind: Kind, changes: Partial<Draft> = {}, more = {}): Json {
  const { requests, faults } = made(kind, changes, more);
  assert.deepEqual(faults, []);
  return requests[0]?.task.content ?? {};
}

test("text to image is what ./darkroom submit builds", () => {
  const { requests } = made("text-to-image", { prompt: "A dog, running!" });
  assert.deepEqual(requests, [
    {
      task: {
        metadata: {
          id: "a-dog-running-abc123",
          runtime: "sdruntime",
          tasktype: "text-to-image",
          prefix: "output",
          context: {},
        },
        content: { alwayson_scripts: {}, prompt: "A dog, running!", steps: 20, width: 512, height: 512 },
      },
    },
  ]);
});

test("what was filled in is in the content, and nothing else is", () => {
  const filled = {
    prompt: "x",
    negative: "blur",
    seed: "7",
    steps: "30",
    width: "768",
    height: "640",
    model: "sdxl.safetensors",
  };
  assert.deepEqual(content("text-to-image", filled), {
    alwayson_scripts: { sd_model_checkpoint: "sdxl.safetensors" },
    prompt: "x",
    steps: 30,
    width: 768,
    height: 640,
    negative_prompt: "blur",
    seed: 7,
  });
});

test("a picture to start from gives its size where none is asked for", () => {
  const more = { references: { image: PICTURE }, size: { width: 1024, height: 680 } };
  const found = content("image-to-image", { prompt: "winter", strength: "0.4" }, more);
  assert.deepEqual(found.init_images, [PICTURE]);
  assert.deepEqual([found.width, found.height, found.denoising_strength], [1024, 680, 0.4]);
  assert.equal(content("image-to-image", { prompt: "w", width: "640" }, more).height, 512);
});

test("upscaling names the upscaler and the picture", () => {
  assert.deepEqual(content("extra-single-image", {}, { references: { image: PICTURE } }), {
    resize_mode: 0,
    upscaling_resize: 4,
    upscaler_1: "R-ESRGAN 4x+",
    image: PICTURE,
  });
});

test("several at once have ids of their own and seeds that count up", () => {
  const draft = { ...freshDraft("text-to-image"), prompt: "x", seed: "41", count: "3" };
  const { requests } = build({ draft, kind: "text-to-image", runtime: "r", references: {}, size: null });
  assert.deepEqual(
    requests.map(({ task }) => task.content.seed),
    [41, 42, 43],
  );
  assert.equal(new Set(requests.map(({ task }) => task.metadata.id)).size, 3);
});

test("several with the seed by which the runtime draws one itself are all drawn", () => {
  const { requests } = made("text-to-image", { seed: "-1", count: "3" });
  assert.deepEqual(
    requests.map(({ task }) => task.content.seed),
    [-1, -1, -1],
  );
});

interface Raw {
  rawJSON?: ((text: string) => unknown) | undefined;
}

/** Does something in a browser that can write numbers as they are, or cannot. */
function withRaw<T>(rawJSON: Raw["rawJSON"], act: () => T): T {
  const json = JSON as Raw;
  const before = json.rawJSON;
  json.rawJSON = rawJSON;
  try {
    return act();
  } finally {
    json.rawJSON = before;
  }
}

const LARGEST_SEED = "18446744073709551615";

test("a seed of 64 bits is sent digit by digit, and counted up so", () => {
  const typed = { prompt: "x", seed: "9007199254740991", count: "3" };
  const raw = (text: string) => ({ raw: text });
  const { requests } = withRaw(raw, () => made("text-to-image", typed));
  assert.deepEqual(
    requests.map(({ task }) => task.content.seed),
    [9007199254740991, { raw: "9007199254740992" }, { raw: "9007199254740993" }],
  );
  const [request] = withRaw(raw, () => made("pipeline", { seed: LARGEST_SEED })).requests;
  assert.deepEqual((request?.task.content["3"] as { inputs: Json } | undefined)?.inputs.seed, { raw: LARGEST_SEED });
});

test("a seed that no runtime counts to, or that the browser cannot write, is refused in these words", () => {
  const said = (seed: string, rawJSON?: (text: string) => unknown) => {
    return withRaw(rawJSON, () => made("text-to-image", { seed })).faults[0]?.message ?? "";
  };
  assert.match(said("18446744073709551616", String), /less than 2\^64/);
  assert.match(said("99999999999999999999999", String), /less than 2\^64/);
  assert.match(said(LARGEST_SEED), /too old/);
  assert.match(said("1.5"), /whole number/);
});

test("what belongs to the task beside its content is in the metadata", () => {
  const advanced = { prefix: "a/b", context: '{"order": 7}', callback: "https://example.com/hook", expires: "600" };
  const metadata = made("text-to-image", advanced).requests[0]?.task.metadata;
  assert.equal(metadata?.prefix, "a/b");
  assert.deepEqual(metadata?.context, { order: 7 });
  assert.equal(metadata?.callback_url, "https://example.com/hook");
  assert.equal(metadata?.expires_in, 600);
});

test("more parameters go into the content, and scripts beside the model", () => {
  const extra = '{"cfg_scale": 5, "alwayson_scripts": {"sd_vae": "v"}}';
  const found = content("text-to-image", { model: "m", extra });
  assert.equal(found.cfg_scale, 5);
  assert.deepEqual(found.alwayson_scripts, { sd_vae: "v", sd_model_checkpoint: "m" });
});

test("what cannot be read is a fault at its field", () => {
  const wrong = { prompt: "", seed: "1.5", steps: "many", context: "{", extra: "[1]", count: "0" };
  const fields = made("text-to-image", wrong).faults.map(({ field }) => field);
  assert.deepEqual(fields, [
    "task.content.prompt",
    "task.content.seed",
    "task.content.steps",
    "count",
    "task.metadata.context",
    "extra",
  ]);
});

test("a missing picture is a fault of the field that takes it", () => {
  assert.equal(made("image-to-image").faults[0]?.field, "task.content.init_images");
  assert.equal(made("extra-single-image").faults[0]?.field, "task.content.image");
});

test("what no field limits is the API's to refuse", () => {
  assert.equal(content("text-to-image", { width: "-3" }).width, -3);
});

test("a workflow without wishes is posted as it is", () => {
  assert.deepEqual(content("pipeline"), JSON.parse(EXAMPLE));
});

test("wishes go to the sampler, to the texts that it is linked to and to its empty picture", () => {
  const found = content("pipeline", {
    prompt: "a cat",
    negative: "dogs",
    seed: "3",
    steps: "9",
    width: "640",
    height: "480",
    model: "m.ckpt",
  });
  const inputs = (id: string) => (found[id] as { inputs: Json }).inputs;
  assert.equal(inputs("6").text, "a cat");
  assert.equal(inputs("7").text, "dogs");
  assert.deepEqual([inputs("3").seed, inputs("3").steps], [3, 9]);
  assert.deepEqual([inputs("5").width, inputs("5").height], [640, 480]);
  assert.equal(inputs("4").ckpt_name, "m.ckpt");
});

test("a wish that has no place in the workflow is a fault", () => {
  const workflow = JSON.stringify({ "1": { class_type: "LoadImage", inputs: { image: "a.png" } } });
  assert.deepEqual(
    made("pipeline", { content: workflow, seed: "3" }).faults.map(({ code, field }) => [code, field]),
    [["no_place", "seed"]],
  );
});

test("pictures go to the loaders that they were chosen for", () => {
  const loader = { class_type: "LoadImage", inputs: { image: "a.png" } };
  const found = content(
    "pipeline",
    { content: JSON.stringify({ "1": loader, "2": loader }) },
    { references: { "2": PICTURE } },
  );
  assert.deepEqual(found, { "1": loader, "2": { class_type: "LoadImage", inputs: { image: PICTURE } } });
});

test("a workflow that is no JSON, or no object, is a fault of the workflow", () => {
  for (const text of ["", "{", "[]", '"x"']) {
    assert.deepEqual(
      made("pipeline", { content: text }).faults.map(({ field }) => field),
      ["task.content"],
    );
  }
});

const AGAIN: [Kind, Partial<Draft>, Record<string, string>][] = [
  [
    "text-to-image",
    { prompt: "x\ny", negative: "n", seed: "7", model: "m", extra: '{"cfg_scale": 5}', context: '{"a": [1]}' },
    {},
  ],
  [
    "image-to-image",
    { prompt: "x", width: "640", height: "512", prefix: "p/q", callback: "https://example.com/" },
    { image: PICTURE },
  ],
  ["extra-single-image", { scale: "2.5", expires: "60", extra: '{"upscaler_1": "Lanczos"}' }, { image: PICTURE }],
  ["pipeline", { seed: "12" }, {}],
  ["other", { tasktype: "extra-batch-images", content: '{"imageList": [{"data": "x", "name": "y"}]}' }, {}],
];

for (const [kind, changes, references] of AGAIN) {
  test(`a request of ${kind} that is shown again builds the same request`, () => {
    const first = made(kind, changes, { references }).requests[0];
    assert.ok(first);
    const shown = draftOf(first);
    const again = build({
      ...shown,
      runtime: "sdruntime",
      references: shown.draft.links,
      size: null,
      random: () => "abc123",
    });
    assert.equal(shown.kind, kind);
    assert.deepEqual(again, {
      requests: [
        {
          ...first,
          task: { ...first.task, metadata: { ...first.task.metadata, id: again.requests[0]?.task.metadata.id ?? "" } },
        },
      ],
      faults: [],
    });
  });
}

test("a blank draft asks for one task of the usual prefix, and for nothing else", () => {
  const { count, prefix, links, ...asked } = blankDraft();
  assert.deepEqual([count, prefix, links], ["1", "output", {}]);
  assert.deepEqual(
    Object.entries(asked).filter(([, value]) => value !== ""),
    [],
  );
});
