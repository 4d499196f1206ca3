import "../style/glance.css";
import { connection, glance, system } from "../live";
import { Banner } from "../parts/Banner";
import { Empty } from "../parts/Empty";
import { lately } from "../parts/times";
import type { Glance } from "../types";
import { History } from "./History";
import { RuntimeCard } from "./RuntimeCard";

const OLD_MS = 30_000;

/** The system at a glance: its queues, agents and GPUs, now and in the last minutes. */
export function GlanceView() {
  const known = system.value;
  const now = glance.value;
  return (
    <div class="glance">
      <div class="row">
        <h1>System</h1>
        {now && <Age at={now.at} />}
      </div>
      {known && <About />}
      {known && !known.features.glance ? <Unseen /> : now ? <Now glance={now} /> : <Nothing />}
    </div>
  );
}

function Age({ at }: { at: number }) {
  const old = lately.value - at > OLD_MS;
  const time = new Date(at).toLocaleTimeString();
  return <p class={`number ${old ? "bad" : "soft"}`}>{old ? `not heard of since ${time}` : `as of ${time}`}</p>;
}

const MODES = {
  local: "on this machine",
  api: "by its API alone",
  stack: "by its API and with your AWS credentials",
} as const;

function About() {
  const known = system.value;
  if (!known) return null;
  return (
    <p class="soft breaks">
      Darkroom, seen {MODES[known.mode]}: <code>{known.endpoint}</code>
    </p>
  );
}

function Now({ glance: { runtimes, unrouted, history } }: { glance: Glance }) {
  return (
    <>
      {unrouted !== null && unrouted > 0 && (
        <Banner tone="warn">
          <span>
            <strong>
              {unrouted} {unrouted === 1 ? "message" : "messages"} for no runtime.
            </strong>{" "}
            The attribute <code>runtime</code> names none that there is. Correct whoever publishes them, or deploy the
            runtime and send them again with <code>./darkroom redrive</code>.
          </span>
        </Banner>
      )}
      <History history={history} />
      {runtimes.length > 0 ? (
        <div class="runtimes">
          {runtimes.map((runtime) => (
            <RuntimeCard key={runtime.name} runtime={runtime} />
          ))}
        </div>
      ) : (
        <Empty title="No runtimes" icon="system">
          <p>
            The system has none, so nothing can be made. Add one to <code>config.yaml</code> and deploy again.
          </p>
        </Empty>
      )}
    </>
  );
}

function Unseen() {
  return (
    <Empty title="Queues and agents are out of sight" icon="system">
      <p>
        This console knows the API and nothing else of the system. Start it where your AWS credentials are and name the
        stack, <code>./darkroom console --stack-name …</code>, to see queues too.
      </p>
    </Empty>
  );
}

function Nothing() {
  if (connection.value === "lost") {
    return (
      <Empty title="Not connected" icon="alert">
        <p>The figures appear as soon as the console answers again.</p>
      </Empty>
    );
  }
  return (
    <p class="soft" role="status">
      Looking around …
    </p>
  );
}
