import { Component, createRef } from "preact";
import { Badge, Progress } from "../parts/Badge";
import { Icon } from "../parts/Icon";
import { Duration, Time } from "../parts/Time";
import { href } from "../routes";
import type { TaskRow } from "../types";
import { canChoose } from "./chosen";
import { CAPTION } from "./grid";
import { Thumb } from "./Thumb";

export interface ShotProperties {
  row: TaskRow;
  slot: number;
  index: number;
  column: number;
  x: number;
  y: number;
  size: number;
  /** Whether the Tab key leads here. */
  stop: boolean;
  chosen: boolean;
  patience: () => number;
  /** Whether there is time for tiles to glide and pictures to fade: nothing is scrolled, and movement is welcome. */
  calm: () => boolean;
}

const GLIDE: KeyframeAnimationOptions = { duration: 220, easing: "cubic-bezier(0.2, 0.8, 0.3, 1)" };

export function shotId(slot: number): string {
  return `shot-${slot}`;
}

/** One tile of the gallery. It is drawn anew only where something of it changed. */
export class Shot extends Component<ShotProperties> {
  #element = createRef<HTMLDivElement>();

  override shouldComponentUpdate(next: ShotProperties): boolean {
    const now = this.props;
    return (Object.keys(next) as (keyof ShotProperties)[]).some((name) => now[name] !== next[name]);
  }

  override componentDidUpdate(before: ShotProperties): void {
    const { row, x, y, size, calm } = this.props;
    if (before.row.id !== row.id || before.size !== size || (before.x === x && before.y === y) || !calm()) return;
    this.#element.current?.animate([{ transform: at(before.x, before.y) }, { transform: at(x, y) }], GLIDE);
  }

  override render() {
    const { row, slot, index, column, x, y, size, stop, chosen, patience, calm } = this.props;
    return (
      // biome-ignore lint/a11y/useSemanticElements: a row of the grid owns it without holding it.
      <div
        ref={this.#element}
        id={shotId(slot)}
        class="shot"
        role="gridcell"
        aria-colindex={column + 1}
        aria-selected={canChoose(row) ? chosen : undefined}
        tabIndex={stop ? 0 : -1}
        data-index={index}
        data-id={row.id}
        style={{ transform: at(x, y), width: `${size}px`, height: `${size + CAPTION}px` }}
      >
        <div class="sight" style={{ height: `${size}px` }}>
          <Sight row={row} patience={patience} calm={calm} />
        </div>
        <Caption row={row} />
        <button type="button" class="more" tabIndex={-1} aria-haspopup="menu" aria-label="Actions">
          <span aria-hidden="true">⋯</span>
        </button>
        {chosen && (
          <span class="picked">
            <Icon name="compare" />
          </span>
        )}
      </div>
    );
  }
}

function at(x: number, y: number): string {
  return `translate(${x}px, ${y}px)`;
}

function Caption({ row }: { row: TaskRow }) {
  return (
    <div class="caption">
      <a class="name" href={href({ area: "task", id: row.id })} tabIndex={-1} title={row.id}>
        {row.id}
      </a>
      <div class="line">
        <Badge status={row.status} progress={row.progress} />
        <span class="soft">
          {row.started_at !== null && row.status !== "queued" && (
            <Duration from={row.started_at} to={row.finished_at} />
          )}
        </span>
      </div>
      <div class="line soft">
        <span class="cut">{row.runtime}</span>
        <Time at={row.created_at} />
      </div>
    </div>
  );
}

type SightProperties = Pick<ShotProperties, "row" | "patience" | "calm">;

function Sight({ row, patience, calm }: SightProperties) {
  switch (row.status) {
    case "succeeded":
      if (row.images === 0) return <p class="soft">No picture</p>;
      return (
        <>
          <Thumb id={row.id} submission={row.submission} patience={patience} calm={calm} />
          {row.images > 1 && <span class="several number">{row.images}</span>}
        </>
      );
    case "failed":
      return (
        <div class="why">
          <Icon name="alert" />
          <code>{row.error?.code ?? "failed"}</code>
          <p>{row.error?.message}</p>
        </div>
      );
    case "running":
      return (
        <>
          <span class="making" />
          <Progress percent={row.progress} label={`Progress of ${row.id}`} />
        </>
      );
    case "cancelled":
      return <Icon name="cancel" />;
    default:
      return <span class="still" />;
  }
}
