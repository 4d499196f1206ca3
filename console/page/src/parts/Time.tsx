import { useMemo } from "preact/hooks";
import { agoText, lately, momentText, now, spanText } from "./times";

/** When something was: "3 min ago", the moment itself as its title. */
export function Time({ at }: { at: number }) {
  const { iso, words } = useMemo(() => ({ iso: new Date(at).toISOString(), words: momentText(at) }), [at]);
  return (
    <time class="number" dateTime={iso} title={words}>
      {agoText(at, Math.max(lately.value, at))}
    </time>
  );
}

/** How long something took, or takes until now where `to` is null. Milliseconds since 1970. */
export function Duration({ from, to }: { from: number; to: number | null }) {
  return <span class="number">{spanText((to ?? Math.max(now.value, from)) - from)}</span>;
}
