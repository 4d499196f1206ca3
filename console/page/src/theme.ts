import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";

const KEY = "darkroom.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function kept(): Theme | null {
  const value = localStorage.getItem(KEY);
  return value === "light" || value === "dark" ? value : null;
}

const chosen = signal<Theme | null>(kept());
const usual = signal<Theme>(dark.matches ? "dark" : "light");
dark.addEventListener("change", () => {
  usual.value = dark.matches ? "dark" : "light";
});

/** What the page looks like now. */
export function theme(): Theme {
  return chosen.value ?? usual.value;
}

/** The other one from now on; back at what the system says, the page follows the system again. */
export function switchTheme(): void {
  const next = theme() === "dark" ? "light" : "dark";
  chosen.value = next === usual.value ? null : next;
}

/** Keeps the document as the choice says. */
export function keepTheme(): void {
  effect(() => {
    const value = chosen.value;
    if (value) {
      document.documentElement.dataset.theme = value;
      localStorage.setItem(KEY, value);
    } else {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem(KEY);
    }
  });
}
