import assert from "node:assert/strict";
import { test } from "node:test";
import { span, step, trace } from "./made";
import { legsOf, sharesOf, stageOfSpan } from "./stages";

const api = span("POST /v1alpha2", { span_id: "api", service: "darkroom-validator", kind: "server", ms: 10 });
const publish = span("publish requests", { parent_id: "api", service: "darkroom-validator", kind: "producer" });
const process = span("process sd", { span_id: "process", parent_id: "publish requests", kind: "consumer" });
const prepare = span("prepare", { parent_id: "process" });
const infer = span("infer", { parent_id: "process", gpu: true });
const change = span("switch model", { parent_id: "infer" });
const node = span("node KSampler", { parent_id: "infer" });
const server = span("POST /prompt", { parent_id: "infer", service: "sketch-comfyui", kind: "server" });
const store = span("store", { parent_id: "process", kind: "client" });
const told = span("publish notifications", { parent_id: "process", kind: "producer" });
const spans = [api, publish, process, prepare, infer, change, node, server, store, told];

test("spans below a stage belong to it, also those of the runtime and of the nodes of a workflow", () => {
  const byId = new Map(spans.map((each) => [each.span_id, each]));
  const stages = spans.map((each) => stageOfSpan(each, byId));
  const infers = ["infer", "switch model", "infer", "infer"];
  assert.deepEqual(stages, ["API", "API", null, "fetch", ...infers, "store", "notify"]);
});

test("the critical path becomes the stages that a task passes through, and their shares are the whole", () => {
  const steps = [
    step("api", 0, 6),
    step("publish requests", 6, 4),
    step(null, 10, 20, "in the queue"),
    step("process", 30, 1),
    step("prepare", 31, 9),
    step("infer", 40, 5),
    step("switch model", 45, 15),
    step("node KSampler", 60, 30),
    step("store", 90, 6),
    step("process", 96, 1),
    step("publish notifications", 97, 3),
  ];
  const legs = legsOf(trace(spans, steps));
  assert.deepEqual(
    legs.map((leg) => [leg.stage, leg.ms, leg.waiting]),
    [
      ["API", 10, false],
      ["queue", 20, true],
      ["fetch", 10, false],
      ["infer", 5, false],
      ["switch model", 15, false],
      ["infer", 30, false],
      ["store", 6, false],
      ["notify", 4, false],
    ],
  );
  const shares = sharesOf(legs, 100);
  assert.equal(
    shares.reduce((sum, each) => sum + each.ms, 0),
    100,
  );
  assert.deepEqual(
    shares.map((each) => each.stage),
    ["API", "queue", "fetch", "switch model", "infer", "store", "notify"],
  );
});

test("spans whose parents go in circles have no stage, and nothing hangs", () => {
  const a = span("a", { parent_id: "b" });
  const b = span("b", { parent_id: "a" });
  const byId = new Map([a, b].map((each) => [each.span_id, each]));
  assert.equal(stageOfSpan(a, byId), null);
});
