import { useEffect, useRef } from "preact/hooks";
import { controlId } from "./Field";
import { placeOf } from "./places";
import { faults, kind } from "./state";

/** Puts the focus on a control, opening what it is folded into. */
function lead(place: string): void {
  const control = document.getElementById(controlId(place));
  const folded = control?.closest("details");
  if (folded && folded !== control) folded.open = true;
  control?.focus();
  control?.scrollIntoView({ block: "center" });
}

/** All that is wrong, at the top of the form; it takes the focus when it appears. */
export function Refusals() {
  const box = useRef<HTMLDivElement>(null);
  const found = faults.value;
  const count = found.length;
  const before = useRef(0);
  useEffect(() => {
    if (count > before.current) box.current?.focus();
    before.current = count;
  }, [count]);
  if (count === 0) return null;
  return (
    <div class="refusals" role="alert" tabIndex={-1} ref={box}>
      <h2>{count === 1 ? "One thing keeps this from being made" : `${count} things keep this from being made`}</h2>
      <ul>
        {found.map((fault, at) => {
          const place = placeOf(kind.value, fault.field);
          return (
            <li key={at}>
              {place ? (
                <button type="button" class="textual" onClick={() => lead(place)}>
                  {fault.message}
                </button>
              ) : (
                fault.message
              )}
              {fault.code && <code class="soft"> {fault.code}</code>}
            </li>
          );
        })}
      </ul>
    </div>
  );
}
