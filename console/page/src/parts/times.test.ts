import assert from "node:assert/strict";
import { test } from "node:test";
import { agoText, spanText } from "./times";

const SPANS: [number, string][] = [
  [0, "0 s"],
  [-5, "0 s"],
  [42, "42 ms"],
  [400, "0.4 s"],
  [9949, "9.9 s"],
  [9960, "10 s"],
  [59_700, "1 min"],
  [185_000, "3 min 5 s"],
  [3_599_499, "59 min 59 s"],
  [3_599_600, "1 h"],
  [7_800_000, "2 h 10 min"],
  [86_369_000, "23 h 59 min"],
  [86_399_000, "1 d"],
  [4 * 86_400_000 + 3 * 3_600_000, "4 d 3 h"],
];

for (const [ms, words] of SPANS) {
  test(`${ms} ms are ${words}`, () => assert.equal(spanText(ms), words));
}

test("how long ago says minutes and hours, and nothing of a clock that is ahead", () => {
  assert.equal(agoText(10_000, 5_000), "just now");
  assert.equal(agoText(0, 45_000), "40 s ago");
  assert.equal(agoText(0, 5 * 60_000), "5 min ago");
  assert.equal(agoText(0, 3 * 3_600_000), "3 h ago");
});
