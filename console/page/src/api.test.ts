import assert from "node:assert/strict";
import { test } from "node:test";
import { del, faultsOf, get, getText, locked, OfflineError, post, RefusedError, taskPath, upload } from "./api";

interface Sent {
  path: string;
  init: RequestInit;
}

/** Answers every request with this, and keeps what was sent. */
function answering(status: number, body: string | null): Sent[] {
  const sent: Sent[] = [];
  globalThis.fetch = async (path, init = {}) => {
    sent.push({ path: String(path), init });
    if (body === null) throw new TypeError("fetch failed");
    return new Response(body, { status });
  };
  return sent;
}

function header(sent: Sent | undefined, name: string): string | null {
  return new Headers(sent?.init.headers).get(name);
}

test("what changes something carries the header that no form of another page can set", async () => {
  const sent = answering(200, '{"reference": "upload://1"}');
  await post("/api/tasks", { a: 1 });
  await del("/api/tasks/x");
  assert.equal(await upload(new Blob(["x"])), "upload://1");
  assert.deepEqual(
    sent.map(({ init }) => init.method),
    ["POST", "DELETE", "POST"],
  );
  for (const one of sent) assert.equal(header(one, "X-Darkroom-Console"), "1");
  assert.equal(header(sent[0], "Content-Type"), "application/json");
  assert.equal(sent[0]?.init.body, '{"a":1}');
});

test("a refusal is told in the API's own words", async () => {
  const fault = { code: "bad_value", message: "task.content.width must be positive", field: "task.content.width" };
  const second = { ...fault, field: "task.content.steps" };
  answering(400, JSON.stringify({ error: fault, errors: [fault, second] }));
  await assert.rejects(post("/api/tasks", {}), { name: "RefusedError", status: 400, faults: [fault, second] });
});

test("an answer that nobody expected is a refusal that says so", () => {
  for (const body of [null, {}, { error: undefined, errors: [] }, "<html>"]) {
    assert.match(faultsOf(500, body)[0].message, /500/);
  }
});

test("a server that does not answer is offline", async () => {
  answering(0, null);
  await assert.rejects(get("/api/system"), (error: unknown) => error instanceof OfflineError);
});

test("a server that breaks off in the middle of its answer is offline", async () => {
  globalThis.fetch = async () => {
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError("network error")) });
    return new Response(body);
  };
  for (const reading of [get("/api/system"), getText("/api/tasks/x/out")]) {
    await assert.rejects(reading, (error: unknown) => error instanceof OfflineError);
  }
});

test("401 locks the page, and any other answer opens it again", async () => {
  answering(401, "{}");
  await assert.rejects(get("/api/system"), (error: unknown) => error instanceof RefusedError);
  assert.equal(locked.value, true);
  answering(200, "{}");
  await get("/api/system");
  assert.equal(locked.value, false);
});

test("an answer without a body is nothing", async () => {
  answering(202, "");
  assert.equal(await del("/api/tasks/x"), null);
});

test("an id stays in its part of the path", () => {
  assert.equal(taskPath("a/../b", "images/0"), "/api/tasks/a%2F..%2Fb/images/0");
  assert.equal(taskPath("x"), "/api/tasks/x");
});
