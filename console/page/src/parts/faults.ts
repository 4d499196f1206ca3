import { OfflineError, RefusedError } from "../api";
import type { Fault } from "../types";

/** What went wrong, as faults; anything else than the errors of `api.ts` goes on its way. */
export function faultsOfError(error: unknown): readonly Fault[] {
  if (error instanceof RefusedError) return error.faults;
  if (error instanceof OfflineError) return [{ code: "offline", message: error.message, field: null }];
  throw error;
}

/** The same as one sentence. */
export function messageOf(error: unknown): string {
  return faultsOfError(error)
    .map((fault) => fault.message)
    .join(" ");
}
