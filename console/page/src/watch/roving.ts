import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { go } from "../routes";
import type { TaskRow } from "../types";
import { asked, canCancel } from "./actions";
import { canChoose, choose } from "./chosen";
import { type Layout, moved, placeOf, toSight } from "./grid";
import { openMenu } from "./menu";

const EDGE = 72; // pixels that stay free above and below a tile that is moved to: the page's head lies there

/** The tile that had the focus last, for who comes back to the gallery. */
const left: { id: string | null } = { id: null };

/** What the keys need of `useSight`. */
interface Sight {
  layout: Layout;
  view: { top: number; height: number };
  redraw: () => void;
}

/** One tile at a time is where the Tab key leads; keys move on from it, or do something with its task. */
export function useRoving(box: RefObject<HTMLElement | null>, rows: readonly TaskRow[], sight: Sight) {
  const { layout, view, redraw } = sight;
  const active = useRef<string | null>(left.id);
  const has = useRef(false);
  const wanted = useRef(false);
  const last = useRef(0);
  left.id = active.current;
  const index = active.current === null ? -1 : rows.findIndex((row) => row.id === active.current);
  if (index >= 0) last.current = index;
  const had = has.current; // before this drawing: an element that is taken out loses the focus
  useLayoutEffect(() => {
    if (wanted.current) {
      wanted.current = false;
      find(box.current, active.current)?.focus({ preventScroll: true });
    } else if (index < 0 && had) {
      walk(Math.min(last.current, rows.length - 1)); // filtered away: the one that took its place
    }
  });

  const walk = (to: number) => {
    const row = rows[to];
    if (!row) return;
    active.current = row.id;
    has.current = true;
    wanted.current = true;
    const by = toSight(layout, placeOf(layout, to).row, view.top, view.height, EDGE);
    if (by) scrollBy({ top: by, behavior: "instant" });
    redraw();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rowAt(event, rows);
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.floor(view.height / layout.row);
    const to = moved(event.key, rows.indexOf(row), layout, rows.length, page);
    if (to !== null) walk(to);
    else if (!act(event, row)) return;
    event.preventDefault();
  };
  const onFocusIn = (event: FocusEvent) => {
    const id = cellOf(event)?.dataset.id;
    if (id === undefined) return;
    has.current = true;
    if (active.current === id) return;
    active.current = id;
    redraw();
  };
  const onFocusOut = (event: FocusEvent) => {
    if (!box.current?.contains(event.relatedTarget as Node | null)) has.current = false;
  };
  const onClick = (event: MouseEvent) => {
    const button = (event.target as Element).closest<HTMLElement>(".more");
    const row = button && rowAt(event, rows);
    if (row) openMenu(row, button);
  };
  return { index, focused: has.current ? index : -1, handlers: { onKeyDown, onFocusIn, onFocusOut, onClick } };
}

function cellOf(event: Event): HTMLElement | null {
  return (event.target as Element).closest<HTMLElement>("[role=gridcell]");
}

function rowAt(event: Event, rows: readonly TaskRow[]): TaskRow | undefined {
  const cell = cellOf(event);
  return cell ? rows.find((row) => row.id === cell.dataset.id) : undefined;
}

function find(box: HTMLElement | null, id: string | null): HTMLElement | undefined {
  const cells = box?.querySelectorAll<HTMLElement>("[role=gridcell]") ?? [];
  return [...cells].find((cell) => cell.dataset.id === id);
}

/** Does what a key means to a tile; false where it means nothing. */
function act(event: KeyboardEvent, row: TaskRow): boolean {
  const onButton = (event.target as Element).closest("button") !== null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key === "Enter" && !onButton) go({ area: "task", id: row.id });
  else if (key === "c" && canCancel(row.status)) asked.value = row.id;
  else if (key === "x" && canChoose(row)) choose(row.id, row.submission);
  else if (key === "m" || key === "ContextMenu" || (key === "F10" && event.shiftKey)) {
    const button = cellOf(event)?.querySelector<HTMLElement>(".more");
    if (button) openMenu(row, button);
  } else return false;
  return true;
}
