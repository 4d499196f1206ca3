import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useBeside } from "./beside";
import { Icon } from "./Icon";

interface Properties {
  title: string;
  open: boolean;
  onClose: () => void;
  children: ComponentChildren;
}

/** A modal dialog; the browser keeps the focus in it, closes it with Escape and gives the focus back. */
export function Dialog({ title, open, onClose, children }: Properties) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (open && element && !element.open) element.showModal();
    if (!open && element?.open) element.close();
  }, [open]);
  const beside = useBeside(onClose);
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby={heading} onClose={onClose} {...beside}>
      {open && (
        <>
          <header>
            <h2 id={heading}>{title}</h2>
            <button type="button" class="button quiet bare" aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          <div>{children}</div>
        </>
      )}
    </dialog>
  );
}
