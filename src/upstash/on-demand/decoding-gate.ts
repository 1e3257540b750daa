/**
 * Limits how much text is being decoded at once: a hundred values of 10 MB that were decoded side by side held 2.5 GB
 * of unfinished texts. Those that wait hold their compressed bytes only.
 */
import { DEFAULT_MAX_REPLY_SIZE } from "#host";
import { giveSigns, STALE, STALE_LOOKS, type Work } from "../../signs.ts";
import { delay, nextPause, now, POLL_MAX } from "../../timers.ts";

/** Bytes of content that may be in work at once: 32 MiB, and 8 MiB on Workers and edge functions. */
export const DECODING_SIZE: number = DEFAULT_MAX_REPLY_SIZE / 4;

/** Values that are watched at each look: those further back look less often, as their turn is further away. */
const NEAR = 16;

/** A value that is being decoded, or waits for it. */
interface Decoding extends Work {
  /** Its place in the order of arrival. */
  readonly index: number;
  /** Bytes of its content. */
  readonly size: number;
}

/**
 * Admits values in the order in which they come, as long as their contents fit together; one that is larger than the
 * limit is decoded alone.
 *
 * What is in work is data, and each waiter looks at it by its own timer. A value whose request has ended gives no
 * signs any more, and is passed over.
 */
export class DecodingGate {
  readonly #limit: number;
  /** Oldest first. */
  readonly #values = new Set<Decoding>();
  #count = 0;

  /** `limit` is in bytes of content. */
  constructor(limit: number = DECODING_SIZE) {
    this.#limit = limit;
  }

  /**
   * Runs `decode` when it is the turn of a content of `size` bytes. One whose signal is aborted leaves, and rejects
   * with its reason.
   */
  async run<Result>(
    size: number,
    decode: () => Promise<Result>,
    signal?: AbortSignal | undefined,
  ): Promise<Result> {
    const own: Decoding = { index: this.#count++, size, seen: 0 };
    const stop = giveSigns(own);
    this.#values.add(own);
    try {
      await this.#turn(own, signal);
      return await decode();
    } finally {
      stop();
      this.#values.delete(own);
    }
  }

  async #turn(own: Decoding, signal: AbortSignal | undefined): Promise<void> {
    let watched: Decoding | undefined;
    let [seen, since, looks] = [0, 0, 0];
    for (let pause = 1; ; pause = nextPause(pause, this.#mostPause(own))) {
      if (signal?.aborted === true) throw signal.reason;
      if (this.#fits(own)) return;
      const [oldest] = this.#values;
      if (oldest !== watched || oldest!.seen !== seen) {
        watched = oldest;
        [seen, since, looks] = [oldest!.seen, now(), 0];
      } else if (++looks >= STALE_LOOKS && now() - since >= STALE) {
        this.#values.delete(oldest!);
        continue;
      }
      await delay(pause, signal);
    }
  }

  /** Returns true if a value fits beside all that came before it. */
  #fits(own: Decoding): boolean {
    let size = 0;
    for (const value of this.#values) {
      size += value.size;
      // One alone may be larger than the limit.
      if (value === own) return size === own.size || size <= this.#limit;
      if (size >= this.#limit) return false;
    }
    // A waiter that was passed over, because its process stood still, has waited long enough.
    return true;
  }

  #mostPause({ index }: Decoding): number {
    const [oldest] = this.#values;
    const distance = oldest === undefined ? 0 : index - oldest.index;
    return Math.min(16, Math.max(1, distance / NEAR)) * POLL_MAX;
  }
}
