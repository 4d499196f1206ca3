import assert from "node:assert/strict";
import { test } from "node:test";
import { href, parse, type Route } from "./routes";

const ROUTES: Route[] = [
  { area: "make" },
  { area: "gallery", status: null, runtime: null, q: "" },
  { area: "gallery", status: "failed", runtime: "sdxl & co", q: "a=b?c#d" },
  { area: "task", id: "red-fox-1a2b3c" },
  { area: "compare", left: { id: "a.b", n: 0 }, right: { id: "c_d", n: 12 } },
  { area: "glance" },
];

for (const route of ROUTES) {
  test(`the link to ${JSON.stringify(route)} leads back to it`, () => {
    assert.deepEqual(parse(href(route)), route);
  });
}

test("nothing and a lone slash are the area Make", () => {
  for (const hash of ["", "#", "#/"]) assert.deepEqual(parse(hash), { area: "make" });
});

test("a state that does not exist filters nothing", () => {
  assert.deepEqual(parse("#/gallery?status=eaten"), { area: "gallery", status: null, runtime: null, q: "" });
});

for (const hash of [
  "#/tasks/",
  "#/tasks/a/b",
  "#/compare/a/0/b",
  "#/compare/a/x/b/1",
  "#/tasks/%E0%A4",
  "#/elsewhere",
]) {
  test(`${hash} is no page`, () => {
    assert.deepEqual(parse(hash), { area: "unknown" });
  });
}
