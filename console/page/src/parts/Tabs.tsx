import { useEffect, useRef } from "preact/hooks";

interface Properties<T extends string> {
  label: string;
  tabs: readonly { key: T; label: string }[];
  chosen: T;
  onChoose: (key: T) => void;
  /** The id of the panel below. */
  panel: string;
}

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowRight: (at, count) => (at + 1) % count,
  ArrowLeft: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

/** Tabs whose panel is `<div id={panel} role="tabpanel" aria-labelledby={tabId(panel, chosen)}>`. */
export function Tabs<T extends string>({ label, tabs, chosen, onChoose, panel }: Properties<T>) {
  const list = useRef<HTMLDivElement>(null);
  const id = tabId(panel, chosen);
  useEffect(() => {
    // Where the tabs do not fit, the row scrolls.
    const row = list.current;
    const tab = row?.querySelector<HTMLElement>(`#${id}`);
    if (row && tab && row.scrollWidth > row.clientWidth) row.scrollLeft = tab.offsetLeft - row.clientWidth / 3;
  }, [id]);
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const next =
      step &&
      tabs[
        step(
          tabs.findIndex((tab) => tab.key === chosen),
          tabs.length,
        )
      ];
    if (!next) return;
    event.preventDefault();
    onChoose(next.key);
    list.current?.querySelector<HTMLElement>(`#${tabId(panel, next.key)}`)?.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label={label} ref={list}>
      {tabs.map((tab) => (
        <button
          key={tab.key}
          type="button"
          role="tab"
          id={tabId(panel, tab.key)}
          aria-selected={tab.key === chosen}
          aria-controls={tab.key === chosen ? panel : undefined}
          tabIndex={tab.key === chosen ? 0 : -1}
          onClick={() => onChoose(tab.key)}
          onKeyDown={press}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}

/** The id of a tab's button. */
export function tabId(panel: string, key: string): string {
  return `${panel}-tab-${key}`;
}
