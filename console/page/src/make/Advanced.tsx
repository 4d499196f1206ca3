import { useEffect, useState } from "preact/hooks";
import { NumberField, TextField } from "./Field";
import { draft, faultsAt, kind } from "./state";

const INSIDE = ["prefix", "context", "callback", "expires", "extra"] as const;

/** What most people never need; open from the start where something is in it, and once something in it is wrong. */
export function Advanced() {
  const { prefix, context, callback, expires, extra } = draft.value;
  const used = Boolean(context || callback || expires || extra || prefix !== "output");
  const wrong = INSIDE.some((name) => faultsAt.value.has(name));
  const [open, setOpen] = useState(used);
  useEffect(() => {
    if (wrong) setOpen(true);
  }, [wrong]);
  const form = kind.value !== "pipeline" && kind.value !== "other";
  return (
    <details class="advanced" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Advanced</summary>
      <div class="fields">
        {form && (
          <TextField
            name="extra"
            label="More parameters"
            hint="JSON, of the runtime’s own API"
            rows={3}
            mono
            placeholder={'{"cfg_scale": 7, "sampler_name": "Euler a"}'}
          />
        )}
        <div class="pair">
          <TextField name="prefix" label="Prefix" hint="folder of the outputs" placeholder="output" mono />
          <NumberField name="expires" label="Expires in" hint="seconds to start in" placeholder="Never" />
        </div>
        <TextField name="callback" label="Callback URL" hint="where a webhook goes" placeholder="https://" mono />
        <TextField
          name="context"
          label="Context"
          hint="JSON, returned in notifications"
          rows={2}
          mono
          placeholder="{}"
        />
      </div>
    </details>
  );
}
