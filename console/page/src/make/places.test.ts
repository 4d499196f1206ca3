import assert from "node:assert/strict";
import { test } from "node:test";
import type { RuntimeInfo } from "../types";
import { type Kind, runtimeFor, servedKinds } from "./kinds";
import { placeOf } from "./places";

const PLACES: [Kind, string | null, string | null][] = [
  ["text-to-image", "task.content.width", "width"],
  ["text-to-image", "task.content.alwayson_scripts.sd_model_checkpoint", "model"],
  ["text-to-image", "task.content.alwayson_scripts.controlnet", "extra"],
  ["text-to-image", "task.content.cfg_scale", "extra"],
  ["text-to-image", "task.content", null],
  ["text-to-image", "task.metadata.callback_url", "callback"],
  ["text-to-image", "task.metadata.id", null],
  ["text-to-image", null, null],
  ["image-to-image", "task.content.init_images[0]", "picture-image"],
  ["extra-single-image", "task.content.image", "picture-image"],
  ["pipeline", "task.content.12.inputs.seed", "node-12"],
  ["pipeline", "task.content", "content"],
  ["pipeline", "seed", "seed"],
  ["other", "task.content.imageList[0].data", "content"],
];

for (const [kind, field, place] of PLACES) {
  test(`a fault of ${field} is shown ${place ? `at ${place}` : "at the top only"} in ${kind}`, () => {
    assert.equal(placeOf(kind, field), place);
  });
}

function runtime(name: string, ...tasktypes: string[]): RuntimeInfo {
  return { name, type: "t", tasktypes, models: [] };
}

test("there are tabs for what some runtime serves, and no others", () => {
  assert.deepEqual(servedKinds([runtime("b", "pipeline"), runtime("a", "text-to-image", "made-up")]), [
    "text-to-image",
    "pipeline",
    "other",
  ]);
  assert.deepEqual(servedKinds([]), []);
});

test("a runtime that does not serve the kind gives way to the first that does", () => {
  const all = [runtime("x", "pipeline"), runtime("y", "text-to-image"), runtime("z", "text-to-image")];
  assert.equal(runtimeFor(all, "text-to-image", "z")?.name, "z");
  assert.equal(runtimeFor(all, "text-to-image", "x")?.name, "y");
  assert.equal(runtimeFor(all, "extra-single-image", "x"), null);
});
