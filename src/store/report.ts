/** Calls what a program handed over, and waits no longer than it wants to. */
import { onAbort } from "../signals.ts";

/** Tells an observer of progress; what it throws or rejects with has no say in the work. */
export function report<Progress>(
  observer: ((progress: Progress) => unknown) | undefined,
  progress: Progress,
): void {
  try {
    const returned = observer?.(progress);
    // A rejection that nobody handles ends a process.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).catch(() => undefined);
  } catch {}
}

/** The result of work that takes no signal itself; rejects with the signal's reason as soon as it is aborted. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(onAbort(signal, abort));
  });
}
