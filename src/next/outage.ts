/** Remembers for a while that Redis does not answer, so that a page does not wait for it once for each of its entries. */
import { ZstashError } from "../errors.ts";
import { now } from "../timers.ts";

/** The least pause, in ms. */
const PAUSE_MIN = 1000;
/** A pause is this many times as long as a request may be silent. */
const TIMEOUTS = 2;
/** Statuses that refuse one request, and say nothing of others: too large, or not understood. */
const ofOneRequest: ReadonlySet<number> = new Set([400, 413, 414, 415, 431]);

/**
 * The failures of one cache. During a pause nothing is read and nothing is kept. Afterwards one request tries, which
 * begins another pause for all others: that ends when Redis answers, and by itself if the request goes away.
 */
export class Outage {
  readonly #pause: number;
  readonly #onError: (error: unknown) => void;
  /** The end of the pause, by `now`; 0 while Redis answers. */
  #until = 0;
  /** What Redis refused last, and when that was told. */
  #refusal = { text: "", at: 0 };

  /** `timeout` is that of a request in ms; 0 means no limit. */
  constructor(timeout: number, onError: (error: unknown) => void) {
    this.#pause = Math.max(PAUSE_MIN, timeout * TIMEOUTS);
    this.#onError = onError;
  }

  /** True during a pause. */
  get isOn(): boolean {
    return now() < this.#until;
  }

  /**
   * Returns what `work` gives. If it fails, and during a pause, which does not begin it, that is `fallback`. Nobody is told
   * of a failure for which `isOthers` is true.
   */
  async attempt<T>(work: () => Promise<T>, fallback: T, isOthers: () => boolean = () => false): Promise<T> {
    if (this.isOn) return fallback;
    const isTrial = this.#until > 0;
    if (isTrial) this.#until = now() + this.#pause;
    try {
      const result = await work();
      this.#until = 0;
      return result;
    } catch (error) {
      if (isUnreachable(error)) this.#begin(error, isTrial);
      else {
        // It says nothing of Redis: the next request tries.
        if (isTrial) this.#until = now();
        if (!isOthers()) this.#tell(error);
      }
      return fallback;
    }
  }

  /** Begins a pause and tells of it, unless a request that failed at the same time has done so. */
  #begin(error: unknown, isTrial: boolean): void {
    if (this.isOn && !isTrial) return;
    this.#until = now() + this.#pause;
    this.#onError(error);
  }

  /** Tells of a failure; of what Redis refuses with the same words, once in a pause's time. */
  #tell(error: unknown): void {
    if (error instanceof ZstashError && error.code === "REDIS") {
      const { text, at } = this.#refusal;
      // The words of a refusal name the key, but for which they are the same.
      const words = error.key === undefined ? error.message : error.message.replace(error.key, "");
      if (text === words && now() < at + this.#pause) return;
      this.#refusal = { text: words, at: now() };
    }
    this.#onError(error);
  }
}

/** Returns true for a request without an answer of Redis. An answer, also a refusal, has no `effect`. */
function isUnreachable(error: unknown): boolean {
  if (!(error instanceof ZstashError) || error.effect === undefined) return false;
  if (error.code === "TIMEOUT") return true;
  return error.code === "REDIS" && !ofOneRequest.has(error.status ?? 0);
}
