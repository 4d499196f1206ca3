import { messageOf } from "../parts/faults";

/** What could not be read, and a way to try again. */
export function Trouble({ error, retry }: { error: Error; retry: () => void }) {
  const words = error instanceof SyntaxError ? "The console’s answer cannot be read." : messageOf(error);
  return (
    <div class="row trouble" role="alert">
      <p class="bad">{words}</p>
      <button type="button" class="button small" onClick={retry}>
        Try again
      </button>
    </div>
  );
}
