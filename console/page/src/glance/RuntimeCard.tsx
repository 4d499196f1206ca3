import { spanText } from "../parts/times";
import { href } from "../routes";
import type { AgentGlance, RuntimeGlance } from "../types";

const STATE_WORDS: Readonly<Record<AgentGlance["state"], string>> = {
  up: "ready",
  waiting: "its runtime is not ready",
  breaker: "its circuit breaker is open",
  down: "does not answer",
};

/** A figure, or honestly that nobody knows it. */
function Figure({ name, value, tone = "" }: { name: string; value: string | null; tone?: string }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd class={`number ${value === null ? "unknown" : tone}`}>{value ?? "unknown"}</dd>
    </div>
  );
}

function count(value: number | null): string | null {
  return value === null ? null : value.toLocaleString("en");
}

function rate(value: number | null): string | null {
  return value === null ? null : (Math.round(value * 10) / 10).toLocaleString("en");
}

/** A runtime: what waits for it, what it does, and what went wrong. */
export function RuntimeCard({ runtime }: { runtime: RuntimeGlance }) {
  const { name, type, queued, in_flight, oldest_seconds, dead_letters, ended_per_minute, failed_per_minute } = runtime;
  const oldest = oldest_seconds === null ? (queued === 0 ? "none" : null) : spanText(oldest_seconds * 1000);
  const failing = failed_per_minute !== null && failed_per_minute > 0;
  return (
    <section class="card runtime" aria-label={name}>
      <header class="row">
        <h2 class="breaks">{name}</h2>
        <span class="soft">{type}</span>
        <a class="push" href={href({ area: "gallery", status: null, runtime: name, q: "" })}>
          its tasks
        </a>
      </header>
      <dl class="figures-of">
        <Figure name="queued" value={count(queued)} />
        <Figure name="in flight" value={count(in_flight)} />
        <Figure name="oldest" value={oldest} />
        <Figure name="ended per minute" value={rate(ended_per_minute)} />
        <Figure name="failed per minute" value={rate(failed_per_minute)} tone={failing ? "bad" : ""} />
        <Figure name="dead letters" value={count(dead_letters)} tone={dead_letters ? "bad" : ""} />
      </dl>
      {dead_letters !== null && dead_letters > 0 && (
        <p class="advice">
          <b>
            {dead_letters} {dead_letters === 1 ? "message was" : "messages were"} given up after three tries.
          </b>{" "}
          See why in the tasks that failed; when the cause is gone, send them again with <code>./darkroom redrive</code>
          .
        </p>
      )}
      <Agents agents={runtime.agents} />
    </section>
  );
}

function Agents({ agents }: { agents: readonly AgentGlance[] }) {
  if (agents.length === 0) return <p class="soft">No agent is known here.</p>;
  return (
    <table class="agents" aria-label="Agents">
      <thead>
        <tr>
          <th scope="col">Agent</th>
          <th scope="col">GPU busy, last minute</th>
          <th scope="col">Up for</th>
        </tr>
      </thead>
      <tbody>
        {agents.map((agent, n) => (
          <Agent key={n} agent={agent} />
        ))}
      </tbody>
    </table>
  );
}

function Agent({ agent: { state, busy, busy_fraction: share, up_seconds } }: { agent: AgentGlance }) {
  const percent = share === null ? null : Math.round(share * 100);
  return (
    <tr>
      <td>
        <span class={`agent ${state}`}>{STATE_WORDS[state]}</span>
        {state === "up" && <span class="soft"> · {busy ? "at work" : "idle"}</span>}
      </td>
      <td>
        {percent === null ? (
          <span class="unknown">unknown</span>
        ) : (
          <span class="busy">
            <meter class="unseen" min={0} max={100} value={percent} aria-label="GPU busy in the last minute" />
            <span class="gauge" aria-hidden="true">
              <i style={{ width: `${percent}%` }} />
            </span>
            <span class="number">{percent} %</span>
          </span>
        )}
      </td>
      <td class="number">{up_seconds === null ? <span class="unknown">unknown</span> : spanText(up_seconds * 1000)}</td>
    </tr>
  );
}
