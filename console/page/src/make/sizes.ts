const LONGEST_SIDE = 1024;
const STEP = 8;

export interface Size {
  width: number;
  height: number;
}

export const PRESETS: readonly { label: string; width: number; height: number }[] = [
  { label: "Square", width: 512, height: 512 },
  { label: "Portrait", width: 512, height: 768 },
  { label: "Landscape", width: 768, height: 512 },
  { label: "Large", width: 1024, height: 1024 },
  { label: "Wide", width: 1216, height: 832 },
  { label: "Tall", width: 832, height: 1216 },
];

function stepped(side: number): number {
  return Math.max(STEP, Math.floor(side / STEP) * STEP);
}

/** The size for a picture made from one of this size: same shape, sides that models can do. */
export function fittingSize({ width, height }: Size): Size {
  const shrink = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  return { width: stepped(width * shrink), height: stepped(height * shrink) };
}

/** `34.2 MB`, as people say it. */
export function bytesText(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 * 1024) return `${Math.round(bytes / 1024)} KiB`;
  return `${(bytes / 1024 / 1024).toFixed(1).replace(/\.0$/, "")} MiB`;
}
