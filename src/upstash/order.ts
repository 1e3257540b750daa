/**
 * Keeps requests on the same keys in their order if one of them has to wait before it can be sent: for the codec, for
 * a module, or for a large value. Nobody waits for another request's promise, which Workers drop with that request:
 * waiting requests are data, and later ones look at them by their own timers.
 */
import { announceWait } from "../metrics/channels.ts";
import type { EventListener } from "../metrics/events.ts";
import { giveSigns, hasEnded, type Work } from "../signs.ts";
import { now } from "../timers.ts";
import { keysOf, type CommandArguments } from "./commands.ts";

/** Milliseconds without a sign after which a request is forgotten even if nobody waits for it. */
const FORGOTTEN = 10_000;

/** A request that cannot be sent yet. */
export interface Waiting extends Work {
  /** Its keys; undefined if it may affect every key. */
  readonly keys: ReadonlySet<string> | undefined;
}

/** The place of a request in the queue. */
export interface Place {
  /** Resolves when every earlier request on the same keys has been sent, or has ended. */
  turn(): Promise<void>;
  /** Lets later requests pass. */
  leave(): void;
}

/** The requests of one client that wait before they are sent. */
export class RequestOrder {
  /** The waiting requests, oldest first. */
  readonly waiting: Set<Waiting> = new Set();
  /** By key; undefined for those that may affect every key. */
  readonly #byKey = new Map<string | undefined, Set<Waiting>>();
  readonly #onEvent: EventListener | undefined;

  /** The listener is told about slow waits. */
  constructor(onEvent?: EventListener) {
    this.#onEvent = onEvent;
  }

  /**
   * Takes a place for a request that has to wait, or that shares a key with an earlier one that does. Undefined if it
   * can be sent at once.
   */
  enter(commands: readonly CommandArguments[], hasToWait: boolean): Place | undefined {
    this.#forget();
    const keys = keysOf(commands);
    const earlier = this.#earlier(keys);
    if (!hasToWait && earlier.size === 0) return undefined;
    const own: Waiting = { keys, seen: 0 };
    const stop = giveSigns(own);
    this.#add(own);
    return {
      turn: async () => {
        const since = now();
        for (const other of earlier) {
          if (!(await hasEnded(other, () => this.waiting.has(other)))) this.#remove(other);
        }
        announceWait("order", now() - since, this.#onEvent);
      },
      leave: () => {
        stop();
        this.#remove(own);
      },
    };
  }

  #earlier(keys: ReadonlySet<string> | undefined): ReadonlySet<Waiting> {
    if (keys === undefined) return new Set(this.waiting);
    const earlier = new Set<Waiting>(this.#byKey.get(undefined));
    for (const key of keys) for (const other of this.#byKey.get(key) ?? []) earlier.add(other);
    return earlier;
  }

  #add(own: Waiting): void {
    this.waiting.add(own);
    for (const key of own.keys ?? [undefined]) {
      const others = this.#byKey.get(key);
      if (others === undefined) this.#byKey.set(key, new Set([own]));
      else others.add(own);
    }
  }

  #remove(own: Waiting): void {
    this.waiting.delete(own);
    for (const key of own.keys ?? [undefined]) {
      const others = this.#byKey.get(key);
      if (others?.delete(own) === true && others.size === 0) this.#byKey.delete(key);
    }
  }

  /** Forgets requests that ended without notice. The oldest come first. */
  #forget(): void {
    for (const other of this.waiting) {
      if (now() - other.seen < FORGOTTEN) return;
      this.#remove(other);
    }
  }
}
