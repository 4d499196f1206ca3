import { effect, signal } from "@preact/signals";
import { OfflineError, post } from "../api";
import { connection } from "../live";
import { faultsOfError } from "../parts/faults";
import type { Workflow } from "../types";
import { isObject } from "./json";
import { drafts, kind } from "./state";
import { readJson } from "./wishes";

const AFTER_MS = 300;

export interface Checked {
  workflow: Workflow | null;
  /** Why it could not be read or checked. */
  problem: string | null;
  pending: boolean;
}

/** What the API's own checks say of the workflow in the form. */
export const checked = signal<Checked>({ workflow: null, problem: null, pending: false });

let round = 0;
/** Whether nobody was there to check it. */
let unanswered = false;
let later: ReturnType<typeof setTimeout> | undefined;

async function check(text: string): Promise<void> {
  round += 1;
  const mine = round;
  unanswered = false;
  const settle = (workflow: Workflow | null, problem: string | null) => {
    if (mine === round) checked.value = { workflow, problem, pending: false };
  };
  const { value, faults } = readJson(text, "task.content", "The workflow");
  if (faults[0]) return settle(null, faults[0].message);
  if (!isObject(value)) return settle(null, text.trim() ? "The workflow must be a JSON object." : null);
  try {
    settle(await post<Workflow>("/api/workflow", { workflow: value }), null);
  } catch (error) {
    if (mine === round) unanswered = error instanceof OfflineError;
    settle(null, faultsOfError(error)[0]?.message ?? null);
  }
}

/** Checks the workflow whenever it changes, and once the console is back, as long as its form is shown. */
export function keepChecked(): () => void {
  let last: string | null = null;
  const stop = effect(() => {
    const text = drafts.value.pipeline.content;
    const back = connection.value === "live" && unanswered;
    if (kind.value !== "pipeline" || (text === last && !back)) return;
    last = text;
    checked.value = { ...checked.peek(), pending: true };
    clearTimeout(later);
    later = setTimeout(() => void check(text), AFTER_MS);
  });
  return () => {
    clearTimeout(later);
    stop();
  };
}
