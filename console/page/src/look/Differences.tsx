import { useState } from "preact/hooks";
import { spanText } from "../parts/times";
import type { TaskDetail } from "../types";
import { differencesOf, type Parameter, parametersOf, usedOf } from "./parameters";
import { useDocument } from "./sources";

function factsOf(detail: TaskDetail, out: unknown): Parameter[] {
  const plain = (name: string, value: string): Parameter => ({ name, value, kind: "plain" });
  const { runtime, tasktype, started_at, finished_at } = detail;
  const facts = [plain("runtime", runtime), plain("task type", tasktype)];
  if (started_at !== null && finished_at !== null) facts.push(plain("took", spanText(finished_at - started_at)));
  const used = usedOf(out).map((row) => ({ ...row, name: `${row.name} used` }));
  return [...facts, ...used, ...parametersOf(detail.request)];
}

function useFacts(detail: TaskDetail): Parameter[] {
  const { loaded } = useDocument(detail, "out", detail.has_out);
  return factsOf(detail, loaded.state === "shown" ? loaded.value.value : null);
}

/** The parameters of two tasks in one table, the differences marked and first. */
export function Differences({ left, right }: { left: TaskDetail; right: TaskDetail }) {
  const [all, setAll] = useState(true);
  const rows = differencesOf(useFacts(left), useFacts(right));
  const different = rows.filter((row) => !row.same);
  return (
    <section class="card differences" aria-label="Parameters of both">
      <div class="row">
        <h2>Parameters</h2>
        <span class="soft number">
          {different.length} of {rows.length} differ
        </span>
        <label class="row push">
          <input type="checkbox" checked={!all} onChange={(event) => setAll(!event.currentTarget.checked)} />
          Only differences
        </label>
      </div>
      {!(left.request && right.request) && (
        <p class="soft">
          The request of {left.request ? right.id : left.id} is not known here: only the rest is compared.
        </p>
      )}
      <table>
        <thead>
          <tr>
            <th scope="col">Parameter</th>
            <th scope="col">{left.id}</th>
            <th scope="col">{right.id}</th>
          </tr>
        </thead>
        <tbody>
          {(all ? rows : different).map(({ name, left: a, right: b, same }) => (
            <tr key={name} class={same ? "" : "differs"}>
              <th scope="row">
                {name}
                {!same && <span class="unseen"> (differs)</span>}
              </th>
              <td>{a ?? "–"}</td>
              <td>{b ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
