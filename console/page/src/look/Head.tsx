import { again } from "../make/again";
import { Badge, Progress } from "../parts/Badge";
import { copy } from "../parts/Copy";
import { Icon } from "../parts/Icon";
import { notify } from "../parts/notices";
import { Duration, Time } from "../parts/Time";
import { GALLERY, href } from "../routes";
import type { TaskDetail } from "../types";
import { allOf, asked, canCancel, download, resubmit } from "../watch/actions";
import { canChoose, choose, chosen } from "../watch/chosen";
import { downloadWords } from "../watch/downloads";

/** Who the task is, how it stands, and what can be done with it. */
export function Head({ detail, n }: { detail: TaskDetail; n: number }) {
  const { id, status, progress, runtime, tasktype, attempts } = detail;
  return (
    <header class="task-head">
      <a class="back" href={href(GALLERY)}>
        <Icon name="left" />
        Gallery
      </a>
      <h1 class="breaks">{id}</h1>
      <p class="row facts-line">
        <Badge status={status} progress={progress} />
        <span class="soft">
          {runtime} · {tasktype} · <Time at={detail.created_at} />
          {attempts > 1 && ` · ${attempts} attempts`}
        </span>
      </p>
      <Standing detail={detail} />
      <Actions detail={detail} n={n} />
    </header>
  );
}

/** How far it is, while it is under way. */
function Standing({ detail }: { detail: TaskDetail }) {
  const { id, status, progress, position_estimate: position } = detail;
  if (status === "queued") {
    return (
      <div class="standing">
        <p>
          {position === null
            ? "Waiting for its turn."
            : position <= 1
              ? "Next in the queue."
              : `About ${position} in the queue.`}{" "}
          <span class="soft">
            Waiting for <Duration from={detail.created_at} to={null} />
          </span>
        </p>
      </div>
    );
  }
  if (status !== "running") return null;
  return (
    <div class="standing">
      <Progress percent={progress} label={`Progress of ${id}`} />
      {detail.started_at !== null && (
        <p class="soft">
          Running for <Duration from={detail.started_at} to={null} />
        </p>
      )}
    </div>
  );
}

function Actions({ detail, n }: { detail: TaskDetail; n: number }) {
  const { id, status, submission, images, request } = detail;
  const isPicked = chosen.value.some((one) => one.id === id && one.n === n);
  const ask = () => {
    asked.value = id;
  };
  const copyLocation = async () => {
    if (await copy(detail.output_location)) notify(`Copied ${detail.output_location}`);
  };
  return (
    <div class="row deeds">
      {canCancel(status) && (
        <button type="button" class="button danger" onClick={ask}>
          <Icon name="cancel" />
          Cancel
        </button>
      )}
      {request && (
        <>
          <button type="button" class="button" onClick={() => void resubmit(id)}>
            <Icon name="repeat" />
            Submit again
          </button>
          <button type="button" class="button" onClick={() => again(request)}>
            <Icon name="spark" />
            Change and submit
          </button>
        </>
      )}
      {images.length > 0 && (
        <button type="button" class="button" onClick={() => download(id, allOf(images.length))}>
          <Icon name="download" />
          {downloadWords(images.length, detail.images_total)}
        </button>
      )}
      {canChoose({ status, images: images.length }) && images[n]?.kind === "image" && (
        <button type="button" class="button" aria-pressed={isPicked} onClick={() => choose(id, submission, n)}>
          <Icon name="compare" />
          {isPicked ? "Chosen to compare" : "Compare"}
        </button>
      )}
      <button type="button" class="button" onClick={copyLocation}>
        <Icon name="copy" />
        Copy S3 location
      </button>
    </div>
  );
}
