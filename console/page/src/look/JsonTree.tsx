import { useState } from "preact/hooks";
import { isObject } from "../make/json";

const OPEN_DEPTH = 2;
const MOST = 100;
const LONG = 400;

function isExact(value: unknown): boolean {
  return (JSON as { isRawJSON?: (value: unknown) => boolean }).isRawJSON?.(value) ?? false;
}

function entriesOf(value: unknown): [string, unknown][] | null {
  if (Array.isArray(value)) return value.map((each, n) => [String(n), each]);
  return isObject(value) && !isExact(value) ? Object.entries(value) : null;
}

/** JSON whose parts can be folded. All of it is text. */
export function JsonTree({ value, name, depth = 0 }: { value: unknown; name?: string; depth?: number }) {
  const entries = entriesOf(value);
  const label = name === undefined ? null : <span class="key">{name}</span>;
  if (!entries) {
    return (
      <div class="leaf">
        {label} <Leaf value={value} />
      </div>
    );
  }
  const [before, after] = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0) {
    return (
      <div class="leaf">
        {label}{" "}
        <span class="soft">
          {before}
          {after}
        </span>
      </div>
    );
  }
  return <Branch entries={entries} label={label} depth={depth} marks={`${before}…${after}`} />;
}

interface BranchProperties {
  entries: [string, unknown][];
  label: preact.ComponentChildren;
  depth: number;
  marks: string;
}

function Branch({ entries, label, depth, marks }: BranchProperties) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH && entries.length <= MOST);
  const [most, setMost] = useState(MOST);
  const left = entries.length - most;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}{" "}
        <span class="soft">
          {marks} {entries.length}
        </span>
      </summary>
      {open &&
        entries.slice(0, most).map(([key, each]) => <JsonTree key={key} name={key} value={each} depth={depth + 1} />)}
      {open && left > 0 && (
        <button type="button" class="button quiet small" onClick={() => setMost(most + MOST)}>
          {left} more
        </button>
      )}
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  const [whole, setWhole] = useState(false);
  const text = JSON.stringify(value) ?? "";
  const kind = typeof value === "string" ? "text" : "other";
  if (text.length <= LONG || whole) return <span class={`value ${kind}`}>{text}</span>;
  return (
    <>
      <span class={`value ${kind}`}>{text.slice(0, LONG)}…</span>{" "}
      <button type="button" class="button quiet small" onClick={() => setWhole(true)}>
        all {text.length.toLocaleString("en")} characters
      </button>
    </>
  );
}
