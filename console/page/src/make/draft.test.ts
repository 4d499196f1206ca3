import assert from "node:assert/strict";
import { test } from "node:test";
import { freshDraft, PROMPT, restored } from "./draft";

test("a newcomer finds a prompt and the usual size", () => {
  const { prompt, steps, width, height, seed, count } = freshDraft("text-to-image");
  assert.deepEqual([prompt, steps, width, height, seed, count], [PROMPT, "20", "512", "512", "", "1"]);
});

test("what was typed is there again after a reload", () => {
  const typed = { ...freshDraft("image-to-image"), prompt: "<b>x</b>", links: { image: "https://example.com/a.png" } };
  assert.deepEqual(restored("image-to-image", JSON.parse(JSON.stringify(typed))), typed);
});

test("what is no draft, or of another time, does no harm", () => {
  for (const kept of [null, 7, "x", [], { prompt: 5, links: 7 }, { links: { image: 1 } }, { unheard: "of" }]) {
    assert.deepEqual(restored("text-to-image", kept), freshDraft("text-to-image"));
  }
});
