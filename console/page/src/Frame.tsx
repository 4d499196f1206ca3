import { computed } from "@preact/signals";
import { locked } from "./api";
import { connection, reachable, reconnect, system, tasks } from "./live";
import { Banner } from "./parts/Banner";
import { Icon } from "./parts/Icon";
import { GALLERY, href, type Route, route } from "./routes";
import { switchTheme, theme } from "./theme";

const AREAS: readonly { label: string; to: Route; holds: readonly Route["area"][] }[] = [
  { label: "Make", to: { area: "make" }, holds: ["make"] },
  { label: "Gallery", to: GALLERY, holds: ["gallery", "task", "compare"] },
  { label: "System", to: { area: "glance" }, holds: ["glance"] },
];

const underWay = computed(() => {
  let count = 0;
  for (const row of tasks.value.values()) if (row.status === "queued" || row.status === "running") count += 1;
  return count;
});

function Navigation() {
  const count = underWay.value;
  return (
    <nav aria-label="Areas">
      {AREAS.map(({ label, to, holds }) => (
        <a key={label} href={href(to)} aria-current={holds.includes(route.value.area) ? "page" : undefined}>
          {label}
          {label === "Gallery" && count > 0 && (
            <span class="count number">
              {count > 999 ? "999+" : count}
              <span class="unseen"> under way</span>
            </span>
          )}
        </a>
      ))}
    </nav>
  );
}

const CONNECTION_WORDS = { connecting: "Connecting", live: "Live", lost: "Connection lost" };

function Where() {
  const state = connection.value;
  const endpoint = system.value?.endpoint ?? "";
  return (
    <div class="where" title={`${CONNECTION_WORDS[state]}${endpoint && ` · ${endpoint}`}`}>
      <span class="light" data-state={state} />
      <span class="unseen">{CONNECTION_WORDS[state]}</span>
      <span class="endpoint">{endpoint.replace(/^https?:\/\//, "")}</span>
    </div>
  );
}

function ThemeSwitch() {
  const other = theme() === "dark" ? "light" : "dark";
  return (
    <button type="button" class="button quiet bare" onClick={switchTheme} aria-label={`Switch to ${other} colours`}>
      <Icon name={other === "dark" ? "moon" : "sun"} />
    </button>
  );
}

export function Top() {
  return (
    <header class="top">
      <a class="brand" href={href({ area: "make" })}>
        <img src="/assets/icon.svg" alt="" />
        <span>Darkroom</span>
      </a>
      <Navigation />
      <Where />
      <ThemeSwitch />
    </header>
  );
}

/** What is wrong with all of the page, if anything is. */
export function Troubles() {
  if (connection.value === "lost" && !locked.value) {
    return (
      <Banner tone="warn">
        <span>
          <strong>The console does not answer.</strong> What you see is as it was; the page goes on by itself as soon as
          it is back.
        </span>
        <button type="button" class="button small" onClick={reconnect}>
          Try now
        </button>
      </Banner>
    );
  }
  if (!reachable.value.reachable) {
    return (
      <Banner tone="bad">
        <span>
          <strong>The system’s API does not answer.</strong> {reachable.value.message}
        </span>
      </Banner>
    );
  }
  return null;
}

/** In place of everything, while the server does not know this browser. */
export function Locked() {
  return (
    <section class="card locked" role="alert">
      <h1>Open the printed address</h1>
      <p>
        This browser has not shown the console’s token yet, or the console was started anew since. Open the whole
        address that <code>./darkroom up</code> or <code>./darkroom console</code> printed, with <code>?token=</code> in
        it.
      </p>
      <button type="button" class="button primary" onClick={reconnect}>
        I have: try again
      </button>
    </section>
  );
}
