import { useEffect } from "preact/hooks";
import { Dialog } from "../parts/Dialog";
import { asked, cancel } from "./actions";

/** Asks before a task is cancelled. */
export function CancelDialog() {
  const id = asked.value;
  const close = () => {
    asked.value = null;
  };
  useEffect(() => close, []);
  const confirm = () => {
    close();
    if (id !== null) void cancel(id);
  };
  return (
    <Dialog title="Cancel this task?" open={id !== null} onClose={close}>
      <p class="breaks">
        <strong>{id}</strong>
      </p>
      <p>If it waits, it never gets the GPU; if it runs, it is interrupted. What it has made so far is lost.</p>
      <div class="row">
        <button type="button" class="button primary" onClick={confirm}>
          Cancel the task
        </button>
        <button type="button" class="button" onClick={close}>
          Keep it
        </button>
      </div>
    </Dialog>
  );
}
