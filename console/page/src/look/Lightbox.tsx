import { useEffect, useRef } from "preact/hooks";
import { useBeside } from "../parts/beside";
import { Icon } from "../parts/Icon";
import { pictureSource } from "../parts/Picture";
import type { TaskDetail } from "../types";

interface Properties {
  detail: TaskDetail;
  n: number;
  open: boolean;
  onChoose: (n: number) => void;
  onClose: () => void;
}

/** A picture over the whole window; the arrow keys go through the task's others. */
export function Lightbox({ detail, n, open, onChoose, onClose }: Properties) {
  const dialog = useRef<HTMLDialogElement>(null);
  const count = detail.images.length;
  useEffect(() => {
    const element = dialog.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  const beside = useBeside(onClose);
  const turn = (by: number) => onChoose((n + by + count) % count);
  const press = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) turn(by);
  };
  const { id, submission } = detail;
  return (
    <dialog
      ref={dialog}
      class="lightbox"
      aria-label={`Output ${n + 1} of ${id}`}
      onClose={onClose}
      onKeyDown={press}
      {...beside}
    >
      {open && (
        <>
          <img class="whole" src={pictureSource({ id, n, submission, whole: true })} alt={`Output ${n + 1} of ${id}`} />
          <div class="tools">
            {count > 1 && (
              <>
                <button type="button" class="button bare" aria-label="Previous" onClick={() => turn(-1)}>
                  <Icon name="left" />
                </button>
                <span class="number">
                  {n + 1} of {count}
                </span>
                <button type="button" class="button bare" aria-label="Next" onClick={() => turn(1)}>
                  <Icon name="right" />
                </button>
              </>
            )}
            <button type="button" class="button bare" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          </div>
        </>
      )}
    </dialog>
  );
}
