import "../style/make.css";
import { useEffect, useRef, useState } from "preact/hooks";
import { connection, system } from "../live";
import { Empty } from "../parts/Empty";
import { Icon } from "../parts/Icon";
import { notify } from "../parts/notices";
import { Tabs, tabId } from "../parts/Tabs";
import { Advanced } from "./Advanced";
import { IMAGE } from "./bodies";
import { bound, Field, NumberField } from "./Field";
import {
  CountField,
  ModelField,
  PromptFields,
  RuntimeField,
  ScaleField,
  SeedField,
  SizeFields,
  StrengthField,
} from "./Fields";
import { KINDS, type Kind } from "./kinds";
import { MadeList } from "./MadeList";
import { PictureField } from "./PictureField";
import { Refusals } from "./Refusals";
import { SnippetDialog } from "./SnippetDialog";
import { choose, draft, kind, kinds, made, reset, sending } from "./state";
import { submit } from "./submit";
import { takeDrops } from "./taking";
import { WorkflowFields } from "./WorkflowFields";

const PANEL = "make-panel";

function Common() {
  return (
    <div class="triple">
      <NumberField name="steps" label="Steps" placeholder="20" />
      <SeedField />
      <CountField />
    </div>
  );
}

function KindFields({ of }: { of: Kind }) {
  switch (of) {
    case "text-to-image":
      return (
        <>
          <PromptFields />
          <SizeFields />
          <Common />
        </>
      );
    case "image-to-image":
      return (
        <>
          <PictureField slot={IMAGE} label="Picture to start from" />
          <PromptFields />
          <StrengthField />
          <SizeFields />
          <Common />
        </>
      );
    case "extra-single-image":
      return (
        <>
          <PictureField slot={IMAGE} label="Picture to enlarge" />
          <ScaleField />
        </>
      );
    case "pipeline":
      return <WorkflowFields />;
    default:
      return (
        <Field name="content" label="Content" hint="JSON, as the runtime takes it">
          <textarea class="input mono" rows={12} spellcheck={false} {...bound("content")} />
        </Field>
      );
  }
}

function Routing() {
  const modelled = kind.value === "text-to-image" || kind.value === "image-to-image";
  return (
    <div class="pair">
      <RuntimeField />
      {modelled ? <ModelField /> : kind.value !== "extra-single-image" && <CountField />}
    </div>
  );
}

function buttonText(): string {
  if (sending.value) return `${sending.value}…`;
  const count = Number(draft.value.count);
  return count > 1 && Number.isInteger(count) ? `Make ${count} pictures` : "Make picture";
}

function Actions({ onCode }: { onCode: () => void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // A newcomer has only to press Enter; who comes back by the navigation has the focus where it was led.
    if (made.value.length === 0 && document.activeElement === document.body)
      button.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="actions">
      <button ref={button} type="submit" class="button primary large" aria-disabled={sending.value !== null}>
        <Icon name="spark" />
        <span aria-live="polite">{buttonText()}</span>
      </button>
      <span class="soft shortcut">
        <kbd>Ctrl</kbd> <kbd>Enter</kbd>
      </span>
      <button type="button" class="button push" aria-label="As code" onClick={onCode}>
        <Icon name="code" />
        <span class="wide">As code</span>
      </button>
      <button
        type="button"
        class="button quiet bare"
        aria-label="Reset the form"
        title="Reset the form"
        onClick={reset}
      >
        <Icon name="reset" />
      </button>
    </div>
  );
}

const STACKED = "(max-width: 62rem)";

/** Where the pictures lie below the form, they come into view. */
async function send(): Promise<void> {
  const ids = await submit();
  if (ids.length === 0) return;
  notify(ids.length > 1 ? `Submitted ${ids.length} tasks.` : `Submitted ${ids[0]}.`);
  if (matchMedia(STACKED).matches) document.getElementById("made-heading")?.scrollIntoView({ block: "start" });
}

/** Wherever the focus is, but not through a dialog. */
function sendByKeys(event: KeyboardEvent): void {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  if (!event.repeat && kinds.value.length > 0) void send();
}

function Form() {
  const [coding, setCoding] = useState(false);
  const of = kind.value;
  const tabs = KINDS.filter(({ key }) => kinds.value.includes(key));
  return (
    <section class="maker">
      <Tabs label="What to make" tabs={tabs} chosen={of} onChoose={choose} panel={PANEL} />
      <div id={PANEL} role="tabpanel" aria-labelledby={tabId(PANEL, of)} class="card">
        <form
          class="fields"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void send();
          }}
        >
          <Refusals />
          <KindFields key={of} of={of} />
          <Routing />
          <Advanced key={`advanced-${of}`} />
          <Actions onCode={() => setCoding(true)} />
        </form>
      </div>
      <SnippetDialog open={coding} onClose={() => setCoding(false)} />
    </section>
  );
}

function Waiting() {
  if (system.value) {
    return (
      <Empty title="No runtime serves anything" icon="system">
        <p>The system is there, but none of its runtimes takes tasks that this page could make.</p>
      </Empty>
    );
  }
  return <Empty title={connection.value === "lost" ? "The console does not answer" : "Connecting…"} icon="system" />;
}

export function MakeView() {
  useEffect(takeDrops, []);
  useEffect(() => {
    addEventListener("keydown", sendByKeys);
    return () => removeEventListener("keydown", sendByKeys);
  }, []);
  return (
    <div class="make">
      <h1 class="unseen">Make</h1>
      {kinds.value.length > 0 ? <Form /> : <Waiting />}
      <MadeList />
    </div>
  );
}
