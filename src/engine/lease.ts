/** What a stream holds of the pool: an instance, for as long as the stream's request shows that it lives. */
import { ZstashError } from "../errors.ts";
import { every, now } from "../timers.ts";
import type { Claim } from "./memory-shares.ts";

/** What the pool keeps: something that takes linear memory. */
export interface Poolable {
  /** Linear memory in bytes; may have grown while it was held. */
  readonly memorySize: number;
}

/** How often a holder shows that its request lives, in ms. */
const BEAT_MS = 250;
/** A holder that has not been heard of for so long may be gone, in ms. */
const SILENCE_MS = 1000;

/** An instance on loan. */
export class Lease<T extends Poolable> {
  readonly instance: T;
  readonly claim: Claim;
  /** False once the instance has trapped: it is dropped instead of used again. */
  usable = true;
  /** Whether it was granted beyond what its kind may take: one small stream in each direction. */
  beyond = false;
  /** Whether the instance has been taken over: the holder was silent, and somebody needed it. */
  lost = false;
  #beat: number = now();
  #stop: (() => void) | undefined;
  /** When somebody first found the holder silent, and the beat that was then the last. */
  #suspected: { readonly at: number; readonly beat: number } | undefined;

  /** With `beats` the holder shows that it lives by a timer of its own request, which ends with that request. */
  constructor(instance: T, claim: Claim, beats: boolean) {
    this.instance = instance;
    this.claim = claim;
    if (beats) {
      this.#stop = every(BEAT_MS, () => {
        this.#beat = now();
      });
    }
  }

  /** Linear memory in bytes that it takes or may yet take. */
  get size(): number {
    return Math.max(this.claim.estimate, this.instance.memorySize);
  }

  /**
   * Whether the holder's request has ended without giving the instance back. One look is not enough: after work that
   * held the event loop, a holder that lives has not had its turn yet. So it is looked at twice, a beat apart.
   */
  get abandoned(): boolean {
    if (this.#stop === undefined || now() - this.#beat < SILENCE_MS) return false;
    if (this.#suspected?.beat !== this.#beat) this.#suspected = { at: now(), beat: this.#beat };
    return now() - this.#suspected.at >= 2 * BEAT_MS;
  }

  /** Takes the instance from a holder that is gone. Its timer belongs to its request and is left to it. */
  lose(): void {
    this.lost = true;
    this.#stop = undefined;
  }

  /** Ends the beat. */
  end(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}

/** The error of a holder that comes back to an instance that was taken over. */
export function contextLost(): ZstashError {
  return new ZstashError(
    "CONTEXT_LOST",
    `Cannot go on: the stream stood still for ${SILENCE_MS} ms or longer, and its context was given to another`,
  );
}
