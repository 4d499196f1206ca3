import assert from "node:assert/strict";
import { test } from "node:test";
import { Book, newestFirst } from "./book";
import type { Status, TaskRow } from "./types";

function row(id: string, created_at: number, status: Status = "queued"): TaskRow {
  const times = { created_at, started_at: null, finished_at: null };
  return {
    id,
    submission: `s-${id}`,
    runtime: "r",
    tasktype: "t",
    status,
    ...times,
    progress: null,
    images: 0,
    error: null,
  };
}

function ids(book: Book): string[] {
  return newestFirst(book.rows()).map(({ id }) => id);
}

test("a change replaces the task, and the newest comes first", () => {
  const book = new Book();
  book.reset(0);
  book.put([row("a", 1), row("b", 2)]);
  book.put([row("a", 1, "running")]);
  assert.deepEqual(ids(book), ["b", "a"]);
  assert.equal(book.rows().get("a")?.status, "running");
});

test("after a reset the old tasks stay in view until all new ones have come", () => {
  const book = new Book();
  book.reset(0);
  book.put([row("old", 1), row("kept", 2)]);
  book.reset(3);
  assert.deepEqual(ids(book), ["kept", "old"]);
  book.put([row("new", 4), row("newer", 5)]);
  assert.deepEqual(ids(book), ["kept", "old"]);
  book.put([row("kept", 2)]);
  assert.deepEqual(ids(book), ["newer", "new", "kept"]);
});

test("fewer tasks than were announced are taken for the whole when told so", () => {
  const book = new Book();
  book.reset(0);
  book.put([row("old", 1)]);
  book.reset(10);
  book.put([row("new", 2)]);
  book.finish();
  assert.deepEqual(ids(book), ["new"]);
});

test("a reset to nothing empties the page", () => {
  const book = new Book();
  book.put([row("a", 1)]);
  book.reset(0);
  assert.deepEqual(ids(book), []);
});

test("what was shown does not change under the eyes of who has it", () => {
  const book = new Book();
  book.reset(0);
  book.put([row("a", 1)]);
  const shown = book.rows();
  book.put([row("b", 2)]);
  assert.deepEqual([...shown.keys()], ["a"]);
});

test("a page that stays open for days forgets the oldest", () => {
  const book = new Book();
  book.reset(0);
  for (let n = 0; n < 6001; n += 1) book.put([row(`t${n}`, n)]);
  const kept = ids(book);
  assert.equal(kept.length, 5000);
  assert.equal(kept[0], "t6000");
});
