import assert from "node:assert/strict";
import { test } from "node:test";
import { byMinute, pathsOf, rangeOf, runsOf, topOf } from "./chart";

const frame = { from: 0, to: 100, top: 10, width: 200, height: 50 };

test("the upper edge is a round number, and not nothing where all is nothing", () => {
  assert.equal(topOf([{ at: 0, value: 3100 }], 5), 5000);
  assert.equal(topOf([{ at: 0, value: 0 }], 5), 5);
  assert.equal(topOf([{ at: 0, value: null }], 1), 1);
  assert.equal(topOf([{ at: 0, value: 10 }], 1), 10);
});

test("where nobody could tell, the line has a gap", () => {
  const samples = [
    { at: 0, value: 0 },
    { at: 20, value: 10 },
    { at: 40, value: null },
    { at: 60, value: 5 },
    { at: 100, value: 5 },
  ];
  assert.equal(runsOf(samples).length, 2);
  const { line, area } = pathsOf(samples, frame);
  assert.equal(line, "M0 50L40 0M120 25L200 25");
  assert.equal(area, "M0 50L0 50L40 0L40 50ZM120 50L120 25L200 25L200 50Z");
});

test("a single value is drawn too", () => {
  assert.equal(pathsOf([{ at: 50, value: 5 }], frame).line, "M100 25L102 25");
});

test("nothing known is no line, and says so", () => {
  assert.equal(pathsOf([{ at: 0, value: null }], frame).line, "");
  assert.equal(rangeOf([{ at: 0, value: null }]), null);
});

test("a value above the edge stays inside", () => {
  assert.equal(
    pathsOf(
      [
        { at: 0, value: 99 },
        { at: 100, value: 0 },
      ],
      frame,
    ).line,
    "M0 0L200 50",
  );
});

test("the table has one line for each minute, the newest first", () => {
  const moments = [{ at: 1_000 }, { at: 59_000 }, { at: 61_000 }, { at: 125_000 }];
  assert.deepEqual(
    byMinute(moments).map((moment) => moment.at),
    [125_000, 61_000, 59_000],
  );
});

test("the range tells what is known, and the last moment honestly", () => {
  const samples = [
    { at: 0, value: 4 },
    { at: 1, value: 9 },
    { at: 2, value: null },
  ];
  assert.deepEqual(rangeOf(samples), { least: 4, most: 9, last: null });
});
