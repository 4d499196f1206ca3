import "../style/watch.css";
import "../style/menu.css";
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { connection, filled, newest, system } from "../live";
import { Empty } from "../parts/Empty";
import { Icon } from "../parts/Icon";
import { GALLERY, href, route } from "../routes";
import type { TaskRow } from "../types";
import { CancelDialog } from "./CancelDialog";
import { ChosenBar } from "./ChosenBar";
import { chosen } from "./chosen";
import { FilterBar } from "./FilterBar";
import { type Filter, isFiltered, type Mark, newerThan, runtimeNames, sieve } from "./filters";
import { Gallery } from "./Gallery";
import { TileMenu } from "./TileMenu";

const EVERYTHING: Filter = { status: null, runtime: null, q: "" };
/** Where one was in the gallery, for who comes back from a task: by the address that it had. */
const left = { hash: "", top: 0 };

function useFilter(): Filter {
  const at = route.value;
  const { status, runtime, q } = at.area === "gallery" ? at : EVERYTHING;
  return useMemo(() => ({ status, runtime, q }), [status, runtime, q]);
}

function useReturn(): void {
  useEffect(() => {
    const { hash } = location;
    let frame = 0;
    const top = left.hash === hash ? left.top : 0; // the page's own way to its top is noted before the frame
    if (top > 0) frame = requestAnimationFrame(() => scrollTo(0, top));
    const note = () => {
      if (location.hash.startsWith("#/gallery")) Object.assign(left, { hash: location.hash, top: scrollY });
    };
    addEventListener("scroll", note, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", note);
    };
  }, []);
}

/** The gallery: all tasks that are known, newest first, as they go. */
export function WatchView() {
  const filter = useFilter();
  const all = newest.value;
  const { rows, counts } = useMemo(() => sieve(all, filter), [all, filter]);
  const mark = useSignal<Mark | null>(null);
  const newer = newerThan(rows, mark.value);
  const fresh = newer < rows.length ? newer : 0; // with nothing left to look at there is nothing to hold back
  const shown = useMemo(() => (fresh ? rows.slice(fresh) : rows), [rows, fresh]);
  const first = useRef<TaskRow | undefined>(undefined);
  first.current = shown[0];
  const known = system.value?.runtimes.map((each) => each.name) ?? [];
  const runtimes = useMemo(() => runtimeNames(known, all, filter.runtime), [known.join(), all, filter.runtime]);
  useReturn();
  useEffect(() => {
    mark.value = null;
  }, [filter]);
  const away = useMemo(
    () => (is: boolean) => {
      if (!is) mark.value = null;
      else if (!mark.peek()) mark.value = first.current ?? null;
    },
    [],
  );
  return (
    <div class={`watch ${chosen.value.length > 0 ? "choosing" : ""}`}>
      <div class="heading">
        <h1>Gallery</h1>
        <Said count={rows.length} filter={filter} />
      </div>
      <FilterBar filter={filter} counts={counts} runtimes={runtimes} />
      {shown.length > 0 ? <Gallery rows={shown} onAway={away} /> : <Nothing filtered={isFiltered(filter)} />}
      {fresh > 0 && (
        <button type="button" class="fresh" onClick={() => scrollTo({ top: 0, behavior: "instant" })}>
          <span aria-hidden="true">↑</span> {fresh} new
        </button>
      )}
      <ChosenBar />
      <TileMenu />
      <CancelDialog />
    </div>
  );
}

/** How many there are; said aloud when the filter changes, not with each task that comes. */
function Said({ count, filter }: { count: number; filter: Filter }) {
  const words = `${count.toLocaleString("en")} ${count === 1 ? "task" : "tasks"}`;
  const aloud = useMemo(() => (isFiltered(filter) && filled.value ? `${words} found` : ""), [filter, filled.value]);
  return (
    <>
      <p class="soft number">{words}</p>
      <p class="unseen" role="status">
        {aloud}
      </p>
    </>
  );
}

function Nothing({ filtered }: { filtered: boolean }) {
  if (filtered && filled.value) {
    return (
      <Empty title="No task fits" icon="filter">
        <p>Nothing that the console knows of has this state, runtime and id.</p>
        <a class="button" href={href(GALLERY)}>
          Show all tasks
        </a>
      </Empty>
    );
  }
  if (filled.value) {
    return (
      <Empty title="No tasks yet" icon="image">
        <p>What anybody submits to this system appears here as it is made.</p>
        <a class="button primary" href={href({ area: "make" })}>
          <Icon name="spark" />
          Make a picture
        </a>
      </Empty>
    );
  }
  if (connection.value === "lost") {
    return (
      <Empty title="Not connected" icon="alert">
        <p>The tasks appear as soon as the console answers again.</p>
      </Empty>
    );
  }
  return (
    <div class="ghosts" role="status" aria-label="The tasks are being loaded">
      {Array.from({ length: 12 }, (_, n) => (
        <i key={n} />
      ))}
    </div>
  );
}
