import { computed, signal } from "@preact/signals";

/** The time, in steps of a second; it stands still while nobody looks. */
export const now = signal(Date.now());

const minute = computed(() => Math.floor(now.value / 10_000) * 10_000);

/** The same in steps of ten seconds, for what says "4 min ago". */
export const lately = minute;

if (typeof document !== "undefined") {
  const tick = () => {
    if (!document.hidden) now.value = Date.now();
  };
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A span of time as people say it: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`. */
export function spanText(ms: number): string {
  const span = Math.max(0, ms);
  if (span < 1) return span === 0 ? "0 s" : `${span.toFixed(2)} ms`;
  if (span < 100) return `${Math.round(span)} ms`;
  if (span < 9950) return `${(span / SECOND).toFixed(1)} s`;
  const seconds = Math.round(span / SECOND);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < HOUR / SECOND) return pair(seconds, 60, "min", "s");
  const minutes = Math.round(span / MINUTE);
  if (minutes < DAY / MINUTE) return pair(minutes, 60, "h", "min");
  return pair(Math.round(span / HOUR), 24, "d", "h");
}

function pair(small: number, size: number, large: string, unit: string): string {
  const rest = small % size;
  const whole = `${Math.floor(small / size)} ${large}`;
  return rest ? `${whole} ${rest} ${unit}` : whole;
}

/** How long ago something was. */
export function agoText(at: number, from: number): string {
  const span = from - at;
  if (span < 10 * SECOND) return "just now";
  if (span < MINUTE) return `${Math.floor(span / (10 * SECOND)) * 10} s ago`;
  if (span < HOUR) return `${Math.floor(span / MINUTE)} min ago`;
  if (span < DAY) return `${Math.floor(span / HOUR)} h ago`;
  return new Date(at).toLocaleDateString(undefined, { day: "numeric", month: "short" });
}

// Made once: to make one takes longer than to draw a tile.
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** A moment whole, for a title or a table. */
export function momentText(at: number): string {
  return MOMENT.format(at);
}
