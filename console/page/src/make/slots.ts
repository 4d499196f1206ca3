import { system } from "../live";
import { IMAGE } from "./bodies";
import { openPicture, type Picture, revoke, UnfitPictureError } from "./pictures";
import { kind, pictureAt, setPicture, slotKey, workflow } from "./state";
import { loaders } from "./workflow";

/** The places for pictures that the form has now. */
export function slotsNow(): string[] {
  if (kind.value === "image-to-image" || kind.value === "extra-single-image") return [IMAGE];
  return kind.value === "pipeline" ? loaders(workflow.value).map(({ id }) => id) : [];
}

/** The files in them. */
export function filesNow(): [string, Picture][] {
  return slotsNow().flatMap((slot) => {
    const picture = pictureAt(slot);
    return picture ? [[slot, picture] satisfies [string, Picture]] : [];
  });
}

/** The file that was chosen last, by slot: looking at an earlier one may take longer. */
const latest = new Map<string, File>();

/** Takes a file for a slot of the form that is shown; what is wrong with it, or null. */
export async function takeFile(slot: string, file: File): Promise<string | null> {
  const of = kind.value;
  const key = slotKey(of, slot);
  latest.set(key, file);
  const isLatest = () => latest.get(key) === file;
  try {
    const picture = await openPicture(file, system.value?.input_max ?? null);
    if (isLatest()) setPicture(slot, picture, "", of);
    else revoke(picture);
    return null;
  } catch (error) {
    if (error instanceof UnfitPictureError) return isLatest() ? error.message : null;
    throw error;
  }
}
