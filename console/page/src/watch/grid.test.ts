import assert from "node:assert/strict";
import { test } from "node:test";
import { heightOf, layoutOf, moved, placeOf, rowsOf, Slots, tilesInSight, toSight } from "./grid";

const layout = { columns: 4, tile: 200, gap: 10, row: 250 };

test("a phone of 360 pixels has two columns, a desktop at least five, and no tile leaves the grid", () => {
  assert.equal(layoutOf(328).columns, 2);
  assert.ok(layoutOf(1232).columns >= 5);
  for (let width = 120; width < 2600; width += 7) {
    const { columns, tile, gap } = layoutOf(width);
    assert.ok(columns * tile + (columns - 1) * gap <= width, `at ${width}`);
  }
});

test("only the tiles in sight and those around them are made", () => {
  assert.deepEqual(tilesInSight(layout, 4000, 10_000, 800, 2), { from: 152, to: 182 });
});

test("above and below the grid there are no tiles", () => {
  assert.deepEqual(tilesInSight(layout, 10, -900, 800, 2), { from: 0, to: 7 });
  assert.deepEqual(tilesInSight(layout, 10, 90_000, 800, 2), { from: 10, to: 10 });
  assert.deepEqual(tilesInSight(layout, 0, 0, 800), { from: 0, to: 0 });
});

test("no row that is in sight lacks a tile, wherever one scrolls and however little lies around it", () => {
  for (const overscan of [0, 2]) {
    for (let top = 0; top < 9000; top += 37) {
      const { from, to } = tilesInSight(layout, 4000, top, 800, overscan);
      assert.ok(from <= Math.floor(top / layout.row) * layout.columns, `from ${from} at ${top}`);
      assert.ok(to >= Math.ceil((top + 800) / layout.row) * layout.columns, `to ${to} at ${top}`);
    }
  }
});

test("a step of scrolling draws a part of a row only", () => {
  const wide = { ...layout, columns: 6 };
  let before = tilesInSight(wide, 4000, 10_000, 800);
  for (let top = 10_000; top < 12_000; top += 10) {
    const after = tilesInSight(wide, 4000, top, 800);
    assert.ok(after.to - before.to <= 2, `${after.to - before.to} tiles at ${top}`);
    before = after;
  }
});

test("the height leaves no gap below the last row, and nothing is as high as nothing", () => {
  assert.equal(heightOf(layout, 5), 490);
  assert.equal(heightOf(layout, 0), 0);
  assert.equal(rowsOf(layout, 8), 2);
});

test("tiles lie in rows from left to right", () => {
  assert.deepEqual(placeOf(layout, 6), { x: 420, y: 250, row: 1, column: 2 });
});

test("arrows move by one and by a row, and stay at the edges", () => {
  const go = (key: string, index: number): number | null => moved(key, index, layout, 10, 2);
  assert.equal(go("ArrowRight", 3), 4);
  assert.equal(go("ArrowRight", 9), 9);
  assert.equal(go("ArrowLeft", 0), 0);
  assert.equal(go("ArrowDown", 1), 5);
  assert.equal(go("ArrowUp", 5), 1);
  assert.equal(go("ArrowUp", 2), 2);
  assert.equal(go("End", 0), 9);
  assert.equal(go("Home", 7), 0);
  assert.equal(go("PageDown", 1), 9);
  assert.equal(go("PageUp", 9), 1);
  assert.equal(go("a", 3), null);
});

test("down from above an incomplete row leads to its last tile, and from the last row nowhere", () => {
  assert.equal(moved("ArrowDown", 7, layout, 10, 2), 9);
  assert.equal(moved("ArrowDown", 8, layout, 10, 2), 8);
});

test("scrolling to a tile goes only as far as needed", () => {
  assert.equal(toSight(layout, 4, 900, 800, 20), 0);
  assert.equal(toSight(layout, 2, 900, 800, 20), -420);
  assert.equal(toSight(layout, 8, 900, 800, 20), 2000 + 240 + 20 - 1700);
});

test("a task keeps its tile while it is in sight, and free tiles are taken again", () => {
  const slots = new Slots();
  assert.deepEqual(slots.assign(["a", "b", "c"]), [0, 1, 2]);
  assert.deepEqual(slots.assign(["new", "a", "b"]), [2, 0, 1]);
  assert.deepEqual(slots.assign(["x", "y", "z"]).toSorted(), [0, 1, 2]);
  assert.equal(Math.max(...slots.assign(["p", "q", "r", "s"])), 3);
});
