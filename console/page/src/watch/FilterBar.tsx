import { useEffect, useId, useRef } from "preact/hooks";
import { STATUS_WORDS } from "../parts/Badge";
import { Icon } from "../parts/Icon";
import { GALLERY, go } from "../routes";
import type { Status } from "../types";
import { type Counts, type Filter, isFiltered, STATUSES } from "./filters";

interface Properties {
  filter: Filter;
  counts: Counts;
  runtimes: readonly string[];
}

function change(filter: Filter, part: Partial<Filter>): void {
  go({ area: "gallery", ...filter, ...part }, { replace: true });
}

/** What is shown, all of it in the address. */
export function FilterBar({ filter, counts, runtimes }: Properties) {
  const find = useId();
  const chips = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // On a phone the states go beyond the window's edge.
    chips.current?.querySelector("[aria-pressed=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [filter.status, counts.all > 0]);
  const runtime = useId();
  const states: (Status | null)[] = [null, ...STATUSES];
  return (
    <search class="filters" aria-label="Tasks">
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be laid out as a row everywhere. */}
      <div class="states" role="group" aria-label="State" ref={chips}>
        {states.map((status) => (
          <button
            key={status ?? "all"}
            type="button"
            class={`state ${status ?? "all"}`}
            aria-pressed={filter.status === status}
            onClick={() => change(filter, { status })}
          >
            {status ? STATUS_WORDS[status] : "All"}{" "}
            <span class="number">{counts[status ?? "all"].toLocaleString("en")}</span>
          </button>
        ))}
      </div>
      <div class="narrow">
        <label class="unseen" for={runtime}>
          Runtime
        </label>
        <select
          id={runtime}
          class="input"
          value={filter.runtime ?? ""}
          onChange={(event) => change(filter, { runtime: event.currentTarget.value || null })}
        >
          <option value="">All runtimes</option>
          {runtimes.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <label class="unseen" for={find}>
          Part of an id
        </label>
        <div class="find">
          <Icon name="search" />
          <input
            id={find}
            class="input"
            type="search"
            placeholder="Find by id"
            autocomplete="off"
            spellcheck={false}
            value={filter.q}
            onInput={(event) => change(filter, { q: event.currentTarget.value })}
          />
        </div>
        {isFiltered(filter) && (
          <button type="button" class="button quiet" onClick={() => go(GALLERY, { replace: true })}>
            <Icon name="close" />
            Clear
          </button>
        )}
      </div>
    </search>
  );
}
