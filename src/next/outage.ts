/** Remembers for a while that Redis does not answer, so that a page does not wait for it once for each of its entries. */
import { ZstashError } from "../errors.ts";
import { now } from "../timers.ts";

/** The least pause, in ms. */
const PAUSE_MIN = 1000;
/** A pause is this many times as long as a request may be silent. */
const TIMEOUTS = 2;

/** The failures of one cache. During a pause nothing is read and nothing is kept; afterwards the next request tries. */
export class Outage {
  readonly #pause: number;
  readonly #onError: (error: unknown) => void;
  #until = 0;

  /** `timeout` is that of a request in ms; 0 means no limit. */
  constructor(timeout: number, onError: (error: unknown) => void) {
    this.#pause = Math.max(PAUSE_MIN, timeout * TIMEOUTS);
    this.#onError = onError;
  }

  /** True during a pause. */
  get isOn(): boolean {
    return now() < this.#until;
  }

  /** Reports an error, and begins a pause if Redis could not be reached. */
  report(error: unknown): void {
    if (isUnreachable(error)) this.#until = now() + this.#pause;
    this.#onError(error);
  }
}

/** Returns true for a request without an answer of Redis. An answer, also a refusal, has no `effect`. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof ZstashError) || error.effect === undefined) return false;
  return error.code === "TIMEOUT" || error.code === "REDIS";
}
