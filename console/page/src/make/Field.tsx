import type { ComponentChildren } from "preact";
import type { FieldName } from "./draft";
import { draft, faultsAt, setField } from "./state";

/** The id of the element that a fault leads to. */
export function controlId(place: string): string {
  return `make-${place}`;
}

/** The faults of one control, below it. */
export function FaultsBelow({ place }: { place: string }) {
  const found = faultsAt.value.get(place);
  if (!found) return null;
  return (
    <ul class="faults" id={`${controlId(place)}-faults`}>
      {found.map((fault, at) => (
        <li key={at}>{fault.message}</li>
      ))}
    </ul>
  );
}

/** What a control needs to be one of the draft's fields. */
export function bound(name: FieldName) {
  const wrong = faultsAt.value.has(name);
  return {
    id: controlId(name),
    name,
    value: draft.value[name],
    onInput: (event: { currentTarget: { value: string } }) => setField(name, event.currentTarget.value),
    "aria-invalid": wrong || undefined,
    "aria-describedby": wrong ? `${controlId(name)}-faults` : undefined,
  } as const;
}

interface FieldProperties {
  name: FieldName;
  label: string;
  hint?: string | undefined;
  /** What stands on the right of the label. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

/** A label, its control and what is wrong with it. */
export function Field({ name, label, hint, aside, children }: FieldProperties) {
  return (
    <div class="field">
      <div class="label">
        <label for={controlId(name)}>{label}</label>
        {hint && <span class="soft hint">{hint}</span>}
        {aside}
      </div>
      {children}
      <FaultsBelow place={name} />
    </div>
  );
}

interface TextProperties {
  name: FieldName;
  label: string;
  hint?: string;
  placeholder?: string | undefined;
  rows?: number;
  mono?: boolean;
}

export function TextField({ name, label, hint, placeholder, rows = 1, mono = false }: TextProperties) {
  const look = `input ${mono ? "mono" : ""}`;
  return (
    <Field name={name} label={label} hint={hint}>
      {rows > 1 ? (
        <textarea class={look} rows={rows} placeholder={placeholder} spellcheck={!mono} {...bound(name)} />
      ) : (
        <input class={look} placeholder={placeholder} autocomplete="off" spellcheck={!mono} {...bound(name)} />
      )}
    </Field>
  );
}

interface NumberProperties {
  name: FieldName;
  label: string;
  hint?: string;
  placeholder?: string | undefined;
  fraction?: boolean;
}

/** A number as text: what is typed stays, and the API says what is wrong with it. */
export function NumberField({ name, label, hint, placeholder, fraction = false }: NumberProperties) {
  return (
    <Field name={name} label={label} hint={hint}>
      <input
        class="input number"
        inputMode={fraction ? "decimal" : "numeric"}
        autocomplete="off"
        placeholder={placeholder}
        {...bound(name)}
      />
    </Field>
  );
}
