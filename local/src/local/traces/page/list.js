import { ask, clock, duration, element, percent, place, repeat, result } from "/page/format.js";

const at = (id) => document.getElementById(id);
let shown = "";

function row(trace, longest) {
  const name = trace.tasks[0] ?? `${trace.service} ${trace.name}`;
  const more = trace.tasks.length > 1 ? ` +${trace.tasks.length - 1}` : "";
  const whole = longest ? (trace.total_ms / longest) * 100 : 0;
  const bar = place(element("span", { class: "extent" }), 0, Math.max(whole, 0.5));
  bar.append(place(element("span", { class: "gpu" }), 0, trace.gpu_share * 100));
  const link = element("a", { href: `/traces/${encodeURIComponent(trace.trace_id)}` }, name + more);
  const cell = (label, attributes, ...content) => element("td", { "data-label": label, ...attributes }, ...content);
  return element(
    "tr",
    {},
    cell("Task", { class: "name" }, link),
    cell("Runtime", {}, trace.runtime ?? "–"),
    cell("Result", {}, result(trace)),
    cell("Started", { class: "soft" }, clock(trace.started_at)),
    cell("Time", { class: "wide" }, element("span", { class: "lane" }, bar), element("span", { class: "ms" }, duration(trace.total_ms))),
    cell("GPU", { class: "number" }, trace.gpu_seconds ? percent(trace.gpu_share) : "–"),
    cell("Spans", { class: "number soft" }, String(trace.span_count)),
  );
}

function offer(runtimes) {
  const select = at("runtime");
  const there = new Set([...select.options].map((option) => option.value));
  for (const name of runtimes) if (name && !there.has(name)) select.add(new Option(name, name));
}

async function refresh() {
  const query = new URLSearchParams({ limit: "100", runtime: at("runtime").value });
  if (at("errors").checked) query.set("error", "true");
  if (at("aside").checked) query.set("aside", "true");
  try {
    const { traces } = await ask(`/api/traces?${query}`);
    at("status").textContent = "live";
    at("status").className = "live";
    const text = JSON.stringify(traces);
    if (text === shown) return;
    shown = text;
    offer(new Set(traces.map((trace) => trace.runtime)));
    // Against the usual, so that one trace of many minutes does not make all others invisible.
    const times = traces.map((trace) => trace.total_ms).sort((a, b) => a - b);
    const longest = Math.min(times.at(-1) ?? 0, 4 * (times[Math.floor(times.length / 2)] ?? 0));
    const focused = document.activeElement?.getAttribute("href");
    at("traces").replaceChildren(...traces.map((trace) => row(trace, longest)));
    at("empty").hidden = traces.length > 0;
    if (focused) at("traces").querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  } catch (error) {
    at("status").textContent = `not live: ${error.message}`;
    at("status").className = "bad";
  }
}

const again = repeat(refresh, 1500);
for (const id of ["runtime", "errors", "aside"]) at(id).addEventListener("change", again);
at("find").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = at("id").value.trim();
  if (id) location.assign(`/traces/${encodeURIComponent(id)}`);
});
