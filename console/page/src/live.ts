import { computed, signal } from "@preact/signals";
import { get, locked } from "./api";
import { Book, newestFirst, type Rows } from "./book";
import type { Events, Glance, System } from "./types";

/** All tasks that are known, by id; replaced at most once per frame. */
export const tasks = signal<Rows>(new Map());
/** The same in order; sorted only while somebody looks. */
export const newest = computed(() => newestFirst(tasks.value));
/** Whether the tasks of this connection have all come once. */
export const filled = signal(false);
export const connection = signal<"connecting" | "live" | "lost">("connecting");
export const system = signal<System | null>(null);
/** Whether the system's API answers the console. */
export const reachable = signal<Events["system"]>({ reachable: true, message: null });
export const glance = signal<Glance | null>(null);

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 4000;
const HIDDEN_MS = 60_000;
const STRAGGLERS_MS = 1500;

const book = new Book();
let source: EventSource | null = null;
let pause = FIRST_PAUSE_MS;
let retry: ReturnType<typeof setTimeout> | undefined;
let leaving: ReturnType<typeof setTimeout> | undefined;
let stragglers: ReturnType<typeof setTimeout> | undefined;
let due = false;
/** Counts what is begun and ended: what was asked in an earlier round finds no place any more. */
let round = 0;

function flush(): void {
  due = false;
  tasks.value = book.rows();
}

/** A hidden page has no frames. */
function soon(): void {
  if (due) return;
  due = true;
  if (document.hidden) setTimeout(flush, 250);
  else requestAnimationFrame(flush);
}

function on<K extends keyof Events>(from: EventSource, name: K, take: (data: Events[K]) => void): void {
  from.addEventListener(name, (event) => {
    if (from === source) take(JSON.parse((event as MessageEvent<string>).data));
  });
}

function settle(): void {
  clearTimeout(stragglers);
  filled.value = true;
  soon();
}

/** Takes what has come for all there is. */
function straggle(): void {
  book.finish();
  settle();
}

function listen(): void {
  const stream = new EventSource("/api/events");
  source = stream;
  on(stream, "system", (data) => {
    reachable.value = data;
  });
  on(stream, "reset", ({ total }) => {
    clearTimeout(stragglers);
    book.reset(total);
    if (book.whole) settle();
    else stragglers = setTimeout(straggle, STRAGGLERS_MS);
  });
  on(stream, "tasks", (data) => {
    book.put(data.tasks);
    if (book.whole) settle();
  });
  on(stream, "glance", (data) => {
    glance.value = data;
  });
  stream.onopen = () => {
    connection.value = "live";
    pause = FIRST_PAUSE_MS;
  };
  stream.onerror = () => {
    if (stream === source) lose();
  };
}

function close(): void {
  round += 1;
  source?.close();
  source = null;
  clearTimeout(stragglers);
  clearTimeout(retry);
}

function lose(): void {
  close();
  connection.value = "lost";
  retry = setTimeout(connect, pause);
  pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
}

/** Asks who is there first: an EventSource does not tell a closed door from an empty house. */
async function connect(): Promise<void> {
  close();
  const mine = round;
  const found = await get<System>("/api/system").catch(() => null);
  if (mine !== round) return;
  if (!found) return lose();
  system.value = found;
  listen();
}

/** Tries again at once. */
export function reconnect(): void {
  pause = FIRST_PAUSE_MS;
  void connect();
}

function rest(): void {
  close();
  connection.value = "connecting";
}

/** A page that nobody looks at lets its connection go: a browser has six for each server. */
function visibility(): void {
  clearTimeout(leaving);
  if (document.hidden) {
    leaving = setTimeout(rest, HIDDEN_MS);
  } else if (!source) {
    reconnect();
  }
}

/** Connects, and stays so. */
export function start(): void {
  document.addEventListener("visibilitychange", visibility);
  addEventListener("online", reconnect);
  // A page that the browser keeps for the way back must not keep a connection from those that are seen.
  addEventListener("pagehide", rest);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) reconnect();
  });
  locked.subscribe((yes) => {
    if (yes) pause = LONGEST_PAUSE_MS;
  });
  void connect();
}
