import type { Span, Step, Trace } from "../types";

/** A row of the waterfall: a span, or a time in which nothing was under way. */
export type Row =
  | { kind: "span"; key: string; span: Span; depth: number; below: number; open: boolean; own: Step[] }
  | { kind: "wait"; key: string; step: Step; depth: 0 };

const SAME_MS = 0.001; // what is nearer counts as the same moment

/** How many spans each span has below it, however deep. Spans come each above its own. */
export function countsBelow(spans: readonly Span[]): Map<string, number> {
  const counts = new Map<string, number>();
  spans.forEach((span, index) => {
    let end = index + 1;
    while (end < spans.length && (spans[end]?.depth ?? 0) > span.depth) end += 1;
    counts.set(span.span_id, end - index - 1);
  });
  return counts;
}

/** The rows to show: what is below a closed span is left out; a wait stands before what ended it. */
export function rowsOf(trace: Trace, closed: ReadonlySet<string>): Row[] {
  const below = countsBelow(trace.spans);
  const own = new Map<string, Step[]>();
  for (const step of trace.steps) {
    if (step.span_id !== null) own.set(step.span_id, [...(own.get(step.span_id) ?? []), step]);
  }
  const waits = trace.steps.filter((step) => step.span_id === null);
  const rows: Row[] = [];
  let hiddenFrom = Number.POSITIVE_INFINITY;
  const waitsUntil = (moment: number): void => {
    for (let step = waits[0]; step && step.offset_ms + step.ms <= moment; step = waits[0]) {
      rows.push({ kind: "wait", key: `wait-${step.offset_ms}`, step, depth: 0 });
      waits.shift();
    }
  };
  for (const span of trace.spans) {
    if (span.depth > hiddenFrom) continue;
    hiddenFrom = Number.POSITIVE_INFINITY;
    waitsUntil(span.offset_ms + SAME_MS);
    const key = span.span_id;
    const open = !closed.has(key);
    if (!open) hiddenFrom = span.depth;
    rows.push({
      kind: "span",
      key,
      span,
      depth: span.depth,
      below: below.get(key) ?? 0,
      open,
      own: own.get(key) ?? [],
    });
  }
  waitsUntil(Number.POSITIVE_INFINITY);
  return rows;
}

/** Moments of an axis of about `most` parts, at round numbers; the last is not beyond the whole. */
export function ticksOf(total: number, most: number): number[] {
  if (!(total > 0)) return [0];
  const rough = total / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  return Array.from({ length: Math.floor(total / step + 1e-9) + 1 }, (_, n) => n * step);
}

/** A number for each service, in the order of their first spans, to choose its colour by. */
export function coloursOf(spans: readonly Span[]): Map<string, number> {
  return new Map([...new Set(spans.map((span) => span.service))].map((service, n) => [service, n % 8]));
}

/** Where something lies on the axis, in percent. */
export function placeOf(part: { offset_ms: number; ms: number }, total: number): { left: string; width: string } {
  const whole = total > 0 ? total : 1;
  const left = Math.min(100, Math.max(0, (part.offset_ms / whole) * 100));
  const width = Math.min(100 - left, Math.max(0, (part.ms / whole) * 100));
  return { left: `${left}%`, width: `${width}%` };
}

/** The row that a key leads to in a tree; `open` is what is to become of the row that it leaves. */
export function walked(key: string, rows: readonly Row[], index: number): { to: number; open?: boolean } | null {
  const row = rows[index];
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (step) return { to: Math.min(rows.length - 1, Math.max(0, index + step)) };
  if (key === "Home") return { to: 0 };
  if (key === "End") return { to: rows.length - 1 };
  if (row?.kind !== "span") return null;
  if (key === "ArrowRight" && row.below > 0) return row.open ? { to: index + 1 } : { to: index, open: true };
  if (key === "ArrowLeft") {
    if (row.below > 0 && row.open) return { to: index, open: false };
    for (let at = index - 1; at >= 0; at -= 1) {
      const above = rows[at];
      if (above?.kind === "span" && above.depth < row.depth) return { to: at };
    }
    return { to: index };
  }
  return null;
}
