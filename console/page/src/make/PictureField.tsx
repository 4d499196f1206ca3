import { useRef, useState } from "preact/hooks";
import { Icon } from "../parts/Icon";
import { controlId, FaultsBelow } from "./Field";
import { fileOf, type Picture } from "./pictures";
import { isLink } from "./reading";
import { bytesText } from "./sizes";
import { takeFile } from "./slots";
import { draft, faultsAt, forget, pictureAt, setPicture } from "./state";

function Preview({ picture, slot }: { picture: Picture; slot: string }) {
  const { file, url, size } = picture;
  return (
    <figure class="chosen-picture">
      <img src={url} alt={`Preview of ${file.name || "the pasted picture"}`} />
      <figcaption>
        <strong>{file.name || "Pasted picture"}</strong>
        <span class="soft number">
          {size.width} × {size.height} · {bytesText(file.size)}
        </span>
      </figcaption>
      <button
        type="button"
        class="button small bare"
        aria-label="Remove the picture"
        title="Remove the picture"
        onClick={() => setPicture(slot, null)}
      >
        <Icon name="close" />
      </button>
    </figure>
  );
}

function LinkInstead({ slot, label }: { slot: string; label: string }) {
  const link = draft.value.links[slot] ?? "";
  const [open, setOpen] = useState(false);
  if (!open && !link) {
    return (
      <button type="button" class="button quiet small" onClick={() => setOpen(true)}>
        Use a link instead
      </button>
    );
  }
  return (
    <div class="link-instead">
      <input
        class="input mono"
        aria-label={`Link to ${label}`}
        placeholder="https://, s3:// or upload://"
        autocomplete="off"
        spellcheck={false}
        value={link}
        onInput={(event) => setPicture(slot, null, event.currentTarget.value.trim())}
      />
      {link && !isLink(link) && (
        <p class="soft">A link begins with https://, s3:// or upload://; other text is sent as it is.</p>
      )}
    </div>
  );
}

/** A place for one picture: drop it, paste it, choose a file, or give a link. */
export function PictureField({ slot, label }: { slot: string; label: string }) {
  const place = `picture-${slot}`;
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [unfit, setUnfit] = useState<string | null>(null);
  const picture = pictureAt(slot);
  const take = async (file: File | null) => {
    if (!file) return;
    forget(place);
    setUnfit(null);
    const problem = await takeFile(slot, file);
    if (problem) setUnfit(problem);
  };
  return (
    <div class="field">
      <div class="label">{label}</div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a shortcut; the button does the same. */}
      <div
        class={`drop ${over ? "over" : ""} ${faultsAt.value.has(place) ? "wrong" : ""}`}
        data-drop={slot}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          event.stopPropagation();
          setOver(false);
          void take(fileOf(event.dataTransfer));
        }}
      >
        {picture && <Preview picture={picture} slot={slot} />}
        <button type="button" class="button" id={controlId(place)} onClick={() => input.current?.click()}>
          <Icon name="upload" />
          {picture ? "Choose another" : "Choose a picture"}
        </button>
        {!picture && <span class="soft">or drop one here, or paste it</span>}
        <input
          ref={input}
          class="unseen"
          type="file"
          accept="image/*"
          tabIndex={-1}
          aria-label={label}
          onChange={(event) => {
            void take(event.currentTarget.files?.[0] ?? null);
            event.currentTarget.value = "";
          }}
        />
        {!picture && <LinkInstead slot={slot} label={label.toLowerCase()} />}
      </div>
      <p class="faults" role="status">
        {unfit}
      </p>
      <FaultsBelow place={place} />
    </div>
  );
}
