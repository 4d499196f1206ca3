/** A duration as one reads it off a trace, with three digits where they tell something: `0.45 ms`, `94 ms`, `2.51 s`. */
export function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  const minutes = Math.round(ms / 60_000);
  if (seconds >= 3600) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  if (seconds >= 120) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms >= 9995 ? 1 : 2)} s`;
  if (ms >= 9.95) return `${Math.round(ms)} ms`;
  if (ms >= 0.995) return `${ms.toFixed(1)} ms`;
  return ms > 0 ? `${ms.toFixed(2)} ms` : "0 ms";
}

/** A moment on an axis that reaches to `total`. */
export function tickText(ms: number, total: number): string {
  if (ms === 0) return "0";
  if (total < 1000) return `${Number(ms.toPrecision(4))} ms`;
  return `${Number((ms / 1000).toPrecision(4))} s`;
}
