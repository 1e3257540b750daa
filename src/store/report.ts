/** Calls functions of a program, and waits no longer than the program wants to. */
import { onAbort } from "../signals.ts";

/** Reports progress to an observer, which cannot disturb the work by throwing or rejecting. */
export function report<Progress>(
  observer: ((progress: Progress) => unknown) | undefined,
  progress: Progress,
): void {
  try {
    const returned = observer?.(progress);
    // An unhandled rejection would end the process.
    if (typeof returned === "object" && returned !== null) Promise.resolve(returned).catch(() => undefined);
  } catch {}
}

/** Waits for work that takes no signal itself; rejects with the signal's reason as soon as it is aborted. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(onAbort(signal, abort));
  });
}
