import { Icon } from "../parts/Icon";
import { Picture } from "../parts/Picture";
import { href } from "../routes";
import { chosen } from "./chosen";

/** What is chosen to be compared, at the lower edge while there is something. */
export function ChosenBar() {
  const [left, right] = chosen.value;
  if (!left) return null;
  const clear = () => {
    chosen.value = [];
  };
  return (
    <aside class="chosen" aria-label="Compare">
      <div class="duo">
        {chosen.value.map((one) => (
          <Picture key={`${one.id} ${one.n}`} id={one.id} n={one.n} submission={one.submission} alt={one.id} cover />
        ))}
        {!right && <span class="vacant" />}
      </div>
      <p role="status">{right ? "Two pictures chosen" : "Choose another picture to compare with"}</p>
      {right && (
        <a class="button primary" href={href({ area: "compare", left, right })}>
          <Icon name="compare" />
          Compare
        </a>
      )}
      <button type="button" class="button quiet" onClick={clear}>
        Clear
      </button>
    </aside>
  );
}
