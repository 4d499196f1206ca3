import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { tasks } from "../live";
import { Icon, type IconName } from "../parts/Icon";
import { go } from "../routes";
import type { TaskRow } from "../types";
import { allOf, asked, canCancel, copyLocation, download, resubmit } from "./actions";
import { canChoose, choose, chosen, isChosen } from "./chosen";
import { downloadWords, savable } from "./downloads";
import { besides, closeMenu, menu } from "./menu";

interface Entry {
  icon: IconName;
  words: string;
  key?: string;
  act: () => void;
}

function entriesOf(row: TaskRow): Entry[] {
  const { id, images } = row;
  const entries: (Entry | false)[] = [
    { icon: "image", words: "Look into", key: "Enter", act: () => go({ area: "task", id }) },
    canCancel(row.status) && { icon: "cancel", words: "Cancel …", key: "C", act: () => ask(id) },
    { icon: "repeat", words: "Submit again", act: () => void resubmit(id) },
    canChoose(row) && {
      icon: "compare",
      words: isChosen(chosen.value, id) ? "Do not compare" : "Compare",
      key: "X",
      act: () => choose(id, row.submission),
    },
    images > 0 && {
      icon: "download",
      words: downloadWords(savable(images), images),
      act: () => download(id, allOf(savable(images))),
    },
    { icon: "copy", words: "Copy S3 location", act: () => void copyLocation(id) },
  ];
  return entries.filter((entry) => entry !== false);
}

function ask(id: string): void {
  asked.value = id;
}

function step(key: string, at: number, count: number): number | null {
  if (key === "ArrowDown") return (at + 1) % count;
  if (key === "ArrowUp") return (at + count - 1) % count;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  return null;
}

/** The menu of a tile: one for all of them, above everything. */
export function TileMenu() {
  const open = menu.value;
  useEffect(() => () => closeMenu({ focus: false }), []);
  const row = open && (tasks.value.get(open.row.id) ?? open.row);
  return open && row ? <Opened key={row.id} row={row} button={open.button} /> : null;
}

function Opened({ row, button }: { row: TaskRow; button: HTMLElement }) {
  const list = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const element = list.current;
    if (!element) return;
    element.showPopover();
    const { offsetWidth: width, offsetHeight: height } = element;
    const at = besides(button.getBoundingClientRect(), { width, height }, { width: innerWidth, height: innerHeight });
    element.style.left = `${at.left}px`;
    element.style.top = `${at.top}px`;
  }, []);
  useLayoutEffect(() => {
    // At first, and when the entry that had the focus is no more.
    const element = list.current;
    if (element?.contains(document.activeElement)) return;
    element?.querySelector<HTMLElement>("button")?.focus({ preventScroll: true });
  });
  useEffect(() => {
    const gone = () => closeMenu({ focus: false });
    const beside = (event: Event) => {
      const target = event.target as Node;
      if (!list.current?.contains(target) && !button.contains(target)) gone();
    };
    addEventListener("scroll", gone, { passive: true });
    addEventListener("resize", gone);
    addEventListener("pointerdown", beside);
    return () => {
      removeEventListener("scroll", gone);
      removeEventListener("resize", gone);
      removeEventListener("pointerdown", beside);
    };
  }, []);
  const press = (event: KeyboardEvent) => {
    const all = [...(list.current?.querySelectorAll<HTMLElement>("button") ?? [])];
    const next = step(event.key, all.indexOf(document.activeElement as HTMLElement), all.length);
    if (next !== null) all[next]?.focus();
    else if (event.key === "Escape" || event.key === "Tab") closeMenu({ focus: true });
    else return;
    event.preventDefault();
  };
  const choose = (entry: Entry) => {
    closeMenu({ focus: true });
    entry.act();
  };
  return (
    <div ref={list} class="menu" role="menu" popover="manual" aria-label={`Actions for ${row.id}`} onKeyDown={press}>
      {entriesOf(row).map((entry) => (
        <button key={entry.words} type="button" role="menuitem" tabIndex={-1} onClick={() => choose(entry)}>
          <Icon name={entry.icon} />
          <span>{entry.words}</span>
          {entry.key && <kbd>{entry.key}</kbd>}
        </button>
      ))}
    </div>
  );
}
