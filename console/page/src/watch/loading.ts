interface Ways {
  /** How many milliseconds to wait before it is asked for again; 0: load. */
  patience: () => number;
  calm: () => boolean;
  /** Told after the second failure. */
  failed: () => void;
}

const RETRY_MS = 2000;

/**
 * Loads a picture into an element that may have had another one before; returns how to give it up. What can be seen
 * of it are classes that no component draws: a gallery that is scrolled has many come and go in each second.
 */
export function loading(image: HTMLImageElement, source: string, { patience, calm, failed }: Ways): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let tries = 0;
  const load = () => {
    image.src = source;
  };
  const begin = () => {
    const wait = patience();
    if (wait > 0) timer = setTimeout(begin, wait);
    else load();
  };
  const came = () => {
    image.classList.toggle("fades", calm());
    image.classList.add("shown");
  };
  const broke = () => {
    tries += 1;
    if (tries > 1) failed();
    else timer = setTimeout(load, RETRY_MS);
  };
  image.addEventListener("load", came);
  image.addEventListener("error", broke);
  begin();
  return () => {
    clearTimeout(timer);
    image.removeEventListener("load", came);
    image.removeEventListener("error", broke);
    image.classList.remove("shown", "fades");
    image.removeAttribute("src"); // an image that is only taken out goes on loading
  };
}
