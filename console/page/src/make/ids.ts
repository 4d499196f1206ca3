const SLUG_LENGTH = 40;

/** Six hexadecimal digits that nobody can guess. */
function randomHex(): string {
  return [...crypto.getRandomValues(new Uint8Array(3))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** An id that nobody has used, with some words of the prompt in it: the rule of `./darkroom submit`. */
export function newId(about: string, random: () => string = randomHex): string {
  const words = about
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  const slug = words.slice(0, SLUG_LENGTH).replace(/-+$/, "");
  return `${slug || "task"}-${random()}`;
}

const LARGEST_SEED = 2 ** 32 - 1;

/** A seed that all runtimes take. */
export function randomSeed(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % LARGEST_SEED;
}
