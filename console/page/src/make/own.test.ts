import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskRow } from "../types";
import { ownRows } from "./own";

const TASKS = new Map([["known", { id: "known", status: "succeeded" } as TaskRow]]);

test("what the system knows no more, or not yet after a reload, is not shown as queued", () => {
  assert.deepEqual(ownRows(["gone", "known"], TASKS, new Map()), [TASKS.get("known")]);
});

test("what was just accepted is queued until the server tells of it", () => {
  const [row] = ownRows(["new"], TASKS, new Map([["new", 7]]));
  assert.deepEqual([row?.id, row?.status, row?.created_at], ["new", "queued", 7]);
  assert.equal(ownRows(["known"], TASKS, new Map([["known", 7]]))[0]?.status, "succeeded");
});
