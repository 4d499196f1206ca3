import { type ReadonlySignal, signal } from "@preact/signals";
import type { Status } from "./types";

/** One output of one task. */
export interface Place {
  id: string;
  n: number;
}

export type Route =
  | { area: "make" }
  | { area: "gallery"; status: Status | null; runtime: string | null; q: string }
  | { area: "task"; id: string }
  | { area: "compare"; left: Place; right: Place }
  | { area: "glance" }
  | { area: "unknown" };

const STATUSES: readonly string[] = ["queued", "running", "succeeded", "failed", "cancelled"];

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

function place(id: string | null | undefined, n: string | null | undefined): Place | null {
  return id && n && /^\d{1,6}$/.test(n) ? { id, n: Number(n) } : null;
}

/** The route that a location's hash names, with or without its `#`. */
export function parse(hash: string): Route {
  const [path = "", query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [area, ...rest] = path.split("/").slice(1).map(decoded);
  if (!area && rest.length === 0) return { area: "make" };
  if (area === "gallery") {
    const asked = new URLSearchParams(query);
    const status = asked.get("status");
    return {
      area,
      status: status && STATUSES.includes(status) ? (status as Status) : null,
      runtime: asked.get("runtime") || null,
      q: asked.get("q") ?? "",
    };
  }
  if (area === "tasks" && rest.length === 1 && rest[0]) return { area: "task", id: rest[0] };
  if (area === "compare" && rest.length === 4) {
    const [left, right] = [place(rest[0], rest[1]), place(rest[2], rest[3])];
    if (left && right) return { area, left, right };
  }
  if (area === "glance" && rest.length === 0) return { area };
  return { area: "unknown" };
}

/** The link to a route. */
export function href(to: Route): string {
  switch (to.area) {
    case "gallery": {
      const asked = new URLSearchParams();
      if (to.status) asked.set("status", to.status);
      if (to.runtime) asked.set("runtime", to.runtime);
      if (to.q) asked.set("q", to.q);
      const query = asked.toString();
      return query ? `#/gallery?${query}` : "#/gallery";
    }
    case "task":
      return `#/tasks/${encodeURIComponent(to.id)}`;
    case "compare": {
      const parts = [to.left.id, to.left.n, to.right.id, to.right.n];
      return `#/compare/${parts.map((part) => encodeURIComponent(part)).join("/")}`;
    }
    case "glance":
      return "#/glance";
    default:
      return "#/";
  }
}

/** The gallery with nothing filtered. */
export const GALLERY: Route = { area: "gallery", status: null, runtime: null, q: "" };

const current = signal<Route>(parse(globalThis.location?.hash ?? ""));

/** Where the page is. */
export const route: ReadonlySignal<Route> = current;

/** Goes to a route; `replace` leaves no step to come back to, as for each letter of a search. */
export function go(to: Route, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, "", href(to));
    current.value = to;
  } else {
    location.hash = href(to);
  }
}

globalThis.addEventListener?.("hashchange", () => {
  current.value = parse(location.hash);
});
