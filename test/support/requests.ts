/** Requests as Workers have them: when one ends, its timers never fire, and nobody is told. */
import { AsyncLocalStorage } from "node:async_hooks";

interface Request {
  ended: boolean;
}

/** What one module graph of the sources sees of requests. */
export interface Requests {
  /** Runs work as a request of its own; `end` is the end of the request, whatever it still waits for. */
  start<T>(work: () => Promise<T>): { readonly result: Promise<T>; end(): void };
  /** Puts the platform's timers back. */
  restore(): void;
}

type Timers = Record<
  "setTimeout" | "setInterval" | "setImmediate",
  (work: () => void, ms?: number) => unknown
>;

/**
 * Replaces the timers by ones that know their request. Modules that take the timers when they load have to be loaded
 * afterwards, in a graph of their own.
 */
export function useRequests(): Requests {
  const current = new AsyncLocalStorage<Request>();
  const timers = globalThis as unknown as Timers;
  const { setTimeout, setInterval, setImmediate } = timers;
  const platform = { setTimeout, setInterval, setImmediate };
  for (const [name, timer] of Object.entries(platform)) {
    timers[name as keyof Timers] = (work, ms) => {
      const request = current.getStore();
      return timer(() => {
        if (request?.ended !== true) work();
      }, ms);
    };
  }
  return {
    start(work) {
      const request: Request = { ended: false };
      return {
        result: current.run(request, work),
        end() {
          request.ended = true;
        },
      };
    },
    restore: () => void Object.assign(timers, platform),
  };
}
