import { signal } from "@preact/signals";
import type { Fault, Refusal } from "./types";

/** An answer that is no success; `faults` are the API's own words, at least one. */
export class RefusedError extends Error {
  constructor(
    readonly status: number,
    readonly faults: readonly [Fault, ...Fault[]],
  ) {
    super(faults[0].message);
    this.name = "RefusedError";
  }
}

/** The console's server did not answer. */
export class OfflineError extends Error {
  constructor() {
    super("The console does not answer. Is it still running?");
    this.name = "OfflineError";
  }
}

/** Whether the server wants the printed address to be opened first. */
export const locked = signal(false);

const PATIENCE_MS = 30_000;
const UPLOAD_PATIENCE_MS = 300_000;

/** The faults of a body that should be a refusal. */
export function faultsOf(status: number, body: unknown): [Fault, ...Fault[]] {
  const { error, errors } = (body ?? {}) as Partial<Refusal>;
  const [first, ...rest] = errors?.length ? errors : error ? [error] : [];
  if (first) return [first, ...rest];
  return [
    { code: "unexpected", message: `The console answered with ${status} and nothing that explains it.`, field: null },
  ];
}

async function ask(path: string, init: RequestInit, patience: number): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, credentials: "same-origin", signal: AbortSignal.timeout(patience) });
  } catch {
    throw new OfflineError();
  }
  locked.value = answer.status === 401;
  if (answer.ok) return answer;
  const body: unknown = await answer.json().catch(() => null);
  throw new RefusedError(answer.status, faultsOf(answer.status, body));
}

/** A connection may still break while the body comes. */
function textOf(answer: Response): Promise<string> {
  return answer.text().catch(() => {
    throw new OfflineError();
  });
}

async function json<T>(path: string, init: RequestInit, patience = PATIENCE_MS): Promise<T> {
  const text = await textOf(await ask(path, init, patience));
  return (text ? JSON.parse(text) : null) as T;
}

/** `path` begins with `/api/`; all of these throw `RefusedError` and `OfflineError`. */
export function get<T>(path: string): Promise<T> {
  return json<T>(path, { headers: { Accept: "application/json" } });
}

/** The answer as it was sent, for `.out` and the like. */
export async function getText(path: string): Promise<string> {
  return textOf(await ask(path, {}, PATIENCE_MS));
}

export function post<T>(path: string, body: unknown): Promise<T> {
  const headers = { "Content-Type": "application/json", "X-Darkroom-Console": "1" };
  return json<T>(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export function del<T>(path: string): Promise<T> {
  return json<T>(path, { method: "DELETE", headers: { "X-Darkroom-Console": "1" } });
}

/** Uploads an input and returns the reference that stands where a link may. */
export async function upload(file: Blob): Promise<string> {
  const headers = { "Content-Type": "application/octet-stream", "X-Darkroom-Console": "1" };
  const init = { method: "POST", headers, body: file };
  return (await json<{ reference: string }>("/api/uploads", init, UPLOAD_PATIENCE_MS)).reference;
}

/** The address of a task's route, `rest` without a leading slash. */
export function taskPath(id: string, rest = ""): string {
  return `/api/tasks/${encodeURIComponent(id)}${rest && `/${rest}`}`;
}
