// What both pages need: elements made from text, never from HTML, and numbers for people.

/** Make an element. What is in `content` is put in as text or as nodes, so nothing in it can become markup. */
export function element(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...content.filter((each) => each !== null && each !== undefined));
  return made;
}

/** Place an element by percentages; by properties, since the page allows no style attributes. */
export function place(made, left, width) {
  made.style.left = `${left}%`;
  made.style.width = `${width}%`;
  return made;
}

export function duration(ms) {
  if (ms >= 120_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 10) return `${Math.round(ms)} ms`;
  return `${ms.toFixed(ms >= 1 ? 1 : 2)} ms`;
}

export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

export function clock(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function result(trace) {
  const said = [trace.outcome, trace.code].filter(Boolean).join(" · ");
  if (trace.error) return element("span", { class: "bad" }, `✗ ${said || "error"}`);
  if (said) return element("span", { class: "good" }, said);
  return element("span", { class: "soft" }, trace.complete ? "no error" : "under way");
}

export async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`the trace store answered ${answer.status}`);
  return answer.json();
}

/** Do something now and every `ms` while the page is looked at; `work` returns false to end it. */
export function repeat(work, ms) {
  let timer;
  const round = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    if ((await work()) !== false) timer = setTimeout(round, ms);
  };
  document.addEventListener("visibilitychange", round);
  round();
  return round;
}
