/** Shares linear memory among streams and jobs. All that waiters know about each other is data: see src/timers.ts. */
import { ZstashError } from "../errors.ts";
import { SLOW_WAIT } from "../limits.ts";
import { delay, nextPause, now, POLL_MAX } from "../timers.ts";
import type { EngineSettings, EngineStats } from "./engine.ts";
import { Lease, type Poolable } from "./lease.ts";
import {
  count,
  limitFor,
  requirePossible,
  shareOf,
  shareSize,
  type Claim,
  type Taken,
} from "./memory-shares.ts";

/** A waiter that has not looked for this many milliseconds has ended, and others pass it. */
const GONE_MS = 400;
/**
 * The longest pause, in ms, of a waiter that is woken when it is its turn: some changes come only with time. A long queue
 * does not look more often as a whole: with 10,000 waiters their timers alone would take most of a core.
 */
const IDLE_POLL_MAX = 250;
/** How much longer that pause is for each waiter of the queue, in ms. */
const IDLE_POLL_EACH = 0.25;
/** Small claims may pass one that does not fit yet, until it has waited for this many milliseconds. */
const PASSED_MS = 5000;
/** An instance that nobody holds. */
interface Idle<T> {
  readonly instance: T;
  readonly size: number;
}

interface Ticket {
  readonly claim: Claim;
  readonly since: number;
  seen: number;
  /** Ends the waiter's pause. */
  wake?: (() => void) | undefined;
}

/**
 * Instances within a budget of linear memory; memory-shares.ts decides who may take how much. Within a kind claims
 * are served in order, except that small claims pass one that does not fit yet.
 *
 * An idle instance that has grown past a quarter of the limit is dropped, because linear memory never shrinks.
 */
export class InstancePool<T extends Poolable> {
  readonly #create: () => T;
  readonly #settings: EngineSettings;
  readonly #live = new Set<Lease<T>>();
  /** With the linear memory of each, which does not change while it is idle; smallest first. */
  readonly #idle: Idle<T>[] = [];
  /** The waiters, in the order in which they came. */
  readonly #queues: Readonly<Record<Claim["kind"], Set<Ticket>>> = {
    job: new Set(),
    transfer: new Set(),
    compression: new Set(),
    decompression: new Set(),
  };
  /** The most bytes that any waiting compression needs, and when that was last computed. */
  #needed = { size: 0, at: 0 };

  constructor(create: () => T, settings: EngineSettings) {
    this.#create = create;
    this.#settings = settings;
  }

  stats(): EngineStats {
    const tickets = Object.values(this.#queues).flatMap((queue) => [...queue]);
    const waiters = tickets.filter((ticket) => !this.#isGone(ticket)).length;
    const live = [...this.#live].map(({ instance }) => instance.memorySize);
    const memory = [...live, ...this.#idle.map(({ size }) => size)].reduce((sum, size) => sum + size, 0);
    return { live: this.#live.size, idle: this.#idle.length, waiters, memory };
  }

  /**
   * Gets an instance for a claim; waits while its kind may take no more. Aborting `signal` ends the wait and rejects
   * with its reason.
   *
   * @throws {ZstashError} OUT_OF_MEMORY at once for a stream that could not even run alone; TIMEOUT
   */
  async acquire(claim: Claim, signal?: AbortSignal): Promise<Lease<T>> {
    requirePossible(claim, this.#settings.memoryLimit);
    const ticket: Ticket = { claim, since: now(), seen: now() };
    const queue = this.#queues[claim.kind];
    queue.add(ticket);
    const { beats } = this.#settings;
    try {
      for (let ms = 1; ; ms = this.#pauseAfter(ms, ticket)) {
        const lease = this.#look(ticket);
        if (lease !== undefined) {
          const waited = now() - ticket.since;
          if (waited >= SLOW_WAIT) this.#settings.onWait?.(waited);
          return lease;
        }
        await delay(ms, signal, beats ? undefined : (wake) => (ticket.wake = wake));
      }
    } finally {
      queue.delete(ticket);
      this.#wakeNext();
    }
  }

  /** Takes an instance back, once. */
  release(lease: Lease<T>): void {
    lease.end();
    if (!this.#live.delete(lease)) return;
    const { instance, usable } = lease;
    const size = instance.memorySize;
    if (usable && size <= this.#settings.memoryLimit / 4) {
      this.#idle.push({ instance, size });
      this.#idle.sort((one, other) => one.size - other.size);
    }
    this.#wakeNext();
  }

  /** Wakes the waiters whose turn it is, if they can be woken; otherwise they find out by themselves. */
  #wakeNext(): void {
    if (this.#settings.beats) return;
    for (const queue of Object.values(this.#queues)) {
      for (const ticket of queue) {
        if (ticket.wake === undefined) continue;
        if (!this.#isNext(ticket)) break;
        ticket.wake();
        ticket.wake = undefined;
      }
    }
  }

  /** The next pause of a waiter after one of `ms`. */
  #pauseAfter(ms: number, { claim, since }: Ticket): number {
    const { beats, waitTimeout } = this.#settings;
    if (beats) return nextPause(ms, POLL_MAX);
    const most = Math.max(IDLE_POLL_MAX, IDLE_POLL_EACH * this.#queues[claim.kind].size);
    return Math.min(nextPause(ms, most), Math.max(1, since + waitTimeout - now()));
  }

  /** One look of a waiter: returns its lease if it is its turn. */
  #look(ticket: Ticket): Lease<T> | undefined {
    ticket.seen = now();
    this.#queues[ticket.claim.kind].add(ticket);
    this.#takeOverAbandoned();
    const lease = this.#isNext(ticket) ? this.#take(ticket.claim) : undefined;
    if (lease === undefined && ticket.seen - ticket.since >= this.#settings.waitTimeout)
      throw this.#timedOut(ticket.claim);
    return lease;
  }

  #take(claim: Claim): Lease<T> | undefined {
    const taken = this.#taken();
    const idle = this.#takeIdle(claim, taken);
    const estimate = Math.max(claim.estimate, idle?.size ?? 0);
    this.#dropIdle(taken.all + estimate);
    const instance = idle?.instance ?? this.#tryCreate();
    if (instance === undefined) return undefined;
    const lease = new Lease(instance, claim, this.#settings.beats);
    lease.beyond = this.#shareOf({ ...claim, estimate }, taken) === "beyond";
    this.#live.add(lease);
    return lease;
  }

  /** The idle instance that wastes least, if one fits what the claim may take. */
  #takeIdle(claim: Claim, taken: Taken): Idle<T> | undefined {
    while (this.#idle.length > 0) {
      // The smallest that need not grow, or else the largest, which has to grow least.
      const enough = this.#idle.findIndex(({ size }) => size >= claim.estimate);
      const [idle] = this.#idle.splice(enough, 1) as [Idle<T>];
      const fits = idle.size <= claim.estimate;
      if (fits || this.#shareOf({ ...claim, estimate: idle.size }, taken) !== undefined) return idle;
    }
    return undefined;
  }

  /** Makes a new instance; undefined if the platform has no memory for it now, and a stream that ends may free some. */
  #tryCreate(): T | undefined {
    try {
      return this.#create();
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      if (this.#live.size > 0) return undefined;
      const reason = "the platform gives no linear memory for it";
      throw new ZstashError("OUT_OF_MEMORY", `Cannot start a stream: ${reason}`, { cause });
    }
  }

  /** Drops idle instances, smallest first, while they and what is `taken` exceed the limit. */
  #dropIdle(taken: number): void {
    const idle = (): number => this.#idle.reduce((sum, { size }) => sum + size, 0);
    while (this.#idle.length > 0 && taken + idle() > this.#settings.memoryLimit) this.#idle.shift();
  }

  /** Returns true if a claim fits, and no earlier claim of its kind is to be served first. */
  #isNext(ticket: Ticket): boolean {
    const { claim } = ticket;
    const taken = this.#taken();
    if (this.#shareOf(claim, taken) === undefined) return false;
    const queue = this.#queues[claim.kind];
    for (const other of queue) {
      if (other === ticket) return true;
      const { estimate } = other.claim;
      if (this.#isGone(other)) {
        // Nobody else removes its ticket; a waiter that was only late goes to the end again.
        queue.delete(other);
        continue;
      }
      if (this.#shareOf(other.claim, taken) === undefined) {
        if (estimate <= claim.estimate || now() - other.since > PASSED_MS) return false;
      } else {
        // Its turn comes with its next look: what it will take counts as taken.
        count(taken, other.claim, estimate);
        if (this.#shareOf(claim, taken) === undefined) return false;
      }
    }
    return true;
  }

  #shareOf(claim: Claim, taken: Taken): ReturnType<typeof shareOf> {
    const { memoryLimit: limit } = this.#settings;
    return shareOf(claim, taken, { limit, neededByCompression: this.#neededByCompression() });
  }

  #taken(): Taken {
    const taken: Taken = { all: 0, job: 0, transfer: 0, compression: 0, decompression: 0, beyond: new Set() };
    for (const lease of this.#live) {
      if (lease.beyond) {
        taken.all += lease.size;
        taken.beyond.add(lease.claim.kind);
      } else count(taken, lease.claim, lease.size);
    }
    return taken;
  }

  /** Returns true if a waiter's request has ended: otherwise it would have looked by now. */
  #isGone({ seen }: Ticket): boolean {
    return this.#settings.beats && now() - seen > GONE_MS;
  }

  /** Computed once in each pause: a thousand waiters that each looked at all others would keep the loop busy. */
  #neededByCompression(): number {
    const at = now();
    if (at - this.#needed.at < POLL_MAX) return this.#needed.size;
    let size = 0;
    for (const ticket of this.#queues.compression) {
      if (!this.#isGone(ticket)) size = Math.max(size, ticket.claim.estimate);
    }
    this.#needed = { size, at };
    return size;
  }

  #takeOverAbandoned(): void {
    for (const lease of this.#live) {
      if (!lease.abandoned) continue;
      lease.lose();
      this.release(lease);
    }
  }

  #timedOut(claim: Claim): ZstashError {
    const { waitTimeout, memoryLimit } = this.#settings;
    const { kind, estimate } = claim;
    const taken = this.#taken();
    const memory = { limit: memoryLimit, neededByCompression: this.#neededByCompression() };
    const held = `${this.#live.size} others held ${taken.all} bytes, ${taken[kind]} of them in its share`;
    return new ZstashError(
      "TIMEOUT",
      `Cannot start a stream: waited ${waitTimeout} ms for ${estimate} bytes of the ${kind} share, ` +
        `${shareSize(kind, memory)} bytes, while ${held}; "memoryLimit" is ${memoryLimit}: ` +
        `${limitFor(claim, taken, memory)} would do`,
    );
  }
}
