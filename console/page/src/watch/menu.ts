import { signal } from "@preact/signals";
import type { TaskRow } from "../types";

/** The tile whose menu is open, and the button that opened it. */
export const menu = signal<{ row: TaskRow; button: HTMLElement } | null>(null);

export function openMenu(row: TaskRow, button: HTMLElement): void {
  menu.value = menu.value?.button === button ? null : { row, button };
}

/** Closes it; the focus goes back to the tile where the menu had it. */
export function closeMenu({ focus }: { focus: boolean }): void {
  const open = menu.value;
  menu.value = null;
  if (focus) open?.button.closest<HTMLElement>("[role=gridcell]")?.focus({ preventScroll: true });
}

/** Where a menu of a size lies beside its button, within the window. */
export function besides(
  button: { left: number; right: number; top: number; bottom: number },
  size: { width: number; height: number },
  window: { width: number; height: number },
): { left: number; top: number } {
  const margin = 8;
  const left = Math.min(Math.max(margin, button.right - size.width), window.width - size.width - margin);
  const below = button.bottom + 4;
  const above = button.top - 4 - size.height;
  const top = below + size.height + margin <= window.height || above < margin ? below : above;
  return { left: Math.max(margin, left), top };
}
