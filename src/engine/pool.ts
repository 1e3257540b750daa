/** Shares linear memory among streams and jobs. All that waiters know of each other is data: see src/timers.ts. */
import { ZstashError } from "../errors.ts";
import { now, poll } from "../timers.ts";
import { Lease, type Claim, type Poolable } from "./lease.ts";

/** A waiter that has not looked for so long is gone, and those behind pass it, in ms. */
const GONE_MS = 400;
/** Small claims pass one that does not fit yet, until it has waited for so long, in ms. */
const PASSED_MS = 5000;
/** The most that is kept free of streams for jobs, and for one small stream in each direction, in bytes. */
const RESERVE_MAX: number = 16 << 20;

/** How a pool shares memory. */
export interface PoolSettings {
  /** Linear memory of all instances together, in bytes. */
  readonly memoryLimit: number;
  /** How long a stream waits before TIMEOUT, in ms. */
  readonly waitTimeout: number;
  /** Whether holders must show that they live: where requests end without a word, as on Workers. */
  readonly beats: boolean;
}

interface Ticket {
  readonly claim: Claim;
  readonly since: number;
  seen: number;
}

/** Numbers of a pool, for metrics and tests. */
export interface PoolStats {
  readonly live: number;
  readonly idle: number;
  readonly waiters: number;
  /** Linear memory of all instances, in bytes. */
  readonly memory: number;
}

/**
 * Instances within a budget of linear memory. The rules, each a bound on what one kind may take from another:
 *
 * - Streams together leave a reserve (a quarter, at most 16 MiB) free. Of that, one stream in each direction may take
 *   as much as a quarter of it beyond the others, so that small streams run beside any number of paused ones.
 * - Decompressing streams take at most half of the rest, and never what the largest compression that was asked for
 *   needs: a copy decompresses into a compression, and would wait for itself.
 * - Jobs never wait for streams: they take what is free, else the reserve, and one runs whatever it takes.
 * - Within a direction the first to come is the first served, but small claims pass one that does not fit yet.
 *
 * An idle instance that has grown past a quarter of the limit is dropped, because linear memory never shrinks.
 */
export class InstancePool<T extends Poolable> {
  readonly #create: () => T;
  readonly #settings: PoolSettings;
  readonly #reserve: number;
  readonly #live = new Set<Lease<T>>();
  readonly #idle: T[] = [];
  readonly #tickets = new Set<Ticket>();
  #largestCompression = 0;

  constructor(create: () => T, settings: PoolSettings) {
    this.#create = create;
    this.#settings = settings;
    this.#reserve = Math.min(settings.memoryLimit / 4, RESERVE_MAX);
  }

  stats(): PoolStats {
    const waiters = [...this.#tickets].filter(({ seen }) => now() - seen <= GONE_MS).length;
    const instances = [...[...this.#live].map(({ instance }) => instance), ...this.#idle];
    const memory = instances.reduce((sum, { memorySize }) => sum + memorySize, 0);
    return { live: this.#live.size, idle: this.#idle.length, waiters, memory };
  }

  /**
   * An instance for a claim; waits while its kind may take no more. A waiter leaves when `signal` is aborted, and
   * rejects with its reason.
   *
   * @throws {ZstashError} OUT_OF_MEMORY at once for a stream that could not even run alone; TIMEOUT
   */
  async acquire(claim: Claim, signal?: AbortSignal): Promise<Lease<T>> {
    this.#requirePossible(claim);
    this.#dropGone();
    if (claim.direction === "compression" && !claim.job) {
      this.#largestCompression = Math.max(this.#largestCompression, claim.estimate);
    }
    const ticket: Ticket = { claim, since: now(), seen: now() };
    this.#tickets.add(ticket);
    try {
      return await poll(() => this.#look(ticket), signal);
    } finally {
      this.#tickets.delete(ticket);
    }
  }

  /** Takes an instance back, once. */
  release(lease: Lease<T>): void {
    lease.end();
    if (!this.#live.delete(lease)) return;
    const { instance, usable } = lease;
    if (!usable || instance.memorySize > this.#settings.memoryLimit / 4) return;
    this.#idle.push(instance);
    this.#idle.sort((a, b) => a.memorySize - b.memorySize);
  }

  /** One look of a waiter: its lease, where it is its turn. */
  #look(ticket: Ticket): Lease<T> | undefined {
    ticket.seen = now();
    this.#takeOverAbandoned();
    const lease = this.#isNext(ticket) ? this.#take(ticket.claim) : undefined;
    if (lease === undefined && ticket.seen - ticket.since >= this.#settings.waitTimeout)
      throw this.#timedOut();
    return lease;
  }

  #take(claim: Claim): Lease<T> | undefined {
    const share = this.#shareOf(claim, this.#taken());
    this.#makeRoom(claim.estimate);
    // The largest idle instance is the one that has to grow least.
    const instance = this.#idle.pop() ?? this.#tryCreate();
    if (instance === undefined) return undefined;
    const lease = new Lease(instance, claim, this.#settings.beats);
    lease.beyond = share === "beyond";
    this.#live.add(lease);
    return lease;
  }

  /** A new instance; undefined where the platform has no memory for it now, and a stream that ends may free some. */
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

  /** Drops idle instances that would stand in the way of `estimate` more bytes, the smallest first. */
  #makeRoom(estimate: number): void {
    const { all } = this.#taken();
    const sizeWith = (): number => {
      const idle = this.#idle.reduce((sum, { memorySize }) => sum + memorySize, 0);
      const largest = this.#idle.at(-1)?.memorySize ?? 0;
      return idle - largest + Math.max(largest, estimate);
    };
    while (this.#idle.length > 0 && all + sizeWith() > this.#settings.memoryLimit) this.#idle.shift();
  }

  /** Whether a claim fits, and nobody that came earlier for the same is to be served first. */
  #isNext(ticket: Ticket): boolean {
    const { claim } = ticket;
    const taken = this.#taken();
    if (this.#shareOf(claim, taken) === undefined) return false;
    for (const other of this.#tickets) {
      if (other === ticket) return true;
      const { direction, job, estimate } = other.claim;
      if (job !== claim.job || direction !== claim.direction || ticket.seen - other.seen > GONE_MS) continue;
      if (this.#shareOf(other.claim, taken) === undefined) {
        if (estimate <= claim.estimate || ticket.seen - other.since > PASSED_MS) return false;
      } else {
        // Its turn comes with its next look: what it will take is taken.
        count(taken, other.claim, estimate);
        if (this.#shareOf(claim, taken) === undefined) return false;
      }
    }
    return true;
  }

  /** Of what a claim may be granted: "beyond" is the one small stream beside the others; undefined where it must wait. */
  #shareOf({ estimate, direction, job }: Claim, taken: Taken): "own" | "beyond" | undefined {
    const { memoryLimit } = this.#settings;
    const free = memoryLimit - taken.all;
    if (job) {
      const granted = estimate <= free || taken.jobs + estimate <= this.#reserve || taken.jobs === 0;
      return granted ? "own" : undefined;
    }
    const room = memoryLimit - this.#reserve;
    const share = Math.min(room / 2, room - this.#largestCompression);
    const own =
      direction === "compression" || taken.decompression === 0 || taken.decompression + estimate <= share;
    if (own && taken.compression + taken.decompression + estimate <= room) return "own";
    const beyond = estimate <= this.#reserve / 4 && !taken.beyond.has(direction) && estimate <= free;
    return beyond ? "beyond" : undefined;
  }

  #taken(): Taken {
    const taken: Taken = { all: 0, jobs: 0, compression: 0, decompression: 0, beyond: new Set() };
    for (const lease of this.#live) {
      if (lease.beyond) {
        taken.all += lease.size;
        taken.beyond.add(lease.claim.direction);
      } else count(taken, lease.claim, lease.size);
    }
    return taken;
  }

  #takeOverAbandoned(): void {
    for (const lease of this.#live) {
      if (!lease.abandoned) continue;
      lease.lose();
      this.release(lease);
    }
  }

  /** Forgets waiters that would have had their TIMEOUT: their request has ended, and nobody else takes the ticket back. */
  #dropGone(): void {
    for (const ticket of this.#tickets) {
      if (now() - ticket.seen > this.#settings.waitTimeout + GONE_MS) this.#tickets.delete(ticket);
    }
  }

  #requirePossible({ estimate, job }: Claim): void {
    const { memoryLimit } = this.#settings;
    if (job || estimate <= memoryLimit - this.#reserve) return;
    // The limit whose rest after the reserve is the estimate.
    const needed = Math.min((estimate * 4) / 3, estimate + RESERVE_MAX);
    throw new ZstashError(
      "OUT_OF_MEMORY",
      `Cannot start a stream: it takes ${estimate} bytes, and "memoryLimit" is ${memoryLimit}: ` +
        `set it to ${Math.ceil(needed)} or more, or take a lower level or a smaller window`,
    );
  }

  #timedOut(): ZstashError {
    const { waitTimeout, memoryLimit } = this.#settings;
    return new ZstashError(
      "TIMEOUT",
      `Cannot start a stream: waited ${waitTimeout} ms while ${this.#live.size} others held ${this.#taken().all} bytes; ` +
        `"memoryLimit" is ${memoryLimit}`,
    );
  }
}

/** Bytes that leases take, by kind. */
interface Taken {
  all: number;
  jobs: number;
  compression: number;
  decompression: number;
  /** Directions that have a stream beyond the others; what it takes is only in `all`. */
  readonly beyond: Set<Claim["direction"]>;
}

function count(taken: Taken, { direction, job }: Claim, size: number): void {
  taken.all += size;
  if (job) taken.jobs += size;
  else taken[direction] += size;
}
