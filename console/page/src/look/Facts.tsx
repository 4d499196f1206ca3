import { CopyButton } from "../parts/Copy";
import { momentText } from "../parts/times";
import type { TaskDetail } from "../types";
import { stageClass } from "./CriticalPath";
import { durationText } from "./durations";
import type { Parameter } from "./parameters";
import { parametersOf, secondsOf, usedOf } from "./parameters";
import { type Share, STAGES } from "./stages";

/** Names and values, prompts whole. */
export function Table({ rows, label }: { rows: readonly Parameter[]; label: string }) {
  return (
    <table class="facts" aria-label={label}>
      <tbody>
        {rows.map(({ name, value, kind }) => (
          <tr key={name} class={kind}>
            <th scope="row">{name}</th>
            <td>{value}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What was asked for, and what was used of what was left open. */
export function Parameters({ detail, out }: { detail: TaskDetail; out: unknown }) {
  const asked = parametersOf(detail.request);
  const used = usedOf(out);
  return (
    <section class="card" aria-label="Parameters">
      <div class="row">
        <h2>Parameters</h2>
        {detail.request && (
          <span class="push">
            <CopyButton text={JSON.stringify(detail.request, null, 2)} label="Copy the request" />
          </span>
        )}
      </div>
      <div class="two">
        {asked.length > 0 && (
          <div>
            <h3>Asked for</h3>
            <Table rows={asked} label="What was asked for" />
          </div>
        )}
        {used.length > 0 && (
          <div>
            <h3>Used</h3>
            <Table rows={used} label="What was used" />
          </div>
        )}
      </div>
      {asked.length === 0 && (
        <p class="soft">
          The request is not known here: it was not submitted in this console, and the <code>.out</code> does not tell
          it.
        </p>
      )}
    </section>
  );
}

const OUT_STAGES: Readonly<Record<string, string>> = {
  queued: "queue",
  accept: "fetch (accept)",
  prepare: "fetch",
  wait: "wait for the GPU",
};

interface Timing {
  name: string;
  ms: number;
  /** The class of its colour. */
  colour: string;
}

function timing(name: string, ms: number): Timing {
  return { name, ms, colour: stageClass(STAGES.find((stage) => stage === name) ?? "API") };
}

function timingsOf(
  detail: TaskDetail,
  shares: readonly Share[] | null,
  out: unknown,
): { rows: Timing[]; source: string } {
  if (shares?.length) {
    return { rows: shares.map(({ stage, ms }) => timing(stage, ms)), source: "Of the trace’s critical path." };
  }
  const seconds = secondsOf(out);
  if (seconds.length > 0) {
    const rows = seconds.map(({ stage, ms }) => timing(OUT_STAGES[stage] ?? stage, ms));
    return { rows, source: "As the agent measured them." };
  }
  const { created_at, started_at, finished_at } = detail;
  const rows: Timing[] = [];
  if (started_at !== null) rows.push(timing("queue", started_at - created_at));
  if (started_at !== null && finished_at !== null) rows.push(timing("infer", finished_at - started_at));
  return { rows, source: "From the task’s own times." };
}

/** How long each stage took, from the best source that there is. */
export function Timings({
  detail,
  shares,
  out,
}: {
  detail: TaskDetail;
  shares: readonly Share[] | null;
  out: unknown;
}) {
  const { rows, source } = timingsOf(detail, shares, out);
  const largest = Math.max(1, ...rows.map((row) => row.ms));
  const moments: [string, number | null][] = [
    ["Submitted", detail.created_at],
    ["Started", detail.started_at],
    ["Ended", detail.finished_at],
  ];
  return (
    <section class="card" aria-label="Timings">
      <h2>Timings</h2>
      <dl class="moments">
        {moments.map(([name, at]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="number">{at === null ? "–" : momentText(at)}</dd>
          </div>
        ))}
      </dl>
      {rows.length > 0 && (
        <>
          <table class="bars" aria-label="Time by stage">
            <tbody>
              {rows.map(({ name, ms, colour }) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td class="bar">
                    <i class={colour} style={{ width: `${(ms / largest) * 100}%` }} />
                  </td>
                  <td class="number">{durationText(ms)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          <p class="soft note">{source}</p>
        </>
      )}
    </section>
  );
}
