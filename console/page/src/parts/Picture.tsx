import { useEffect, useState } from "preact/hooks";
import { taskPath } from "../api";
import { connection, reachable } from "../live";

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
  return taskPath(id, `images/${n}${whole ? "" : "/thumb"}?s=${encodeURIComponent(submission)}`);
}

/** An output of a task, loaded when it comes into view; one that did not come is asked for anew once the system answers. */
export function Picture({ alt, cover = false, ...which }: Properties) {
  const source = pictureSource(which);
  const [broken, setBroken] = useState<string | null>(null);
  const answers = connection.value === "live" && reachable.value.reachable;
  useEffect(() => {
    if (answers) setBroken(null);
  }, [answers]);
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
