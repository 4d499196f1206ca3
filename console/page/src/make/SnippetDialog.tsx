import { useState } from "preact/hooks";
import { CopyButton } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { Tabs, tabId } from "../parts/Tabs";
import { filesNow } from "./slots";
import { asCommand, asCurl, asPython, type Subject } from "./snippets";
import { draft, kind } from "./state";
import { buildUnsent } from "./submit";

const FORMS = [
  {
    key: "curl",
    label: "curl",
    write: asCurl,
    note: "Paste it into a shell that has DARKROOM_ENDPOINT and DARKROOM_API_KEY.",
  },
  {
    key: "python",
    label: "Python",
    write: asPython,
    note: "Needs the wheel darkroom-client, DARKROOM_ENDPOINT and DARKROOM_API_KEY.",
  },
  {
    key: "command",
    label: "Command",
    write: asCommand,
    note: "Goes to the system that is up on this machine, or to the one that DARKROOM_ENDPOINT names.",
  },
] as const;

type FormKey = (typeof FORMS)[number]["key"];
const PANEL = "snippet";

function Shown({ subject, count }: { subject: Subject; count: number }) {
  const [key, setKey] = useState<FormKey>("curl");
  const form = FORMS.find((one) => one.key === key) ?? FORMS[0];
  const text = form.write(subject);
  return (
    <>
      <div class="row">
        <Tabs label="Form of the request" tabs={FORMS} chosen={key} onChoose={setKey} panel={PANEL} />
        <span class="push" />
        <CopyButton key={key} text={text} />
      </div>
      <div id={PANEL} role="tabpanel" aria-labelledby={tabId(PANEL, key)}>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard. */}
        <pre class="listing" tabIndex={0}>
          {text}
        </pre>
      </div>
      <p class="soft">
        {form.note}
        {count > 1 && ` This is the first of ${count}; the others differ in id and seed.`}
      </p>
    </>
  );
}

function subjectNow(): { subject: Subject | null; count: number; message: string } {
  const { requests, faults } = buildUnsent();
  const [request] = requests;
  const files = filesNow().map(([slot, { file, reference }]) => [slot, file.name || "picture.png", reference] as const);
  if (!request) return { subject: null, count: 0, message: faults.map(({ message }) => message).join(" ") };
  const unsent = Object.fromEntries(files.filter(([, , reference]) => !reference).map(([slot, name]) => [slot, name]));
  const known = Object.fromEntries(files.flatMap(([slot, , reference]) => (reference ? [[slot, reference]] : [])));
  const shown = { ...draft.value, links: { ...draft.value.links, ...known } };
  return { subject: { kind: kind.value, draft: shown, request, files: unsent }, count: requests.length, message: "" };
}

/** The form as something to paste elsewhere. */
export function SnippetDialog({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { subject, count, message } = open ? subjectNow() : { subject: null, count: 0, message: "" };
  return (
    <Dialog title="The same as code" open={open} onClose={onClose}>
      {subject ? <Shown subject={subject} count={count} /> : <p>Fill in the form first. {message}</p>}
    </Dialog>
  );
}
