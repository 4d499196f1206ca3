// What a view of a task reads from the server, and how long it goes on doing so.
import { useEffect, useRef, useState } from "preact/hooks";
import { getText, OfflineError, RefusedError, taskPath } from "../api";
import { connection, tasks } from "../live";
import { parseExactly } from "../make/json";
import type { Status, TaskDetail, Trace } from "../types";

export type Loaded<T> =
  | { state: "loading" }
  | { state: "shown"; value: T }
  | { state: "missing" }
  | { state: "trouble"; error: Error };

const UNDER_WAY_MS = 3000;
const TRACE_MS = 1500;
const NO_TRACE_MS = 4000;
const TRACE_SETTLES_MS = 8000; // spans are on their way for a second or two

export function hasEnded(status: Status): boolean {
  return status !== "queued" && status !== "running";
}

async function read<T>(path: string): Promise<Loaded<T>> {
  try {
    return { state: "shown", value: parseExactly(await getText(path)) as T };
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return { state: "missing" };
    if (error instanceof RefusedError || error instanceof OfflineError || error instanceof SyntaxError) {
      return { state: "trouble", error };
    }
    throw error;
  }
}

/**
 * Reads a path, again whenever `version` changes, and `again` milliseconds after each answer for which that is not
 * null. What was shown stays while it is read again, and where that fails.
 */
function useRead<T>(path: string | null, version: string, again: (loaded: Loaded<T>) => number | null) {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: "loading" });
  const [asked, setAsked] = useState(0);
  const last = useRef<Loaded<T>>(loaded);
  useEffect(() => {
    if (path === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let over = false;
    const round = async () => {
      const resting = document.hidden && last.current.state === "shown";
      const next = resting ? last.current : await read<T>(path);
      if (over) return;
      const keeps = next.state === "trouble" && last.current.state === "shown";
      if (!keeps) {
        last.current = next;
        setLoaded(next);
      }
      const pause = again(last.current);
      if (pause !== null) timer = setTimeout(round, pause);
    };
    void round();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [path, version, asked]);
  return { loaded, retry: () => setAsked((n) => n + 1) };
}

/** A task as the server knows it, with what has come live since. */
export function useDetail(id: string) {
  const row = tasks.value.get(id);
  const version = `${row?.submission} ${row?.status} ${connection.value === "lost"}`;
  const { loaded, retry } = useRead<TaskDetail>(taskPath(id), version, (now) =>
    now.state === "shown" && !hasEnded(now.value.status) ? UNDER_WAY_MS : null,
  );
  if (loaded.state !== "shown" || !row || row.submission !== loaded.value.submission) return { loaded, retry };
  const { status, progress, started_at, finished_at, error } = row;
  const fresh = hasEnded(loaded.value.status) ? {} : { status, progress, started_at, finished_at, error };
  return { loaded: { state: "shown" as const, value: { ...loaded.value, ...fresh } }, retry };
}

export function useTrace(detail: TaskDetail, wanted: boolean) {
  const { id, submission, status, finished_at } = detail;
  return useRead<Trace>(wanted ? taskPath(id, "trace") : null, `${submission} ${status}`, (now) => {
    const settled = finished_at !== null && Date.now() - finished_at > TRACE_SETTLES_MS;
    if (hasEnded(status) && settled) return null;
    return now.state === "shown" ? TRACE_MS : NO_TRACE_MS;
  });
}

/** A document of the task as it was sent: its text, and what it says. */
export interface Document {
  text: string;
  value: unknown;
}

export function useDocument(detail: TaskDetail, name: "out" | "notification", wanted: boolean) {
  const [read, setRead] = useState<{ path: string; loaded: Loaded<Document> } | null>(null);
  const [asked, setAsked] = useState(0);
  const { status } = detail;
  const path = documentPath(detail, name);
  useEffect(() => {
    if (!wanted) return;
    let over = false;
    void readDocument(path).then((loaded) => {
      if (!over) setRead({ path, loaded });
    });
    return () => {
      over = true;
    };
  }, [path, status, wanted, asked]);
  const loaded: Loaded<Document> = wanted && read?.path === path ? read.loaded : { state: "loading" };
  return { loaded, retry: () => setAsked((n) => n + 1) };
}

/** The address of a document; it names the task too that has the id, as an id may go to another one. */
export function documentPath({ id, submission }: Pick<TaskDetail, "id" | "submission">, name: string): string {
  return taskPath(id, `${name}?s=${encodeURIComponent(submission)}`);
}

async function readDocument(path: string): Promise<Loaded<Document>> {
  try {
    const text = await getText(path);
    return { state: "shown", value: { text, value: parsed(text) } };
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return { state: "missing" };
    if (error instanceof RefusedError || error instanceof OfflineError) return { state: "trouble", error };
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}
