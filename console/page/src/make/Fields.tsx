import { useId } from "preact/hooks";
import { system } from "../live";
import { Icon } from "../parts/Icon";
import { IMAGE } from "./bodies";
import { bound, Field, NumberField, TextField } from "./Field";
import { otherTypes, runtimesFor } from "./kinds";
import { fittingSize, PRESETS } from "./sizes";
import { draft, forget, kind, pictureAt, runtime, setDraft, setField, tasktype, workflow } from "./state";
import { rollSeed } from "./submit";
import { MOST } from "./wishes";
import { hasPlace } from "./workflow";

export function PromptFields({ own = {} }: { own?: { prompt?: string; negative?: string } }) {
  const shown =
    kind.value === "pipeline" ? own : { prompt: "A lighthouse at dusk", negative: "What must not be in the picture" };
  return (
    <>
      <TextField name="prompt" label="Prompt" rows={3} placeholder={shown.prompt} />
      <TextField name="negative" label="Negative prompt" rows={2} placeholder={shown.negative} />
    </>
  );
}

export function SeedField({ placeholder = "Random" }: { placeholder?: string | undefined }) {
  return (
    <Field name="seed" label="Seed">
      <div class="joined">
        <input
          class="input number"
          inputMode="numeric"
          autocomplete="off"
          placeholder={placeholder}
          {...bound("seed")}
        />
        <button
          type="button"
          class="button bare"
          aria-label="Draw a seed and keep it"
          title="Draw a seed and keep it"
          onClick={() => {
            rollSeed();
            forget("seed");
          }}
        >
          <Icon name="dice" />
        </button>
      </div>
    </Field>
  );
}

/** The proportions; larger sizes are drawn a little larger. */
function Shape({ width, height }: { width: number; height: number }) {
  const scale = (Math.max(width, height) > 1000 ? 16 : 12) / Math.max(width, height);
  const [w, h] = [width * scale, height * scale];
  return <rect x={10 - w / 2} y={10 - h / 2} width={w} height={h} rx="1.5" />;
}

function Presets() {
  const { width, height } = draft.value;
  const picture = kind.value === "image-to-image" ? pictureAt(IMAGE) : null;
  const fitting = picture && fittingSize(picture.size);
  const take = (wide: string, high: string) => {
    setField("width", wide);
    setField("height", high);
  };
  return (
    <div class="presets sizes">
      {kind.value === "image-to-image" && (
        <button type="button" class="preset as-picture" aria-pressed={!width && !height} onClick={() => take("", "")}>
          As the picture
          {fitting && <span class="soft number"> {`${fitting.width}×${fitting.height}`}</span>}
        </button>
      )}
      {PRESETS.map((preset) => (
        <button
          key={preset.label}
          type="button"
          class="preset"
          aria-pressed={width === String(preset.width) && height === String(preset.height)}
          onClick={() => take(String(preset.width), String(preset.height))}
        >
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <Shape width={preset.width} height={preset.height} />
          </svg>
          {preset.label}
        </button>
      ))}
    </div>
  );
}

export function SizeFields() {
  const legend = useId();
  const picture = kind.value === "image-to-image" ? pictureAt(IMAGE) : null;
  const fitting = picture && !draft.value.width && !draft.value.height ? fittingSize(picture.size) : null;
  return (
    <fieldset class="field" aria-labelledby={legend}>
      <div class="label" id={legend}>
        Size
      </div>
      <Presets />
      <div class="pair narrow">
        <NumberField name="width" label="Width" placeholder={fitting ? String(fitting.width) : "512"} />
        <NumberField name="height" label="Height" placeholder={fitting ? String(fitting.height) : "512"} />
      </div>
    </fieldset>
  );
}

export function StrengthField() {
  return (
    <Field name="strength" label="Strength" hint="how far it may go from the picture">
      <div class="joined">
        <input
          type="range"
          min="0"
          max="1"
          step="0.05"
          aria-label="Strength as a slider"
          value={draft.value.strength || "0.75"}
          onInput={(event) => setField("strength", event.currentTarget.value)}
        />
        <input
          class="input number short"
          inputMode="decimal"
          autocomplete="off"
          placeholder="0.75"
          {...bound("strength")}
        />
      </div>
    </Field>
  );
}

export function ScaleField() {
  return (
    <Field name="scale" label="Scale" hint="how much larger">
      <div class="joined">
        <input class="input number short" inputMode="decimal" autocomplete="off" placeholder="4" {...bound("scale")} />
        <div class="presets">
          {["2", "3", "4", "8"].map((scale) => (
            <button
              key={scale}
              type="button"
              class="preset"
              aria-pressed={draft.value.scale === scale}
              onClick={() => setField("scale", scale)}
            >
              {scale}×
            </button>
          ))}
        </div>
      </div>
    </Field>
  );
}

export function ModelField({ placeholder = "As the runtime has it" }: { placeholder?: string | undefined }) {
  const list = useId();
  const models = runtime.value?.models ?? [];
  return (
    <Field name="model" label="Model">
      <input
        class="input"
        list={models.length ? list : undefined}
        autocomplete="off"
        spellcheck={false}
        placeholder={placeholder}
        {...bound("model")}
      />
      <datalist id={list}>
        {models.map((model) => (
          <option key={model} value={model} />
        ))}
      </datalist>
    </Field>
  );
}

export function RuntimeField() {
  const fit = runtimesFor(system.value?.runtimes ?? [], kind.value);
  const types = kind.value === "other" ? otherTypes(runtime.value) : [];
  return (
    <>
      <Field name="runtime" label="Runtime">
        <select class="input" {...bound("runtime")} value={runtime.value?.name ?? ""}>
          {fit.map(({ name, type }) => (
            <option key={name} value={name}>
              {`${name} (${type})`}
            </option>
          ))}
        </select>
      </Field>
      {types.length > 0 && (
        <Field name="tasktype" label="Task type">
          <select
            class="input"
            {...bound("tasktype")}
            value={tasktype.value}
            onInput={(event) => setDraft({ tasktype: event.currentTarget.value })}
          >
            {types.map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
        </Field>
      )}
    </>
  );
}

export function CountField() {
  const alike = kind.value === "other" || (kind.value === "pipeline" && !hasPlace(workflow.value, "seed"));
  const several = alike ? "a task each, all the same" : "a task each";
  return <NumberField name="count" label="Pictures" hint={Number(draft.value.count) > 1 ? several : `up to ${MOST}`} />;
}
