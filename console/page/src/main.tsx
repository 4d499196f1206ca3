import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { locked } from "./api";
import { Locked, Top, Troubles } from "./Frame";
import { GlanceView } from "./glance/GlanceView";
import { start } from "./live";
import { CompareView } from "./look/CompareView";
import { LookView } from "./look/LookView";
import { MakeView } from "./make/MakeView";
import { Empty } from "./parts/Empty";
import { Notices } from "./parts/notices";
import { href, route } from "./routes";
import { keepTheme } from "./theme";
import { WatchView } from "./watch/WatchView";

const TITLES = {
  make: "Make",
  gallery: "Gallery",
  task: "Task",
  compare: "Compare",
  glance: "System",
  unknown: "Not found",
};

function Area() {
  const at = route.value;
  switch (at.area) {
    case "make":
      return <MakeView />;
    case "gallery":
      return <WatchView />;
    case "task":
      return <LookView key={at.id} id={at.id} />;
    case "compare":
      return <CompareView left={at.left} right={at.right} />;
    case "glance":
      return <GlanceView />;
    default:
      return (
        <Empty title="There is no such page" icon="search">
          <a href={href({ area: "make" })}>Make a picture</a>
        </Empty>
      );
  }
}

function Page() {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const at = route.value;
  const name = at.area === "task" ? at.id : TITLES[at.area];
  useEffect(() => {
    document.title = `${name} · Darkroom`;
    if (first.current) first.current = false;
    else {
      main.current?.focus({ preventScroll: true });
      scrollTo(0, 0);
    }
  }, [name]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        To the content
      </button>
      <div class="head">
        <Top />
        <Troubles />
      </div>
      <main id="main" tabIndex={-1} ref={main}>
        {locked.value ? <Locked /> : <Area />}
      </main>
      <Notices />
    </>
  );
}

const root = document.getElementById("app");
if (root) {
  root.replaceChildren();
  keepTheme();
  start();
  render(<Page />, root);
}
