import "../style/look.css";
import "../style/trace.css";
import { useMemo, useState } from "preact/hooks";
import { system } from "../live";
import { Badge } from "../parts/Badge";
import { Empty } from "../parts/Empty";
import { Icon } from "../parts/Icon";
import { GALLERY, href } from "../routes";
import type { TaskDetail } from "../types";
import { CancelDialog } from "../watch/CancelDialog";
import { ChosenBar } from "../watch/ChosenBar";
import { DocumentCard, Notification } from "./Documents";
import { Parameters, Timings } from "./Facts";
import { Head } from "./Head";
import { Pictures } from "./Pictures";
import { hasEnded, type Loaded, useDetail, useDocument, useTrace } from "./sources";
import { legsOf, sharesOf } from "./stages";
import { TraceCard } from "./TraceCard";
import { Trouble } from "./Trouble";

/** One task, whole. */
export function LookView({ id }: { id: string }) {
  const { loaded, retry } = useDetail(id);
  if (loaded.state === "shown") return <Task detail={loaded.value} />;
  return (
    <article class="look">
      <h1 class="breaks">{id}</h1>
      <Absent loaded={loaded} retry={retry} />
    </article>
  );
}

/** In place of a task, while it is not there. */
export function Absent({ loaded, retry }: { loaded: Loaded<TaskDetail>; retry: () => void }) {
  if (loaded.state === "missing") {
    return (
      <Empty title="There is no such task" icon="search">
        <p>Nothing is known of it. Records of tasks are kept for some weeks, and a local system begins empty.</p>
        <a class="button" href={href(GALLERY)}>
          To the gallery
        </a>
      </Empty>
    );
  }
  if (loaded.state === "trouble") {
    return (
      <Empty title="The task cannot be shown" icon="alert">
        <Trouble error={loaded.error} retry={retry} />
      </Empty>
    );
  }
  return (
    <p class="soft" role="status">
      Loading …
    </p>
  );
}

function Task({ detail }: { detail: TaskDetail }) {
  const [n, setN] = useState(0);
  const { loaded: out, retry: again } = useDocument(detail, "out", detail.has_out);
  const traces = system.value?.features.traces ?? false;
  const trace = useTrace(detail, traces);
  const read = trace.loaded.state === "shown" ? trace.loaded.value : null;
  const legs = useMemo(() => (read ? legsOf(read) : []), [read]);
  const shares = useMemo(() => (read ? sharesOf(legs, read.total_ms) : []), [read, legs]);
  const answer = out.state === "shown" ? out.value.value : null;
  const timings = <Timings detail={detail} shares={read?.complete ? shares : null} out={answer} />;
  const bare = hasEnded(detail.status) && detail.images.length === 0;
  return (
    <article class="look">
      <div class={`first ${bare ? "bare" : ""}`}>
        {!bare && <Sight detail={detail} n={n} onChoose={setN} />}
        <div class="beside-it">
          <Head detail={detail} n={n} />
          {detail.error && <Failed detail={detail} />}
          {!bare && timings}
        </div>
        {bare && timings}
      </div>
      <Parameters detail={detail} out={answer} />
      <TraceCard detail={detail} loaded={trace.loaded} legs={legs} shares={shares} retry={trace.retry} />
      {system.value?.features.notifications && <Notification detail={detail} />}
      {detail.has_out && (
        <DocumentCard
          title=".out"
          about="What lies beside the pictures: the runtime’s whole answer, and how it went."
          missing="It is not there any more."
          loaded={out}
          retry={again}
        />
      )}
      <ChosenBar />
      <CancelDialog />
    </article>
  );
}

function Sight({ detail, n, onChoose }: { detail: TaskDetail; n: number; onChoose: (n: number) => void }) {
  const left = detail.images_total - detail.images.length;
  if (detail.images.length > 0) {
    return (
      <div>
        <Pictures detail={detail} n={Math.min(n, detail.images.length - 1)} onChoose={onChoose} />
        {left > 0 && (
          <p class="soft">
            {left.toLocaleString("en")} more are named in the <code>.out</code>.
          </p>
        )}
      </div>
    );
  }
  return (
    <div class={`no-picture ${detail.status}`}>
      {detail.status === "running" && <span class="making" />}
      <Badge status={detail.status} progress={detail.progress} />
    </div>
  );
}

function Failed({ detail }: { detail: TaskDetail }) {
  const { error, advice } = detail;
  if (!error) return null;
  return (
    <section class="card failure" aria-label="Error">
      <Icon name="alert" />
      <div>
        <h2>
          <code>{error.code}</code>
        </h2>
        <p class="breaks">{error.message}</p>
        {advice && (
          <p class="breaks">
            <b>What to do:</b> {advice}
          </p>
        )}
        <p class="soft">
          {error.retryable
            ? "The very same request may succeed when it is submitted again."
            : "The very same request would fail again."}
        </p>
      </div>
    </section>
  );
}
