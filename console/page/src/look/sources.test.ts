import assert from "node:assert/strict";
import { test } from "node:test";
import { documentPath } from "./sources";

test("a document is asked for of the very task that is shown, whoever has its id by now", () => {
  assert.equal(documentPath({ id: "cat", submission: "1-2" }, "out"), "/api/tasks/cat/out?s=1-2");
});
