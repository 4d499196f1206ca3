import type { Span, Step, Trace } from "../types";

/** What a task's time goes into, in the order in which a task passes through it. */
export const STAGES = [
  "API",
  "queue",
  "fetch",
  "wait for the GPU",
  "switch model",
  "infer",
  "store",
  "notify",
  "other",
] as const;
export type Stage = (typeof STAGES)[number];

/** A part of the critical path in which the stage did not change. */
export interface Leg {
  stage: Stage;
  /** Whether nothing was under way. */
  waiting: boolean;
  offset_ms: number;
  ms: number;
}

export interface Share {
  stage: Stage;
  ms: number;
  /** 0 to 1. */
  share: number;
}

// The spans' names are those of the validator, the queue agent and the notifier.
const BY_NAME: Readonly<Record<string, Stage>> = {
  accept: "fetch",
  prepare: "fetch",
  "fetch input": "fetch",
  wait: "wait for the GPU",
  claim: "wait for the GPU",
  "switch model": "switch model",
  infer: "infer",
  decode: "store",
  store: "store",
  commit: "notify",
  "publish notifications": "notify",
  "process webhooks": "notify",
  "deliver webhook": "notify",
  settle: "notify",
  end: "notify",
};
const BY_SERVICE: readonly (readonly [string, Stage])[] = [
  ["validator", "API"],
  ["status", "API"],
  ["notifier", "notify"],
];

function nextStage(steps: readonly Step[], index: number, stageOf: (step: Step) => Stage | null): Stage {
  for (const step of steps.slice(index + 1)) {
    const stage = stageOf(step);
    if (stage) return stage;
  }
  return "notify";
}

/** The stage of a span: its own, else that of the nearest span above it. */
export function stageOfSpan(span: Span, byId: ReadonlyMap<string, Span>): Stage | null {
  const passed = new Set<Span>();
  for (let at: Span | undefined = span; at && !passed.has(at); at = byId.get(at.parent_id ?? "")) {
    passed.add(at);
    const named = BY_NAME[at.name];
    if (named) return named;
    const { service } = at;
    const served = BY_SERVICE.find(([part]) => service.endsWith(part));
    if (served) return served[1];
    if (at.kind === "consumer") return null;
  }
  return null;
}

/** The critical path as stages; times between two steps of an agent belong to what comes next. */
export function legsOf(trace: Trace): Leg[] {
  const byId = new Map(trace.spans.map((span) => [span.span_id, span]));
  const stageOf = (step: Step): Stage | null => {
    if (step.span_id === null) return step.name.endsWith("in the queue") ? "queue" : "other";
    const span = byId.get(step.span_id);
    return span ? stageOfSpan(span, byId) : "other";
  };
  const legs: Leg[] = [];
  trace.steps.forEach((step, index) => {
    const stage = stageOf(step) ?? nextStage(trace.steps, index, stageOf);
    const waiting = step.span_id === null;
    const last = legs.at(-1);
    if (last && last.stage === stage && last.waiting === waiting) last.ms = step.offset_ms + step.ms - last.offset_ms;
    else legs.push({ stage, waiting, offset_ms: step.offset_ms, ms: step.ms });
  });
  return legs;
}

/** How much of the whole each stage has, in the order of the stages; those without a time are left out. */
export function sharesOf(legs: readonly Leg[], total: number): Share[] {
  const sums = new Map<Stage, number>();
  for (const leg of legs) sums.set(leg.stage, (sums.get(leg.stage) ?? 0) + leg.ms);
  return STAGES.flatMap((stage) => {
    const ms = sums.get(stage);
    return ms ? [{ stage, ms, share: total > 0 ? ms / total : 0 }] : [];
  });
}
