// The geometry of the small charts: lines with gaps where nobody could tell.

export interface Sample {
  at: number;
  value: number | null;
}

export interface Frame {
  from: number;
  to: number;
  /** The value at the upper edge. */
  top: number;
  width: number;
  height: number;
}

/** A round number that is not less than the largest value; at least `least`. */
export function topOf(samples: readonly Sample[], least: number): number {
  const largest = Math.max(least, ...samples.map((sample) => sample.value ?? 0));
  const power = 10 ** Math.floor(Math.log10(largest));
  const factor = [1, 2, 5].find((each) => each * power >= largest) ?? 10;
  return factor * power;
}

function point(sample: { at: number; value: number }, frame: Frame): [x: number, y: number] {
  const x = ((sample.at - frame.from) / Math.max(1, frame.to - frame.from)) * frame.width;
  const y = frame.height - (Math.min(sample.value, frame.top) / (frame.top || 1)) * frame.height;
  return [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
}

/** The stretches in which there is a value. */
export function runsOf(samples: readonly Sample[]): { at: number; value: number }[][] {
  const runs: { at: number; value: number }[][] = [[]];
  for (const { at, value } of samples) {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push({ at, value });
  }
  return runs.filter((run) => run.length > 0);
}

/** The path of the line, and of the area below it. A single value is a short dash. */
export function pathsOf(samples: readonly Sample[], frame: Frame): { line: string; area: string } {
  let line = "";
  let area = "";
  for (const run of runsOf(samples)) {
    const points = run.map((sample) => point(sample, frame));
    const [first, last] = [points[0], points.at(-1)];
    if (!first || !last) continue;
    if (points.length === 1) points.push([Math.min(frame.width, first[0] + 2), first[1]]);
    const way = points.map(([x, y]) => `${x} ${y}`).join("L");
    line += `M${way}`;
    area += `M${first[0]} ${frame.height}L${way}L${last[0]} ${frame.height}Z`;
  }
  return { line, area };
}

/** For a table: one sample a minute, the last of each, newest first. */
export function byMinute<T extends { at: number }>(moments: readonly T[]): T[] {
  const kept = new Map<number, T>();
  for (const moment of moments) kept.set(Math.floor(moment.at / 60_000), moment);
  return [...kept.values()].reverse();
}

/** The smallest, the largest and the last value, for who cannot see the line. */
export function rangeOf(samples: readonly Sample[]): { least: number; most: number; last: number | null } | null {
  const values = samples.flatMap((sample) => (sample.value === null ? [] : [sample.value]));
  if (values.length === 0) return null;
  return { least: Math.min(...values), most: Math.max(...values), last: samples.at(-1)?.value ?? null };
}
