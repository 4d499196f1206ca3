import { ask, clock, duration, element, percent, place, repeat, result } from "/page/format.js";

const FRESH_MS = 15_000; // a trace that ended longer ago gets no more spans
const TICKS = 5;
const SAME_MS = 0.001; // what is nearer counts as the same moment
const at = (id) => document.getElementById(id);
const wanted = decoded(location.pathname.slice("/traces/".length));
let shown = "";
let pinned = null;

/** What an address says, or itself where it is no encoding of anything (`%zz`). */
function decoded(path) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function services(trace) {
  const names = [...new Set(trace.spans.map((span) => span.service))];
  return new Map(names.map((name, number) => [name, `s${number % 8}`]));
}

function facts(trace) {
  const fact = (label, value, note) =>
    element("div", { class: "fact" }, element("b", {}, value), element("span", { class: "soft" }, label), note ? element("span", { class: "note" }, note) : null);
  const waited = trace.gaps.reduce((sum, gap) => sum + gap.ms, 0);
  const part = trace.truncated ? `, the first ${trace.spans.length} shown` : "";
  const dropped = trace.dropped ? `, the last ${trace.dropped} not kept` : "";
  return [
    fact("from first to last", duration(trace.total_ms), `${trace.span_count} spans since ${clock(trace.started_at)}${part}${dropped}`),
    fact("GPU worked", percent(trace.gpu_share), duration(trace.gpu_seconds * 1000)),
    fact("waited, nothing under way", trace.total_ms ? percent(waited / trace.total_ms) : "–", duration(waited)),
    element("div", { class: "fact" }, element("b", {}, result(trace)), element("span", { class: "soft" }, trace.runtime ?? "no runtime"), element("span", { class: "note" }, trace.complete ? "complete" : "more may come")),
  ];
}

function colour(trace, colours) {
  const bySpan = new Map(trace.spans.map((span) => [span.span_id, span]));
  return (step) => {
    const span = step.span_id === null ? null : bySpan.get(step.span_id);
    return span ? `${colours.get(span.service)}${span.gpu ? " gpu" : ""}` : "wait";
  };
}

function drawPath(trace, colours) {
  const classOf = colour(trace, colours);
  const whole = trace.total_ms || 1;
  at("path").replaceChildren(
    ...trace.steps.map((step) =>
      place(element("span", { class: `step ${classOf(step)}`, title: `${step.name}: ${duration(step.ms)}` }), (step.offset_ms / whole) * 100, (step.ms / whole) * 100),
    ),
  );
  const sums = new Map();
  for (const step of trace.steps) {
    const sum = sums.get(step.name) ?? { ms: 0, class: classOf(step) };
    sum.ms += step.ms;
    sums.set(step.name, sum);
  }
  const parts = [...sums].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 8);
  at("parts").replaceChildren(
    ...parts.map(([name, sum]) =>
      element("li", {}, element("i", { class: `dot ${sum.class}` }), element("span", {}, name), element("b", {}, duration(sum.ms)), element("span", { class: "soft" }, percent(sum.ms / whole))),
    ),
  );
}

function drawAxis(trace) {
  const lane = element("div", { class: "lane" });
  for (let tick = 0; tick < TICKS; tick += 1) {
    const mark = element("span", { class: "tick" }, tick ? duration((trace.total_ms * tick) / TICKS) : "0");
    lane.append(place(mark, (100 * tick) / TICKS, 100 / TICKS));
  }
  at("axis").replaceChildren(element("span", {}, ""), lane, element("span", {}, ""));
}

function value(each) {
  return typeof each === "string" ? each : JSON.stringify(each);
}

function pairs(attributes) {
  return Object.entries(attributes).flatMap(([name, each]) => [element("dt", {}, name), element("dd", {}, value(each))]);
}

function links(span) {
  return span.links.map((link) =>
    link.known
      ? element("a", { href: `/traces/${encodeURIComponent(link.trace_id)}` }, link.trace_id)
      : element("code", {}, link.trace_id),
  );
}

function details(span) {
  const linked = links(span);
  at("details").replaceChildren(
    element("h3", {}, span.name),
    element("p", { class: "soft" }, `${span.service} · ${span.kind}`),
    element(
      "dl",
      {},
      element("dt", {}, "begins at"), element("dd", {}, duration(span.offset_ms)),
      element("dt", {}, "takes"), element("dd", {}, duration(span.ms)),
      element("dt", {}, "on the critical path"), element("dd", {}, span.self_ms ? duration(span.self_ms) : "no"),
      ...(span.error ? [element("dt", {}, "error"), element("dd", { class: "bad" }, span.message || "yes")] : []),
      ...(span.parent_missing ? [element("dt", {}, "parent"), element("dd", {}, `${span.parent_id} has not come`)] : []),
      ...pairs(span.attributes),
      ...span.events.flatMap((event) => [element("dt", {}, event.name), element("dd", {}, `at ${duration(event.offset_ms)}`), ...pairs(event.attributes)]),
      ...linked.flatMap((link) => [element("dt", {}, "linked trace"), element("dd", {}, link)]),
      element("dt", {}, "span id"), element("dd", {}, span.span_id),
    ),
  );
}

function row(span, trace, colours, steps) {
  const whole = trace.total_ms || 1;
  const critical = span.self_ms > 0;
  const lane = element("span", { class: "lane" });
  const bar = element("span", { class: `bar ${colours.get(span.service)}${span.gpu ? " gpu" : ""}${critical ? " critical" : ""}${span.error ? " failed" : ""}` });
  lane.append(place(bar, (span.offset_ms / whole) * 100, (span.ms / whole) * 100));
  for (const step of steps) {
    lane.append(place(element("span", { class: "own" }), (step.offset_ms / whole) * 100, (step.ms / whole) * 100));
  }
  const name = element("span", { class: "name" }, element("i", { class: `dot ${colours.get(span.service)}` }), span.error ? element("span", { class: "bad" }, "✗ ") : null, span.name, span.gpu ? element("span", { class: "chip" }, "GPU") : null);
  name.style.paddingLeft = `${Math.min(span.depth, 12) * 0.9}rem`;
  const made = element(
    "button",
    { type: "button", class: "row", "data-span": span.span_id, "aria-label": `${span.name}, ${span.service}, ${duration(span.ms)}${critical ? ", on the critical path" : ""}${span.error ? ", error" : ""}` },
    name,
    lane,
    element("span", { class: "ms" }, duration(span.ms)),
  );
  made.addEventListener("mouseenter", () => pinned === null && details(span));
  made.addEventListener("focus", () => pinned === null && details(span));
  made.addEventListener("click", () => pin(span, made));
  return made;
}

function pin(span, made) {
  const same = pinned === span.span_id;
  for (const other of at("rows").querySelectorAll(".pinned")) other.classList.remove("pinned");
  pinned = same ? null : span.span_id;
  if (!same) made.classList.add("pinned");
  details(span);
}

function waitRow(gap, whole) {
  const lane = element("span", { class: "lane" });
  lane.append(place(element("span", { class: "bar wait" }), (gap.offset_ms / whole) * 100, (gap.ms / whole) * 100));
  return element("div", { class: "row gap" }, element("span", { class: "name" }, gap.name), lane, element("span", { class: "ms" }, duration(gap.ms)));
}

/** The rows of all spans, and before the span that ended a wait the wait. */
function rows(trace, colours) {
  const steps = new Map();
  for (const step of trace.steps) {
    if (step.span_id !== null) steps.set(step.span_id, [...(steps.get(step.span_id) ?? []), step]);
  }
  const waits = [...trace.gaps];
  const made = [];
  for (const span of trace.spans) {
    while (waits.length && waits[0].offset_ms + waits[0].ms <= span.offset_ms + SAME_MS) made.push(waitRow(waits.shift(), trace.total_ms));
    made.push(row(span, trace, colours, steps.get(span.span_id) ?? []));
  }
  return [...made, ...waits.map((gap) => waitRow(gap, trace.total_ms))];
}

/** Rows are gone through with the arrow keys, as in a list. */
function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const all = [...at("rows").querySelectorAll("button.row")];
  const next = step && all[all.indexOf(document.activeElement) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

function draw(trace) {
  const colours = services(trace);
  document.title = `${trace.tasks[0] ?? trace.name} · Darkroom trace`;
  at("ids").replaceChildren(
    ...trace.tasks.slice(0, 3).map((task) => element("strong", {}, task)),
    element("code", {}, trace.trace_id),
    ...(trace.also.length ? [element("a", { href: `/traces/${trace.also[0]}` }, `another trace of this task (${trace.also.length})`)] : []),
  );
  at("facts").replaceChildren(...facts(trace));
  drawPath(trace, colours);
  at("services").replaceChildren(...[...colours].map(([name, mark]) => element("li", {}, element("i", { class: `dot ${mark}` }), name)));
  drawAxis(trace);
  const focused = document.activeElement?.getAttribute("data-span");
  at("rows").replaceChildren(...rows(trace, colours));
  if (focused) at("rows").querySelector(`[data-span="${CSS.escape(focused)}"]`)?.focus();
  if (pinned) at("rows").querySelector(`[data-span="${CSS.escape(pinned)}"]`)?.classList.add("pinned");
  const first = trace.spans.find((span) => span.gpu) ?? trace.spans[0];
  const beside = window.matchMedia("(min-width: 68.01rem)").matches; // else it would cover the waterfall
  if (first && beside && !at("details").childElementCount) details(first);
  at("main").hidden = false;
}

function say(text) {
  at("message").textContent = text;
  at("message").hidden = !text;
}

async function refresh() {
  try {
    const trace = await ask(`/api/traces/${encodeURIComponent(wanted)}`);
    if (trace === null) {
      say(`There is no trace ${wanted}, and none of a task of this name. It may still come.`);
      return true;
    }
    const text = JSON.stringify(trace);
    if (text !== shown) draw(trace);
    shown = text;
    say("");
    return !(trace.complete && Date.now() - trace.ended_at > FRESH_MS);
  } catch (error) {
    say(`The trace cannot be shown: ${error.message}`);
    return true;
  }
}

at("rows").addEventListener("keydown", walk);
repeat(refresh, 1500);
