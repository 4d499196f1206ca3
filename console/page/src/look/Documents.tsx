import { useId, useState } from "preact/hooks";
import { CopyButton } from "../parts/Copy";
import { Tabs, tabId } from "../parts/Tabs";
import type { TaskDetail } from "../types";
import { JsonTree } from "./JsonTree";
import { type Document, hasEnded, type Loaded, useDocument } from "./sources";
import { Trouble } from "./Trouble";

const FORMS = [
  { key: "tree", label: "Formatted" },
  { key: "text", label: "As sent" },
] as const;

interface Properties {
  title: string;
  about: string;
  missing: string;
  loaded: Loaded<Document>;
  retry: () => void;
}

/** A document of the task: folded, or letter by letter. */
export function DocumentCard({ title, about, missing, loaded, retry }: Properties) {
  const [form, setForm] = useState<"tree" | "text">("tree");
  const panel = useId();
  return (
    <section class="card document" aria-label={title}>
      <div class="row">
        <h2>{title}</h2>
        {loaded.state === "shown" && (
          <div class="row push">
            <Tabs label={`Form of the ${title}`} tabs={FORMS} chosen={form} onChoose={setForm} panel={panel} />
            <CopyButton text={loaded.value.text} />
          </div>
        )}
      </div>
      <p class="soft">{about}</p>
      {loaded.state === "loading" && <p class="soft">Loading …</p>}
      {loaded.state === "missing" && <p>{missing}</p>}
      {loaded.state === "trouble" && <Trouble error={loaded.error} retry={retry} />}
      {loaded.state === "shown" && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so that the keyboard has to reach it.
        <div id={panel} role="tabpanel" aria-labelledby={tabId(panel, form)} class="listing" tabIndex={0}>
          {form === "tree" && loaded.value.value !== undefined ? (
            <JsonTree value={loaded.value.value} />
          ) : (
            <code>{loaded.value.text}</code>
          )}
        </div>
      )}
    </section>
  );
}

/** The notification of the task's end. */
export function Notification({ detail }: { detail: TaskDetail }) {
  const ended = hasEnded(detail.status);
  const { loaded, retry } = useDocument(detail, "notification", ended);
  if (!ended) return null;
  return (
    <DocumentCard
      title="Notification"
      about="What the topic’s subscribers were sent, and a webhook’s receiver."
      missing="The console has not seen it: it may be on its way, or too old."
      loaded={loaded}
      retry={retry}
    />
  );
}
