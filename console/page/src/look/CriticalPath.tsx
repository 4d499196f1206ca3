import type { Trace } from "../types";
import { durationText } from "./durations";
import { type Leg, type Share, STAGES, type Stage } from "./stages";
import { placeOf } from "./waterfall";

/** The class that gives a stage its colour; waits are hatched. */
export function stageClass(stage: Stage): string {
  return `stage-${STAGES.indexOf(stage)}`;
}

export function percentText(share: number): string {
  if (share > 0 && share < 0.01) return "< 1 %";
  return `${Math.round(share * 100)} %`;
}

interface Properties {
  trace: Trace;
  legs: readonly Leg[];
  shares: readonly Share[];
}

/** What the task's time went into: one bar without overlaps, and the same as a list. */
export function CriticalPath({ trace, legs, shares }: Properties) {
  return (
    <div class="critical-path">
      <h3>Critical path</h3>
      <div class="path" aria-hidden="true">
        {legs.map((leg) => (
          <i
            key={`${leg.offset_ms} ${leg.stage}`}
            class={`${stageClass(leg.stage)} ${leg.waiting ? "waits" : ""}`}
            title={`${leg.stage}: ${durationText(leg.ms)}`}
            style={placeOf(leg, trace.total_ms)}
          />
        ))}
      </div>
      <ul class="shares">
        {shares.map(({ stage, ms, share }) => (
          <li key={stage}>
            <i class={`dot ${stageClass(stage)}`} />
            <span>{stage}</span>
            <b class="number">{percentText(share)}</b>
            <span class="soft number">{durationText(ms)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
