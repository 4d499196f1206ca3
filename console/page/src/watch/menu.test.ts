import assert from "node:assert/strict";
import { test } from "node:test";
import { besides } from "./menu";

const window = { width: 360, height: 640 };
const size = { width: 220, height: 200 };

test("a menu opens below its button, flush with its right edge", () => {
  assert.deepEqual(besides({ left: 300, right: 330, top: 100, bottom: 130 }, size, window), { left: 110, top: 134 });
});

test("it opens above where there is no room below", () => {
  assert.equal(besides({ left: 300, right: 330, top: 500, bottom: 530 }, size, window).top, 296);
});

test("it does not leave a narrow window", () => {
  assert.equal(besides({ left: 10, right: 40, top: 100, bottom: 130 }, size, window).left, 8);
});
