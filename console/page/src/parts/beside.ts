import { useRef } from "preact/hooks";

interface Pressed {
  target: EventTarget | null;
  currentTarget: EventTarget | null;
}

function isBeside({ target, currentTarget }: Pressed): boolean {
  return target === currentTarget;
}

/**
 * Handlers of a modal dialog that a click beside its content closes. The click of somebody who drags over text and lets
 * go beside it has the dialog as its target too: where the button was pressed tells the two apart.
 */
export function useBeside(onClose: () => void) {
  const pressed = useRef(false);
  return {
    onPointerDown: (event: Pressed) => {
      pressed.current = isBeside(event);
    },
    onClick: (event: Pressed) => {
      if (pressed.current && isBeside(event)) onClose();
    },
  };
}
