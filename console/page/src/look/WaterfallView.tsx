import { useMemo, useRef, useState } from "preact/hooks";
import type { Span, Trace } from "../types";
import { tickText } from "./durations";
import { SpanDetails } from "./SpanDetails";
import { WaterfallRow } from "./WaterfallRow";
import { coloursOf, countsBelow, placeOf, rowsOf, ticksOf, walked } from "./waterfall";

const MANY = 250; // spans, from which on those deep down begin folded
const SHALLOW = 3;
const TICKS = 5;

/** What is folded at first: nothing, or of a large trace what lies deep. */
function foldedOf(trace: Trace): Set<string> {
  if (trace.spans.length <= MANY) return new Set();
  const below = countsBelow(trace.spans);
  const deep = trace.spans.filter((span) => span.depth >= SHALLOW && (below.get(span.span_id) ?? 0) > 0);
  return new Set(deep.map((span) => span.span_id));
}

function useFolds(trace: Trace) {
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const closed = useMemo(() => {
    const all = foldedOf(trace);
    for (const key of turned) {
      if (all.has(key)) all.delete(key);
      else all.add(key);
    }
    return all;
  }, [trace, turned]);
  const toggle = (key: string) =>
    setTurned((before) => {
      const after = new Set(before);
      if (!after.delete(key)) after.add(key);
      return after;
    });
  return { closed, toggle };
}

/** All spans on one axis of time; folded and gone through with the arrow keys, details of the one that is selected. */
export function WaterfallView({ trace }: { trace: Trace }) {
  const { closed, toggle } = useFolds(trace);
  const rows = useMemo(() => rowsOf(trace, closed), [trace, closed]);
  const colours = useMemo(() => coloursOf(trace.spans), [trace]);
  const [active, setActive] = useState<string | null>(null);
  const [selected, setSelected] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    rows.findIndex((row) => row.key === active),
  );
  const shown: Span | undefined =
    trace.spans.find((span) => span.span_id === selected) ?? trace.spans.find((span) => span.gpu) ?? trace.spans[0];

  const focus = (index: number) => {
    const row = rows[index];
    if (!row) return;
    setActive(row.key);
    if (row.kind === "span") setSelected(row.key);
    box.current?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus();
  };
  const press = (event: KeyboardEvent) => {
    const row = rows[at];
    const step = walked(event.key, rows, at);
    const turns = event.key === "Enter" || event.key === " ";
    if (!row || (!step && !turns) || (event.target as Element).closest("button")) return;
    event.preventDefault();
    if (turns || step?.open !== undefined) {
      if (row.kind === "span" && row.below > 0) toggle(row.key);
    } else if (step) focus(step.to);
  };
  return (
    <div class="split">
      <div class="waterfall" style={{ "--tick": tickWidth(trace.total_ms) }}>
        <Legend colours={colours} />
        <Axis total={trace.total_ms} />
        <div
          ref={box}
          role="tree"
          class={rows.length > MANY ? "many" : ""}
          aria-label="Spans of the trace"
          onKeyDown={press}
        >
          {rows.map((row, index) => (
            <WaterfallRow
              key={row.key}
              row={row}
              index={index}
              total={trace.total_ms}
              colour={row.kind === "span" ? (colours.get(row.span.service) ?? 0) : 0}
              stop={index === at}
              selected={row.key === shown?.span_id}
              onSelect={focus}
              onToggle={toggle}
            />
          ))}
        </div>
      </div>
      {shown && <SpanDetails key={shown.span_id} span={shown} />}
    </div>
  );
}

/** How wide the part of the axis between two ticks is, for the lines behind the lanes. */
function tickWidth(total: number): string {
  const step = ticksOf(total, TICKS)[1];
  return step ? `${(step / total) * 100}%` : "100%";
}

function Legend({ colours }: { colours: ReadonlyMap<string, number> }) {
  return (
    <ul class="legend">
      {[...colours].map(([service, colour]) => (
        <li key={service}>
          <i class={`dot c${colour}`} />
          {service}
        </li>
      ))}
      <li>
        <i class="dot gpu" />
        GPU
      </li>
      <li>
        <i class="dot waits" />
        waiting
      </li>
      <li>
        <i class="dot own-mark" />
        critical path
      </li>
    </ul>
  );
}

function Axis({ total }: { total: number }) {
  return (
    <div class="line axis" aria-hidden="true">
      <span />
      <span class="lane">
        {ticksOf(total, TICKS).map((moment) => (
          <span key={moment} class="tick number" style={{ left: placeOf({ offset_ms: moment, ms: 0 }, total).left }}>
            {tickText(moment, total)}
          </span>
        ))}
      </span>
      <span />
    </div>
  );
}
