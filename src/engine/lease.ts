/** What a stream holds of the pool: an instance, for as long as the stream's request shows that it lives. */
import { ZstashError } from "../errors.ts";
import { every, macrotask, now } from "../timers.ts";
import type { Claim } from "./memory-shares.ts";

/** What the pool keeps: objects that use linear memory. */
export interface Poolable {
  /** Linear memory in bytes; may have grown while it was held. */
  readonly memorySize: number;
}

/** How often a holder shows that its request lives, in ms. */
const BEAT_MS = 250;
/** A holder that has been silent for this many milliseconds may have ended. */
const SILENCE_MS = 1000;
/** Turns of the event loop that must pass after that, so that an overdue beat comes first. */
const TURNS = 3;
/** Whoever counts a turn may end before the turn does; after this many milliseconds another one counts. */
const TURN_MAX_MS = 100;

/** A holder that was found silent. */
interface Suspicion {
  readonly at: number;
  /** The number of its last beat at that time. */
  readonly beat: number;
  /** Turns of the event loop since. */
  turns: number;
  /** When the turn that is being counted began; undefined if none is. */
  counting: number | undefined;
}

/** An instance on loan. */
export class Lease<T extends Poolable> {
  readonly instance: T;
  readonly claim: Claim;
  /** False once the instance has trapped: it is dropped instead of used again. */
  usable = true;
  /** True if it was granted beyond the share of its kind: one small stream in each direction. */
  beyond = false;
  /** True if the instance was taken over, because the holder was silent and somebody needed it. */
  lost = false;
  #beat: number = now();
  #stop: (() => void) | undefined;
  #suspected: Suspicion | undefined;

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

  /** The linear memory that it uses or may still use, in bytes. */
  get size(): number {
    return Math.max(this.claim.estimate, this.instance.memorySize);
  }

  /**
   * True if the holder's request has ended without giving the instance back. One look is not enough: after work that
   * blocked the event loop, a living holder has not had its turn yet. So it is looked at again two beats later, when
   * the loop has turned. A hundred waiters may all look within one turn of a busy process.
   */
  get abandoned(): boolean {
    if (this.#stop === undefined || now() - this.#beat < SILENCE_MS) return false;
    if (this.#suspected?.beat !== this.#beat) {
      this.#suspected = { at: now(), beat: this.#beat, turns: 0, counting: undefined };
    }
    const suspicion = this.#suspected;
    if (suspicion.turns >= TURNS) return now() - suspicion.at >= 2 * BEAT_MS;
    if (suspicion.counting === undefined || now() - suspicion.counting >= TURN_MAX_MS) {
      const began = (suspicion.counting = now());
      void macrotask().then(() => {
        // Several counts that began while the loop was blocked all end in one turn: before the beat, if turns are
        // timers.
        if (suspicion.counting !== began) return;
        suspicion.turns++;
        suspicion.counting = undefined;
      });
    }
    return false;
  }

  /** Takes the instance from a holder that has ended. Its timer belongs to its request and is left alone. */
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

/** The error for a holder that returns to an instance that was taken over. */
export function contextLost(): ZstashError {
  return new ZstashError(
    "CONTEXT_LOST",
    `Cannot go on: the request showed no sign of life for ${SILENCE_MS} ms, and its context was given to another`,
  );
}
