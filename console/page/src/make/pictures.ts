import { bytesText, type Size } from "./sizes";

/** A picture of the user's: shown from memory, uploaded when it is needed. */
export interface Picture {
  file: File;
  /** `blob:` address of the preview. */
  url: string;
  size: Size;
  /** What stands for it once it is uploaded. */
  reference: string | null;
}

/** A file that cannot be the picture of a task; the message says why. */
export class UnfitPictureError extends Error {}

async function sizeOf(url: string): Promise<Size | null> {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    return null;
  }
  return image.naturalWidth ? { width: image.naturalWidth, height: image.naturalHeight } : null;
}

/** Looks at a file before anything is sent. Throws `UnfitPictureError`. */
export async function openPicture(file: File, largest: number | null): Promise<Picture> {
  const name = file.name || "the picture";
  if (largest !== null && file.size > largest) {
    const sizes = `${name} has ${bytesText(file.size)}, and an input may have ${bytesText(largest)}`;
    throw new UnfitPictureError(`${sizes}: make it smaller, or save it as JPEG or WEBP.`);
  }
  const url = URL.createObjectURL(file);
  const size = file.type === "image/svg+xml" ? null : await sizeOf(url);
  if (!size) {
    URL.revokeObjectURL(url);
    throw new UnfitPictureError(`${name} is not a picture that can be read: take a PNG, JPEG, WEBP or GIF.`);
  }
  return { file, url, size, reference: null };
}

/** The first picture among what was dropped or pasted; else the first file. */
export function fileOf(data: DataTransfer | null): File | null {
  const files = [...(data?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

/** Lets go of the preview. */
export function revoke(picture: Picture): void {
  URL.revokeObjectURL(picture.url);
}
