import assert from "node:assert/strict";
import { test } from "node:test";
import { span, step, trace } from "./made";
import { placeOf, type Row, rowsOf, ticksOf, walked } from "./waterfall";

const made = trace(
  [
    span("api", { offset_ms: 0, ms: 10, service: "darkroom-validator" }),
    span("publish", { depth: 1, parent_id: "api", offset_ms: 4, ms: 5 }),
    span("process", { depth: 2, parent_id: "publish", offset_ms: 30, ms: 60 }),
    span("infer", { depth: 3, parent_id: "process", offset_ms: 40, ms: 40, gpu: true }),
    span("settle", { depth: 3, parent_id: "process", offset_ms: 80, ms: 5 }),
  ],
  [
    step("api", 0, 4),
    step("publish", 4, 5),
    step(null, 9, 21, "in the queue"),
    step("process", 30, 10),
    step("infer", 40, 50),
  ],
);

const names = (rows: Row[]): string[] => rows.map((row) => (row.kind === "span" ? row.span.name : row.step.name));

test("a wait stands before the span that ended it", () => {
  assert.deepEqual(names(rowsOf(made, new Set())), ["api", "publish", "in the queue", "process", "infer", "settle"]);
});

test("what is below a closed span is left out, and it says how much that is", () => {
  const rows = rowsOf(made, new Set(["process"]));
  assert.deepEqual(names(rows), ["api", "publish", "in the queue", "process"]);
  const closed = rows.find((row) => row.kind === "span" && row.span.name === "process");
  assert.equal(closed?.kind === "span" && closed.below, 2);
});

test("all of a closed root is hidden, however deep, and the wait still told", () => {
  assert.deepEqual(names(rowsOf(made, new Set(["api"]))), ["api", "in the queue"]);
});

test("each span has its own parts of the critical path", () => {
  const infer = rowsOf(made, new Set()).find((row) => row.kind === "span" && row.span.name === "infer");
  assert.deepEqual(infer?.kind === "span" && infer.own.map((each) => each.ms), [50]);
});

test("the axis has round numbers and does not go beyond the whole", () => {
  assert.deepEqual(ticksOf(974, 5), [0, 200, 400, 600, 800]);
  assert.deepEqual(ticksOf(2500, 5), [0, 500, 1000, 1500, 2000, 2500]);
  assert.deepEqual(ticksOf(0, 5), [0]);
});

test("nothing lies beside the axis, and a trace of no time does not divide by it", () => {
  assert.deepEqual(placeOf({ offset_ms: 90, ms: 30 }, 100), { left: "90%", width: "10%" });
  assert.deepEqual(placeOf({ offset_ms: 0, ms: 0 }, 0), { left: "0%", width: "0%" });
});

test("arrows go through the tree: right opens and goes in, left closes and goes out", () => {
  const rows = rowsOf(made, new Set());
  assert.deepEqual(walked("ArrowDown", rows, 0), { to: 1 });
  assert.deepEqual(walked("ArrowUp", rows, 0), { to: 0 });
  assert.deepEqual(walked("ArrowLeft", rows, 3), { to: 3, open: false });
  assert.deepEqual(walked("ArrowLeft", rows, 4), { to: 3 });
  assert.deepEqual(walked("ArrowRight", rows, 3), { to: 4 });
  assert.deepEqual(walked("ArrowRight", rowsOf(made, new Set(["api"])), 0), { to: 0, open: true });
  assert.deepEqual(walked("End", rows, 0), { to: 5 });
  assert.equal(walked("ArrowRight", rows, 2), null);
});
