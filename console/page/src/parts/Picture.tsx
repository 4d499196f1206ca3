import { useState } from "preact/hooks";
import { taskPath } from "../api";

interface Properties {
  id: string;
  /** Which of the task's outputs, from 0. */
  n: number;
  submission: string;
  alt: string;
  /** Whole, as it was made; else a thumbnail of 384 pixels at most. */
  whole?: boolean;
  /** Fills its frame, cutting what is beyond it. */
  cover?: boolean;
}

export function pictureSource({ id, n, submission, whole }: Omit<Properties, "alt" | "cover">): string {
  return whole ? taskPath(id, `images/${n}`) : taskPath(id, `images/${n}/thumb?s=${encodeURIComponent(submission)}`);
}

/** An output of a task, loaded when it comes into view. */
export function Picture({ alt, cover = false, ...which }: Properties) {
  const source = pictureSource(which);
  const [broken, setBroken] = useState<string | null>(null);
  return (
    <div class={`picture ${cover ? "cover" : ""}`}>
      {broken === source ? (
        <p>No preview</p>
      ) : (
        <img src={source} alt={alt} loading="lazy" decoding="async" onError={() => setBroken(source)} />
      )}
    </div>
  );
}
