import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useReducer, useRef } from "preact/hooks";
import { layoutOf, tilesInSight } from "./grid";

const FAST = 1.5; // pixels per millisecond, from which on thumbnails wait until it is over
const PATIENCE_MS = 140;
const STILL_MS = 160;
const OVERSCAN = 2; // rows

const still = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-reduced-motion: reduce)");

/** Follows the window over the grid: its layout, and which tiles are in sight. */
export function useSight(box: RefObject<HTMLElement | null>, count: number, onAway: (away: boolean) => void) {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const view = useRef({ top: 0, height: globalThis.innerHeight ?? 800, width: 0, speed: 0, at: 0 }).current;
  const near = useRef(OVERSCAN);
  const layout = useMemo(() => layoutOf(view.width || 1200), [view.width]);
  const { from, to } = tilesInSight(layout, count, view.top, view.height, near.current);
  const shown = useRef({ layout, from, to, count });
  shown.current = { layout, from, to, count };

  useLayoutEffect(() => {
    const look = () => {
      const element = box.current;
      if (!element) return;
      const { top, width } = element.getBoundingClientRect();
      const now = performance.now();
      const passed = Math.max(1, now - view.at);
      const moved = Math.abs(-top - view.top);
      // Of the last few steps: one frame that takes long is no rest.
      const kept = passed > STILL_MS ? 0 : 0.7;
      if (moved > 0) Object.assign(view, { speed: kept * view.speed + (1 - kept) * (moved / passed), at: now });
      Object.assign(view, { top: -top, height: innerHeight });
      const was = shown.current;
      const seen = tilesInSight(was.layout, was.count, view.top, view.height, 0);
      const leapt = seen.to > seen.from && (seen.from >= was.to || seen.to <= was.from);
      near.current = leapt ? 0 : OVERSCAN;
      const next = tilesInSight(was.layout, was.count, view.top, view.height, near.current);
      const turned = Math.abs(width - view.width) >= 1;
      view.width = width;
      onAway(view.top > was.layout.row * 0.6);
      if (turned || next.from !== was.from || next.to !== was.to) redraw(undefined);
      // After a leap all tiles are new: those in sight first, the ones around them a frame later.
      if (leapt) requestAnimationFrame(() => requestAnimationFrame(look));
    };
    const sizes = new ResizeObserver(look);
    if (box.current) sizes.observe(box.current);
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    look();
    return () => {
      sizes.disconnect();
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, []);

  const moving = () => performance.now() - view.at < STILL_MS;
  const patience = useMemo(() => () => (moving() && view.speed > FAST ? PATIENCE_MS : 0), []);
  const calm = useMemo(() => () => !moving() && still?.matches === false, []);
  return { layout, from, to, view, patience, calm, redraw: () => redraw(undefined) };
}
