import { useEffect, useRef, useState } from "preact/hooks";
import { taskPath } from "../api";
import { Icon } from "../parts/Icon";
import { Picture } from "../parts/Picture";
import type { TaskDetail } from "../types";
import { Lightbox } from "./Lightbox";

/** The outputs of a task: one large, all small below it. */
export function Pictures({ detail, n, onChoose }: { detail: TaskDetail; n: number; onChoose: (n: number) => void }) {
  const { id, submission, images } = detail;
  const [whole, setWhole] = useState(false);
  const strip = useRef<HTMLDivElement>(null);
  const output = images[n];
  useEffect(() => {
    strip.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [n]);
  if (!output) return null;
  return (
    <div class="outputs">
      {output.kind === "image" ? (
        <button type="button" class="main" onClick={() => setWhole(true)} aria-label={`Show ${output.name} whole`}>
          <Picture id={id} n={n} submission={submission} alt={`Output ${n + 1} of ${id}`} whole />
        </button>
      ) : (
        <div class="main file">
          <Icon name="download" />
          <p>{output.name}</p>
          <a class="button" href={taskPath(id, `images/${n}?download=1`)} download>
            Download
          </a>
        </div>
      )}
      {images.length > 1 && (
        <div class="strip" ref={strip}>
          {images.map((each, at) => (
            <button
              key={each.s3}
              type="button"
              aria-current={at === n ? "true" : undefined}
              aria-label={`Output ${at + 1}`}
              onClick={() => onChoose(at)}
            >
              {each.kind === "image" ? (
                <Picture id={id} n={at} submission={submission} alt="" cover />
              ) : (
                <span class="soft">{at + 1}</span>
              )}
            </button>
          ))}
        </div>
      )}
      <Lightbox detail={detail} n={n} open={whole} onChoose={onChoose} onClose={() => setWhole(false)} />
    </div>
  );
}
