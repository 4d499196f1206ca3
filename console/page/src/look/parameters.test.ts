import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskRequest } from "../types";
import { differencesOf, parametersOf, secondsOf, sizeText, usedOf, valueText } from "./parameters";

function request(content: Record<string, unknown>): TaskRequest {
  return { task: { metadata: { id: "a", runtime: "sd", tasktype: "text-to-image", prefix: "output" }, content } };
}

test("prompt and seed come first, and what is nested has the names above it", () => {
  const rows = parametersOf(request({ width: 512, override_settings: { model: "x" }, seed: -1, prompt: "<b>fox</b>" }));
  assert.deepEqual(
    rows.map((row) => [row.name, row.value]),
    [
      ["prompt", "<b>fox</b>"],
      ["seed", "-1"],
      ["width", "512"],
      ["override_settings › model", "x"],
    ],
  );
  assert.equal(rows[0]?.kind, "prose");
});

test("of a workflow the inputs are listed by node, without the links", () => {
  const rows = parametersOf(
    request({
      "3": { class_type: "KSampler", inputs: { seed: 5, model: ["4", 0] } },
      "6": { class_type: "CLIPTextEncode", _meta: { title: "Prompt" }, inputs: { text: "a fox" } },
    }),
  );
  assert.deepEqual(
    rows.map((row) => [row.name, row.value, row.kind]),
    [
      ["KSampler 3 › seed", "5", "plain"],
      ["Prompt 6 › text", "a fox", "prose"],
    ],
  );
});

test("a request that nobody knows has no parameters, and a broken one does not break the page", () => {
  assert.deepEqual(parametersOf(null), []);
  assert.deepEqual(parametersOf(request([] as unknown as Record<string, unknown>)), []);
  assert.deepEqual(parametersOf({ task: {} } as TaskRequest), []);
});

test("a picture in the request is told by its size", () => {
  assert.equal(valueText("A".repeat(4000)), "encoded data, 3 KB");
  assert.equal(sizeText(1_234_567), "1.2 MB");
});

test("the seeds that were used are those of the answer, also where it is text in text", () => {
  const info = { all_seeds: [7, 8], seed: 7, sd_model_name: "v1-5", width: 512, height: 768 };
  for (const out of [{ info }, { info: JSON.stringify(info) }]) {
    assert.deepEqual(
      usedOf(out).map((row) => [row.name, row.value]),
      [
        ["seeds", "7, 8"],
        ["model", "v1-5"],
        ["size", "512 × 768"],
      ],
    );
  }
});

test("of an answer without any of this nothing is made up", () => {
  for (const out of [null, {}, { info: "no json" }, { info: [] }, { darkroom: 1 }]) {
    assert.deepEqual(usedOf(out), []);
    assert.deepEqual(secondsOf(out), []);
  }
});

test("the seconds of the stages become milliseconds", () => {
  assert.deepEqual(secondsOf({ darkroom: { seconds: { queued: 0.076, infer: 2.204 } } }), [
    { stage: "queued", ms: 76 },
    { stage: "infer", ms: 2204 },
  ]);
});

test("of two tasks the differences come first, and what one has not is told", () => {
  const one = (name: string, value: string) => ({ name, value, kind: "plain" as const });
  const rows = differencesOf(
    [one("steps", "20"), one("seed", "1")],
    [one("steps", "20"), one("seed", "2"), one("x", "y")],
  );
  assert.deepEqual(
    rows.map((row) => [row.name, row.left, row.right, row.same]),
    [
      ["seed", "1", "2", false],
      ["x", null, "y", false],
      ["steps", "20", "20", true],
    ],
  );
});
