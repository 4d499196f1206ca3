import type { ComponentChildren } from "preact";
import { href } from "../routes";
import type { TaskRow } from "../types";
import { Badge, Progress } from "./Badge";
import { Picture } from "./Picture";
import { Duration } from "./Time";

function Sight({ row, whole }: { row: TaskRow; whole: boolean }) {
  if (row.status === "succeeded") {
    if (row.images === 0) return <span class="words">No picture came out</span>;
    return <Picture id={row.id} n={0} submission={row.submission} alt="" whole={whole} cover />;
  }
  if (row.status === "failed") {
    return (
      <span class="words">
        <code class="bad">{row.error?.code ?? "failed"}</code>
        {row.error && <span>{row.error.message}</span>}
      </span>
    );
  }
  if (row.status === "cancelled") return <span class="words">Cancelled</span>;
  return (
    <>
      <span class="words">{row.status === "queued" ? "Waiting for its turn" : "Being made"}</span>
      {row.status === "running" && <Progress percent={row.progress} label={`Progress of ${row.id}`} />}
    </>
  );
}

interface Properties {
  row: TaskRow;
  /** Shows the picture as it was made instead of a thumbnail. */
  whole?: boolean;
  children?: ComponentChildren;
}

/** A task as a tile that leads to it: its picture, or how it stands. */
export function Tile({ row, whole = false, children }: Properties) {
  return (
    <article class="tile">
      <div class="sight">
        <Sight row={row} whole={whole} />
      </div>
      <div class="about">
        <a class="name" href={href({ area: "task", id: row.id })} title={row.id}>
          {row.id}
        </a>
        <div class="row">
          <Badge status={row.status} progress={row.progress} />
          <span class="soft">
            {row.images > 1 && `${row.images} pictures · `}
            <Duration from={row.created_at} to={row.finished_at} />
          </span>
        </div>
        {children}
      </div>
    </article>
  );
}
