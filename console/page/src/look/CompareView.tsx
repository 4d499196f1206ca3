import "../style/compare.css";
import { useId, useState } from "preact/hooks";
import { Badge } from "../parts/Badge";
import { Icon } from "../parts/Icon";
import { pictureSource } from "../parts/Picture";
import { Tabs, tabId } from "../parts/Tabs";
import { GALLERY, go, href, type Place } from "../routes";
import type { TaskDetail } from "../types";
import { Differences } from "./Differences";
import { Absent } from "./LookView";
import { type Loaded, useDetail } from "./sources";

const WAYS = [
  { key: "beside", label: "Side by side" },
  { key: "slider", label: "Slider" },
] as const;

/** Two pictures, beside or over each other, and what their tasks have different. */
export function CompareView({ left, right }: { left: Place; right: Place }) {
  const [way, setWay] = useState<"beside" | "slider">("beside");
  const panel = useId();
  return (
    <article class="compare" key={`${left.id} ${right.id}`}>
      <div class="row">
        <a class="back" href={href(GALLERY)}>
          <Icon name="left" />
          Gallery
        </a>
        <h1>Compare</h1>
        <div class="row push">
          <Tabs label="How to compare" tabs={WAYS} chosen={way} onChoose={setWay} panel={panel} />
          <button type="button" class="button" onClick={() => go({ area: "compare", left: right, right: left })}>
            <Icon name="repeat" />
            Swap
          </button>
        </div>
      </div>
      <Pair key={`${left.id} ${left.n} ${right.id} ${right.n}`} {...{ left, right, way, panel }} />
    </article>
  );
}

interface PairProperties {
  left: Place;
  right: Place;
  way: "beside" | "slider";
  panel: string;
}

function Pair({ left, right, way, panel }: PairProperties) {
  const one = useDetail(left.id);
  const two = useDetail(right.id);
  if (one.loaded.state !== "shown") return <Missing id={left.id} loaded={one.loaded} retry={one.retry} />;
  if (two.loaded.state !== "shown") return <Missing id={right.id} loaded={two.loaded} retry={two.retry} />;
  const [a, b] = [one.loaded.value, two.loaded.value];
  const sources = [pictureOf(a, left.n), pictureOf(b, right.n)] as const;
  return (
    <>
      <div id={panel} role="tabpanel" aria-labelledby={tabId(panel, way)}>
        {way === "beside" ? (
          <div class="beside">
            <Figure detail={a} n={left.n} source={sources[0]} side="Left" />
            <Figure detail={b} n={right.n} source={sources[1]} side="Right" />
          </div>
        ) : (
          <Slider left={sources[0]} right={sources[1]} names={[a.id, b.id]} />
        )}
      </div>
      <Differences left={a} right={b} />
    </>
  );
}

function pictureOf({ id, submission, images }: TaskDetail, n: number): string | null {
  return images[n]?.kind === "image" ? pictureSource({ id, n, submission, whole: true }) : null;
}

function Figure({ detail, n, source, side }: { detail: TaskDetail; n: number; source: string | null; side: string }) {
  return (
    <figure>
      {source ? <img src={source} alt={`Output ${n + 1} of ${detail.id}`} /> : <p class="soft">No picture {n + 1}</p>}
      <figcaption>
        <span class="unseen">{side}: </span>
        <a class="breaks" href={href({ area: "task", id: detail.id })}>
          {detail.id}
        </a>
        <Badge status={detail.status} progress={detail.progress} />
      </figcaption>
    </figure>
  );
}

interface SliderProperties {
  left: string | null;
  right: string | null;
  names: readonly [string, string];
}

function Slider({ left, right, names }: SliderProperties) {
  const [at, setAt] = useState(50);
  const [ratio, setRatio] = useState("1");
  const measure = ({
    currentTarget: { naturalWidth: width, naturalHeight: height },
  }: {
    currentTarget: HTMLImageElement;
  }) => {
    if (width && height) setRatio(`${width} / ${height}`);
  };
  if (!left || !right) return <p class="soft">One of the two has no picture here.</p>;
  return (
    <div class="slider">
      <div class="layers" style={{ aspectRatio: ratio }}>
        <img src={right} alt={`Right: ${names[1]}`} />
        <img src={left} alt={`Left: ${names[0]}`} onLoad={measure} style={{ clipPath: `inset(0 ${100 - at}% 0 0)` }} />
        <i class="seam" style={{ left: `${at}%` }} />
        <input
          type="range"
          min={0}
          max={100}
          step={1}
          value={at}
          aria-label="How much of the left picture is seen"
          aria-valuetext={`${at} % of the left picture`}
          onInput={(event) => setAt(event.currentTarget.valueAsNumber)}
        />
      </div>
      <div class="row ends soft">
        <span class="breaks">{names[0]}</span>
        <span class="breaks push">{names[1]}</span>
      </div>
    </div>
  );
}

function Missing({ id, ...loading }: { id: string; loaded: Loaded<TaskDetail>; retry: () => void }) {
  return (
    <section aria-label={id}>
      <h2 class="breaks">{id}</h2>
      <Absent {...loading} />
    </section>
  );
}
