import assert from "node:assert/strict";
import { test } from "node:test";
import { pictureSource } from "./Picture";

test("the address of a picture, whole or small, names the task that made it", () => {
  const which = { id: "cat", n: 2, submission: "a b" };
  assert.equal(pictureSource(which), "/api/tasks/cat/images/2/thumb?s=a%20b");
  assert.equal(pictureSource({ ...which, whole: true }), "/api/tasks/cat/images/2?s=a%20b");
});
