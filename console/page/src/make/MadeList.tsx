import { computed } from "@preact/signals";
import { filled, newest, tasks } from "../live";
import { Empty } from "../parts/Empty";
import { Tile } from "../parts/Tile";
import { GALLERY, href } from "../routes";
import type { TaskRow } from "../types";
import { ownRows } from "./own";
import { awaited, made } from "./state";

const rows = computed(() => ownRows(made.value, tasks.value, awaited));

/** Of others, as long as this page has made none. */
const LATEST = 9;
const latest = computed(() => newest.value.slice(0, LATEST));

function Tiles({ rows, own }: { rows: readonly TaskRow[]; own: boolean }) {
  const one = own && rows.length === 1;
  return (
    <ul class={one ? "tiles one" : "tiles"}>
      {rows.map((row) => (
        <li key={row.id}>
          <Tile row={row} whole={one} />
        </li>
      ))}
    </ul>
  );
}

function Nothing() {
  return (
    <Empty title="Nothing made yet" icon="image">
      <p>
        Press <strong>Make picture</strong> or <kbd>Ctrl</kbd> <kbd>Enter</kbd>, and watch it appear here.
      </p>
    </Empty>
  );
}

/** What this page made, as it becomes pictures; else the latest of the system. */
export function MadeList() {
  const own = rows.value.length > 0;
  const shown = own ? rows.value : latest.value;
  return (
    <section class={own ? "made" : "latest"} aria-labelledby="made-heading">
      <div class="row">
        <h2 id="made-heading">{own || shown.length === 0 ? "Your pictures" : "Latest in this system"}</h2>
        {shown.length > 0 && (
          <a class="push" href={href(GALLERY)}>
            All in the gallery
          </a>
        )}
      </div>
      {shown.length === 0 ? filled.value && <Nothing /> : <Tiles rows={shown} own={own} />}
    </section>
  );
}
