import { useEffect, useRef, useState } from "preact/hooks";
import { pictureSource } from "../parts/Picture";

interface Properties {
  id: string;
  submission: string;
  /** Called when it is about to load: how many milliseconds to wait, as while tiles rush past. */
  patience: () => number;
}

const RETRY_MS = 2000;

/** The thumbnail of a task's first picture; loaded after a moment, given up when it leaves. */
export function Thumb({ id, submission, patience }: Properties) {
  const image = useRef<HTMLImageElement>(null);
  const [state, setState] = useState<"loading" | "shown" | "broken">("loading");
  const tries = useRef(0);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const load = () => {
    if (image.current) image.current.src = pictureSource({ id, n: 0, submission });
  };
  const failed = () => {
    tries.current += 1;
    if (tries.current > 1) setState("broken");
    else timer.current = setTimeout(load, RETRY_MS);
  };
  useEffect(() => {
    const element = image.current;
    const wait = patience();
    if (wait > 0) timer.current = setTimeout(load, wait);
    else load();
    return () => {
      clearTimeout(timer.current);
      element?.removeAttribute("src"); // an image that is only taken out goes on loading
    };
  }, []);
  return (
    <div class={`thumb ${state}`}>
      {state === "broken" ? (
        <p class="soft">No preview</p>
      ) : (
        <img ref={image} alt="" decoding="async" draggable={false} onLoad={() => setState("shown")} onError={failed} />
      )}
    </div>
  );
}
