import assert from "node:assert/strict";
import { test } from "node:test";
import type { Status, TaskRow } from "../types";
import { isFiltered, newerThan, runtimeNames, sieve } from "./filters";

function row(id: string, status: Status, runtime = "sd", created_at = 0): TaskRow {
  const times = { created_at, started_at: null, finished_at: null };
  return { id, submission: id, runtime, tasktype: "t", status, ...times, progress: null, images: 0, error: null };
}

const rows = [row("Lighthouse-1", "running"), row("cat-2", "failed", "comfy"), row("light-3", "failed")];
const everything = { status: null, runtime: null, q: "" };

test("states are counted among what the other filters leave", () => {
  const { rows: left, counts } = sieve(rows, { status: "failed", runtime: null, q: "LIGHT" });
  assert.deepEqual(
    left.map((each) => each.id),
    ["light-3"],
  );
  assert.deepEqual([counts.all, counts.running, counts.failed, counts.queued], [2, 1, 1, 0]);
});

test("a filter by runtime leaves its tasks only", () => {
  const { rows: left } = sieve(rows, { ...everything, runtime: "comfy" });
  assert.deepEqual(
    left.map((each) => each.id),
    ["cat-2"],
  );
});

test("spaces alone filter nothing", () => {
  assert.equal(isFiltered({ ...everything, q: "  " }), false);
  assert.equal(sieve(rows, { ...everything, q: " " }).rows.length, 3);
});

test("runtimes of old tasks and of a shared address can be chosen too", () => {
  assert.deepEqual(runtimeNames(["sd"], rows, "gone"), ["comfy", "gone", "sd"]);
});

test("tasks newer than the mark are held back, also those of the same millisecond", () => {
  const list = [row("d", "queued", "sd", 9), row("c", "queued", "sd", 5), row("b", "queued", "sd", 5)];
  assert.equal(newerThan(list, { created_at: 5, id: "b" }), 2);
  assert.equal(newerThan(list, { created_at: 9, id: "d" }), 0);
  assert.equal(newerThan(list, { created_at: 1, id: "a" }), 3);
  assert.equal(newerThan(list, null), 0);
});
