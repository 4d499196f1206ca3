import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadWords, savable } from "./downloads";

test("outputs beyond those that the API gives are not asked for, and the button says so", () => {
  assert.deepEqual([savable(1), savable(100), savable(101), savable(3000)], [1, 100, 100, 100]);
  assert.equal(downloadWords(100, 3000), "Download the first 100 of 3,000");
});

test("a button that saves all says how many those are", () => {
  assert.deepEqual([downloadWords(1, 1), downloadWords(100, 100)], ["Download", "Download all 100"]);
});
