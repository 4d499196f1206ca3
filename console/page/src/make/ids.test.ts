import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, randomSeed } from "./ids";
import { bytesText, fittingSize } from "./sizes";

test("an id has words of the prompt and six digits of chance", () => {
  assert.match(newId("A lighthouse, at dusk"), /^a-lighthouse-at-dusk-[0-9a-f]{6}$/);
  assert.notEqual(newId("x"), newId("x"));
});

test("what has no letters is a task", () => {
  for (const prompt of ["", "灯台", "<>!"])
    assert.equal(
      newId(prompt, () => "000000"),
      "task-000000",
    );
});

test("an id is short, and one that the API takes", () => {
  const id = newId("many words ".repeat(40));
  assert.ok(id.length <= 47);
  assert.match(id, /^[A-Za-z0-9][A-Za-z0-9._-]*$/);
  assert.equal(
    newId(`${"a".repeat(39)} b`, () => "1"),
    `${"a".repeat(39)}-1`,
  );
});

test("a seed is a whole number that all runtimes take", () => {
  const seed = randomSeed();
  assert.ok(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32);
});

const SIZES: [number, number, number, number][] = [
  [512, 512, 512, 512],
  [4000, 3000, 1024, 768],
  [1030, 517, 1024, 512],
  [3, 5, 8, 8],
  [10_000, 20, 1024, 8],
];

for (const [width, height, wide, high] of SIZES) {
  test(`a picture of ${width} x ${height} leads to ${wide} x ${high}`, () => {
    assert.deepEqual(fittingSize({ width, height }), { width: wide, height: high });
  });
}

test("sizes of files are said as people say them", () => {
  assert.deepEqual([12, 2048, 32 * 1024 * 1024, 1_500_000].map(bytesText), ["12 bytes", "2 KiB", "32 MiB", "1.4 MiB"]);
});
