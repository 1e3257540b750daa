/** Contexts of streams: an instance of the pool with a context on it, guarded against traps and lost leases. */
import { contextLost, type Lease } from "./lease.ts";
import type { Claim } from "./memory-shares.ts";
import type { EngineSettings, EngineStats } from "./engine.ts";
import { InstancePool } from "./pool.ts";
import { StreamInstance } from "./stream-instance.ts";
import { ZstashError } from "../errors.ts";
import { trapped } from "./zstd-errors.ts";

/**
 * Runs a cleanup on an instance that may be lost or have trapped. If it fails, the next holder cleans up, or the
 * instance is dropped.
 */
export function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof ZstashError)) throw error;
  }
}

/** Runs work on a leased instance; a trap makes the instance unusable and is INTERNAL. */
type TrapGuard = <T>(work: () => T) => T;

/** The instances of all streams of an engine, in either direction. */
export class StreamPool {
  readonly #pool: InstancePool<StreamInstance>;
  /**
   * Returns what a collected stream held to the pool. workerd has FinalizationRegistry from compatibility date
   * 2025-05-05.
   */
  readonly #abandoned: FinalizationRegistry<Lease<StreamInstance>> | undefined;

  constructor(module: WebAssembly.Module, settings: EngineSettings) {
    this.#pool = new InstancePool(() => new StreamInstance(module), settings);
    const pool = this.#pool;
    if (typeof FinalizationRegistry === "function") {
      this.#abandoned = new FinalizationRegistry((lease) => pool.release(lease));
    }
  }

  stats(): EngineStats {
    return this.#pool.stats();
  }

  /** Waits for an instance and makes a stream's context on it; `release` returns the instance to the pool. */
  async open<T extends object>(
    claim: Claim,
    signal: AbortSignal,
    start: (instance: StreamInstance, trapGuard: TrapGuard, release: () => void) => T,
  ): Promise<T> {
    const lease = await this.#pool.acquire(claim, signal);
    const trapGuard: TrapGuard = (work) => {
      if (lease.lost) throw contextLost();
      try {
        return work();
      } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        lease.usable = false;
        throw trapped(error);
      }
    };
    const release = (): void => {
      this.#abandoned?.unregister(lease);
      this.#pool.release(lease);
    };
    try {
      const context = trapGuard(() => start(lease.instance, trapGuard, release));
      this.#abandoned?.register(context, lease, lease);
      return context;
    } catch (error) {
      release();
      throw error;
    }
  }
}
