import assert from "node:assert/strict";
import { test } from "node:test";
import { durationText, tickText } from "./durations";

const DURATIONS: [number, string][] = [
  [0, "0 ms"],
  [0.451, "0.45 ms"],
  [4.06, "4.1 ms"],
  [94.8, "95 ms"],
  [999.4, "999 ms"],
  [2512.8, "2.51 s"],
  [42_000, "42.0 s"],
  [119_499, "119.5 s"],
  [119_500, "2 min 0 s"],
  [179_700, "3 min 0 s"],
  [185_000, "3 min 5 s"],
  [3_599_499, "59 min 59 s"],
  [3_599_500, "1 h 0 min"],
  [7_199_700, "2 h 0 min"],
  [7_800_000, "2 h 10 min"],
];

for (const [ms, words] of DURATIONS) {
  test(`a span of ${ms} ms takes ${words}`, () => assert.equal(durationText(ms), words));
}

test("the axis of a short trace is in milliseconds, that of a long one in seconds", () => {
  assert.deepEqual(
    [tickText(0, 974), tickText(200, 974), tickText(500, 2500), tickText(90_000, 200_000)],
    ["0", "200 ms", "0.5 s", "90 s"],
  );
});
