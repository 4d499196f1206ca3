import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../parts/Icon";
import { checked, keepChecked } from "./checking";
import { freshDraft } from "./draft";
import { bound, Field, NumberField } from "./Field";
import { ModelField, PromptFields, SeedField } from "./Fields";
import { NodeList } from "./NodeList";
import { PictureField } from "./PictureField";
import { draft, setDraft, setField, workflow } from "./state";
import { loaders, ownValues } from "./workflow";

/** Takes a file for the workflow. */
export async function takeWorkflow(file: File): Promise<void> {
  const text = await file.text();
  setDraft({ file: file.name, links: {} }, "pipeline");
  setField("content", text);
}

function Source() {
  const input = useRef<HTMLInputElement>(null);
  const [editing, setEditing] = useState(false);
  const fresh = draft.value.content === freshDraft("pipeline").content;
  const open = editing || checked.value.problem !== null;
  return (
    <div class="field">
      <div class="drop">
        <button type="button" class="button" onClick={() => input.current?.click()}>
          <Icon name="upload" />
          Choose a workflow
        </button>
        <span class="soft">or drop or paste one, exported from ComfyUI in API format</span>
        <input
          ref={input}
          class="unseen"
          type="file"
          accept=".json,application/json"
          tabIndex={-1}
          aria-label="Workflow file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            if (file) void takeWorkflow(file);
            event.currentTarget.value = "";
          }}
        />
        <p class="row">
          <Icon name="workflow" />
          <strong>{draft.value.file || (fresh ? "Example: text to image" : "Your workflow")}</strong>
          <button type="button" class="button quiet small" aria-expanded={open} onClick={() => setEditing(!editing)}>
            {editing ? "Hide JSON" : "Edit as JSON"}
          </button>
        </p>
      </div>
      {open && (
        <Field name="content" label="Workflow as JSON">
          <textarea
            class="input mono"
            rows={12}
            spellcheck={false}
            {...bound("content")}
            onInput={(event) => {
              setEditing(true);
              setDraft({ file: "" });
              setField("content", event.currentTarget.value);
            }}
          />
        </Field>
      )}
    </div>
  );
}

function Check() {
  const { workflow: found, problem, pending } = checked.value;
  if (problem) {
    return (
      <p class="faults" role="status">
        {problem}
      </p>
    );
  }
  if (!found) return <p class="soft">{pending ? "Checking the workflow…" : "No workflow yet."}</p>;
  return <NodeList workflow={found} />;
}

/** A workflow, its nodes, and fields for what has a place in it. */
export function WorkflowFields() {
  useEffect(keepChecked, []);
  const own = ownValues(workflow.value);
  const has = (name: keyof typeof own) => own[name] !== undefined || draft.value[name] !== "";
  return (
    <>
      <Source />
      {loaders(workflow.value).map(({ id, classType, value }) => (
        <PictureField
          key={id}
          slot={id}
          label={`Picture for node ${id}, ${classType}${value ? ` (now ${value})` : ""}`}
        />
      ))}
      {(has("prompt") || has("negative")) && <PromptFields own={own} />}
      <div class="triple">
        {has("seed") && <SeedField placeholder={own.seed} />}
        {has("steps") && <NumberField name="steps" label="Steps" placeholder={own.steps} />}
        {has("strength") && <NumberField name="strength" label="Denoise" placeholder={own.strength} fraction />}
        {has("width") && <NumberField name="width" label="Width" placeholder={own.width} />}
        {has("height") && <NumberField name="height" label="Height" placeholder={own.height} />}
      </div>
      {has("model") && <ModelField placeholder={own.model} />}
      <Check />
    </>
  );
}
