import assert from "node:assert/strict";
import { test } from "node:test";
import { type Chosen, canChoose, toggled, toggledTask } from "./chosen";

const one = (id: string, n = 0): Chosen => ({ id, n, submission: id });

test("two are compared, and a third takes the place of the first", () => {
  const two = toggled(toggled([], one("a")), one("b"));
  assert.deepEqual(
    toggled(two, one("c")).map((each) => each.id),
    ["b", "c"],
  );
});

test("choosing again takes a picture out", () => {
  assert.deepEqual(toggled([one("a"), one("b")], one("a")), [one("b")]);
});

test("two pictures of one task can be compared", () => {
  assert.equal(toggled([one("a", 0)], one("a", 1)).length, 2);
});

test("in the gallery a task is taken out whichever of its pictures are chosen", () => {
  assert.deepEqual(toggledTask([one("a", 1)], "a", "a"), []);
  assert.deepEqual(toggledTask([one("a", 0), one("a", 1)], "a", "a"), []);
  assert.deepEqual(toggledTask([one("b", 3)], "a", "a"), [one("b", 3), one("a")]);
});

test("only what has a picture can be chosen", () => {
  assert.equal(canChoose({ status: "succeeded", images: 1 }), true);
  assert.equal(canChoose({ status: "succeeded", images: 0 }), false);
  assert.equal(canChoose({ status: "running", images: 0 }), false);
});
