import { system } from "../live";
import { CopyButton } from "../parts/Copy";
import type { TaskDetail, Trace } from "../types";
import { CriticalPath, percentText } from "./CriticalPath";
import { durationText } from "./durations";
import { hasEnded, type Loaded } from "./sources";
import type { Leg, Share } from "./stages";
import { Trouble } from "./Trouble";
import { WaterfallView } from "./WaterfallView";

interface Properties {
  detail: TaskDetail;
  loaded: Loaded<Trace>;
  legs: readonly Leg[];
  shares: readonly Share[];
  retry: () => void;
}

/** The way of the task, from the API to the GPU and back. */
export function TraceCard(properties: Properties) {
  const { detail } = properties;
  return (
    <section class="card trace" aria-label="Trace" id="trace">
      <div class="row">
        <h2>Trace</h2>
        {detail.trace_id && (
          <div class="row push trace-id">
            <code class="breaks">{detail.trace_id}</code>
            <CopyButton text={detail.trace_id} label="Copy id" quiet />
          </div>
        )}
      </div>
      <Body {...properties} />
    </section>
  );
}

function Body({ detail, loaded, legs, shares, retry }: Properties) {
  if (!system.value?.features.traces) {
    return (
      <p class="soft">
        This console cannot read traces of this system.
        {detail.trace_id && " Look the id up where they are kept: in AWS X-Ray, or in a store of your own."}
      </p>
    );
  }
  if (loaded.state === "loading") return <p class="soft">Loading …</p>;
  if (loaded.state === "trouble") return <Trouble error={loaded.error} retry={retry} />;
  if (loaded.state === "missing") {
    return (
      <p class="soft">
        {hasEnded(detail.status)
          ? "There is no trace of this task: it was not sampled, or is not kept any more."
          : "No span has come yet. They come within a second or two."}
      </p>
    );
  }
  const trace = loaded.value;
  const waited = legs.filter((leg) => leg.waiting).reduce((sum, leg) => sum + leg.ms, 0);
  return (
    <>
      <dl class="figures">
        <Figure name="from first to last" value={durationText(trace.total_ms)} note={spansText(trace)} />
        <Figure name="GPU worked" value={percentText(trace.gpu_share)} note={durationText(trace.gpu_seconds * 1000)} />
        <Figure
          name="waited, nothing under way"
          value={trace.total_ms > 0 ? percentText(waited / trace.total_ms) : "–"}
          note={durationText(waited)}
        />
        <Figure
          name={trace.complete ? "all spans are there" : "more may come"}
          value={trace.complete ? "Complete" : "Growing"}
          note={trace.truncated ? "only the first are shown" : ""}
        />
      </dl>
      <CriticalPath trace={trace} legs={legs} shares={shares} />
      <WaterfallView trace={trace} />
    </>
  );
}

function spansText(trace: Trace): string {
  return `${trace.span_count.toLocaleString("en")} ${trace.span_count === 1 ? "span" : "spans"}`;
}

function Figure({ name, value, note }: { name: string; value: string; note: string }) {
  return (
    <div>
      <dt class="soft">{name}</dt>
      <dd>
        <b class="number">{value}</b> <span class="soft number">{note}</span>
      </dd>
    </div>
  );
}
