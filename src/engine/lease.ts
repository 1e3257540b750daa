/** What a stream holds of the pool: an instance, for as long as the stream's request shows that it lives. */
import { ZstashError } from "../errors.ts";
import { every, macrotask, now } from "../timers.ts";
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
/** Turns of the event loop that must pass after that, so that a beat which is overdue comes first. */
const TURNS = 3;
/** Whoever counts a turn may be dropped before it ends; after so long another counts, in ms. */
const TURN_MAX_MS = 100;

/** A holder that was found silent. */
interface Suspicion {
  readonly at: number;
  /** The beat that was then the last. */
  readonly beat: number;
  /** Turns of the event loop since. */
  turns: number;
  /** When the turn that is counted began; undefined if none is. */
  counting: number | undefined;
}

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

  /** Linear memory in bytes that it takes or may yet take. */
  get size(): number {
    return Math.max(this.claim.estimate, this.instance.memorySize);
  }

  /**
   * Whether the holder's request has ended without giving the instance back. One look is not enough: after work that
   * held the event loop, a holder that lives has not had its turn yet. So it is looked at again two beats later, when the
   * loop has turned: a hundred waiters may all look within one turn of a busy process.
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
        // Of several that were begun while the loop stood still, all end in one turn: where turns are timers, before the beat.
        if (suspicion.counting !== began) return;
        suspicion.turns++;
        suspicion.counting = undefined;
      });
    }
    return false;
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
