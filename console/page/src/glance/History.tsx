import { useState } from "preact/hooks";
import type { Moment } from "../types";
import { byMinute, type Frame, pathsOf, rangeOf, type Sample, topOf } from "./chart";

interface Series {
  key: "queued" | "busy_fraction" | "ended_per_minute";
  name: string;
  colour: string;
  /** What the upper edge is at least. */
  least: number;
  text: (value: number) => string;
}

const TEN_MINUTES = 600_000;
const [WIDTH, HEIGHT] = [400, 96];

const plain = (value: number): string => (Math.round(value * 10) / 10).toLocaleString("en");
const percent = (value: number): string => `${Math.round(value * 100)} %`;

const SERIES: readonly Series[] = [
  { key: "queued", name: "Waiting in queues", colour: "c0", least: 5, text: plain },
  { key: "busy_fraction", name: "GPUs busy", colour: "c2", least: 1, text: percent },
  { key: "ended_per_minute", name: "Ended per minute", colour: "c1", least: 5, text: plain },
];

/** The last ten minutes of all runtimes together, drawn and as a table. */
export function History({ history }: { history: readonly Moment[] }) {
  const [table, setTable] = useState(false);
  return (
    <section class="card history" aria-label="The last ten minutes">
      <div class="row">
        <h2>The last ten minutes</h2>
        <button type="button" class="button small push" aria-expanded={table} onClick={() => setTable(!table)}>
          {table ? "Hide the table" : "As a table"}
        </button>
      </div>
      <div class="charts">
        {SERIES.map((series) => (
          <Chart key={series.key} series={series} history={history} />
        ))}
      </div>
      {table && <Table history={history} />}
    </section>
  );
}

function Chart({ series, history }: { series: Series; history: readonly Moment[] }) {
  const samples: Sample[] = history.map((moment) => ({ at: moment.at, value: moment[series.key] }));
  const to = samples.at(-1)?.at ?? 0;
  const top = topOf(samples, series.least);
  const frame: Frame = { from: to - TEN_MINUTES, to, top, width: WIDTH, height: HEIGHT };
  const { line, area } = pathsOf(samples, frame);
  const range = rangeOf(samples);
  return (
    <figure class={`chart ${series.colour}`}>
      <figcaption class="row">
        <span>{series.name}</span>
        <b class="number push">{range?.last === null || !range ? "unknown" : series.text(range.last)}</b>
      </figcaption>
      <div class="plot">
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words(series, range)}>
          <path class="rule" d={`M0 0.5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
          <path class="area" d={area} />
          <path class="trend" d={line} />
        </svg>
        <span class="upper soft number">{series.text(top)}</span>
        {!range && <span class="nobody soft">nobody can tell</span>}
      </div>
      <div class="axis soft number" aria-hidden="true">
        <span>10 min ago</span>
        <span>5 min</span>
        <span>now</span>
      </div>
    </figure>
  );
}

function words({ name, text }: Series, range: ReturnType<typeof rangeOf>): string {
  if (!range) return `${name}: unknown`;
  const last = range.last === null ? "unknown" : text(range.last);
  return `${name}: now ${last}, between ${text(range.least)} and ${text(range.most)} in the last ten minutes`;
}

function Table({ history }: { history: readonly Moment[] }) {
  return (
    <table class="minutes">
      <thead>
        <tr>
          <th scope="col">Time</th>
          {SERIES.map((series) => (
            <th key={series.key} scope="col">
              {series.name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {byMinute(history).map((moment) => (
          <tr key={moment.at}>
            <th scope="row" class="number">
              {new Date(moment.at).toLocaleTimeString()}
            </th>
            {SERIES.map(({ key, text }) => {
              const value = moment[key];
              return (
                <td key={key} class="number">
                  {value === null ? "unknown" : text(value)}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
