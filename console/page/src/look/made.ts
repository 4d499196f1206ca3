// Traces for tests.
import type { Span, Step, Trace } from "../types";

export function span(name: string, more: Partial<Span> = {}): Span {
  return {
    span_id: name,
    parent_id: null,
    depth: 0,
    name,
    service: "darkroom-queue-agent",
    kind: "internal",
    offset_ms: 0,
    ms: 0,
    self_ms: 0,
    gpu: false,
    error: false,
    message: "",
    attributes: {},
    events: [],
    ...more,
  };
}

export function step(span_id: string | null, offset_ms: number, ms: number, name = span_id ?? "waiting"): Step {
  return { span_id, name, offset_ms, ms };
}

export function trace(spans: Span[], steps: Step[]): Trace {
  const total_ms = Math.max(0, ...spans.map((each) => each.offset_ms + each.ms));
  return {
    trace_id: "6b047d745a57052d2b4588d5549264a7",
    started_at: 0,
    ended_at: total_ms,
    total_ms,
    gpu_seconds: 0,
    gpu_share: 0,
    complete: true,
    span_count: spans.length,
    truncated: false,
    spans,
    steps,
  };
}
