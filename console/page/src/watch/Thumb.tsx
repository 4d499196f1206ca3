import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { connection, reachable } from "../live";
import { pictureSource } from "../parts/Picture";
import { loading } from "./loading";

interface Properties {
  id: string;
  submission: string;
  /** How many milliseconds to wait before it is asked for again whether to load, as while tiles rush past; 0: load. */
  patience: () => number;
  /** Whether pictures that come may fade in. */
  calm: () => boolean;
}

/** The thumbnail of a task's first picture; loaded after a moment, given up when it leaves. */
export function Thumb({ id, submission, patience, calm }: Properties) {
  const image = useRef<HTMLImageElement>(null);
  const source = pictureSource({ id, n: 0, submission });
  const [broken, setBroken] = useState<string | null>(null);
  const answers = connection.value === "live" && reachable.value.reachable;
  useEffect(() => {
    if (answers) setBroken(null); // what failed meanwhile is worth another try
  }, [answers]);
  const isBroken = broken === source;
  useLayoutEffect(() => {
    const ways = { patience, calm, failed: () => setBroken(source) };
    return image.current ? loading(image.current, source, ways) : undefined;
  }, [source, isBroken]);
  return (
    <div class="thumb">
      {isBroken ? <p class="soft">No preview</p> : <img ref={image} alt="" decoding="async" draggable={false} />}
    </div>
  );
}
