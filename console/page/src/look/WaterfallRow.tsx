import { Icon } from "../parts/Icon";
import type { Span } from "../types";
import { durationText } from "./durations";
import { placeOf, type Row } from "./waterfall";

interface Properties {
  row: Row;
  index: number;
  total: number;
  colour: number;
  stop: boolean;
  selected: boolean;
  onSelect: (index: number) => void;
  onToggle: (key: string) => void;
}

const DEEPEST = 10; // beyond it names are not moved to the right any more

function Name({ row, onToggle }: Pick<Properties, "row" | "onToggle">) {
  const indent = { paddingInlineStart: `${Math.min(row.depth, DEEPEST) * 0.8}rem` };
  if (row.kind === "wait") {
    return (
      <span class="name waits" style={indent}>
        <span class="twist" />
        {row.step.name}
      </span>
    );
  }
  const { span, below, open } = row;
  return (
    <span class="name" style={indent}>
      {below > 0 ? (
        <button
          type="button"
          class={`twist ${open ? "open" : ""}`}
          tabIndex={-1}
          aria-label={`${open ? "Fold" : "Unfold"} ${span.name}`}
          onClick={(event) => {
            event.stopPropagation();
            onToggle(row.key);
          }}
        >
          <Icon name="right" />
        </button>
      ) : (
        <span class="twist" />
      )}
      <span class="cut">
        {span.error && <b class="bad">✗ </b>}
        {span.name}
        {!open && <span class="soft"> +{below}</span>}
      </span>
      {span.gpu && <b class="chip">GPU</b>}
    </span>
  );
}

function Lane({ row, total, colour }: Pick<Properties, "row" | "total" | "colour">) {
  if (row.kind === "wait") return <i class="bar waits" style={placeOf(row.step, total)} />;
  const { span, own } = row;
  const classes = ["bar", `c${colour}`, span.gpu && "gpu", span.self_ms > 0 && "critical", span.error && "failed"];
  return (
    <>
      <i class={classes.filter(Boolean).join(" ")} style={placeOf(span, total)} />
      {own.map((step) => (
        <i key={step.offset_ms} class="own" style={placeOf(step, total)} />
      ))}
    </>
  );
}

/** What colours say. */
function Aloud({ span }: { span: Span }) {
  const words = [span.service, span.self_ms > 0 && "on the critical path", span.error && "error"];
  return <span class="unseen">{`, ${words.filter(Boolean).join(", ")}, `}</span>;
}

/** A span, or a time in which nothing was under way, on its lane. */
export function WaterfallRow(properties: Properties) {
  const { row, index, stop, selected, onSelect } = properties;
  const spanned = row.kind === "span" ? row : null;
  const ms = spanned ? spanned.span.ms : row.kind === "wait" ? row.step.ms : 0;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are the tree's.
    <div
      class="line"
      role="treeitem"
      aria-level={row.depth + 1}
      aria-expanded={spanned && spanned.below > 0 ? spanned.open : undefined}
      aria-selected={spanned ? selected : undefined}
      tabIndex={stop ? 0 : -1}
      data-index={index}
      onClick={() => onSelect(index)}
    >
      <Name {...properties} />
      {spanned && <Aloud span={spanned.span} />}
      <span class="lane">
        <Lane {...properties} />
      </span>
      <span class="ms number">{durationText(ms)}</span>
    </div>
  );
}
