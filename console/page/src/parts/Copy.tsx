import { useEffect, useState } from "preact/hooks";
import { Icon } from "./Icon";
import { notify } from "./notices";

/** Copies a text; says so in a word and to screen readers. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    notify("The browser does not let the page copy. Select the text and copy it yourself.");
    return false;
  }
}

export function CopyButton({ text, label = "Copy", quiet = false }: { text: string; label?: string; quiet?: boolean }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const later = setTimeout(() => setCopied(false), 2000);
    return () => clearTimeout(later);
  }, [copied]);
  const press = async () => setCopied(await copy(text));
  return (
    <button type="button" class={`button small ${quiet ? "quiet" : ""}`} onClick={press}>
      <Icon name={copied ? "check" : "copy"} />
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
  );
}
