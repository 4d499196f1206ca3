import type { ComponentChildren } from "preact";

/** A line across the page, for what concerns all of it. */
export function Banner({ tone, children }: { tone: "bad" | "warn" | "plain"; children: ComponentChildren }) {
  return (
    <div class={`banner ${tone}`} role={tone === "plain" ? undefined : "alert"}>
      {children}
    </div>
  );
}
