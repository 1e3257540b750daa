/** Lends WebAssembly instances to streams and takes them back, also from streams that were forgotten. */
import type { EngineStats } from "./engine.ts";
import { InstancePool } from "./pool.ts";
import { StreamInstance } from "./stream-instance.ts";
import { trapped } from "./zstd-errors.ts";

/** An instance that a stream holds. It is no longer usable once it has trapped. */
interface Lease {
  readonly instance: StreamInstance;
  usable: boolean;
}

/** Runs work on a leased instance; a trap makes the instance unusable and is INTERNAL. */
type TrapGuard = <T>(work: () => T) => T;

/** The instances of all streams of an engine, in either direction. */
export class StreamPool {
  readonly #pool: InstancePool<StreamInstance>;
  /** Gives back the leases of contexts that nobody refers to any more; workerd has it from compatibility date 2025-05-05. */
  readonly #abandoned: FinalizationRegistry<Lease> | undefined;

  constructor(module: WebAssembly.Module, memoryLimit: number) {
    this.#pool = new InstancePool(() => new StreamInstance(module), memoryLimit);
    const pool = this.#pool;
    if (typeof FinalizationRegistry === "function") {
      this.#abandoned = new FinalizationRegistry(({ instance, usable }) => pool.release(instance, usable));
    }
  }

  stats(): EngineStats {
    return this.#pool.stats();
  }

  /** Waits for an instance and makes a stream's context on it; `release` gives the instance back. */
  async open<T extends object>(
    estimate: number,
    signal: AbortSignal,
    start: (instance: StreamInstance, trapGuard: TrapGuard, release: () => void) => T,
  ): Promise<T> {
    const lease: Lease = { instance: await this.#pool.acquire(estimate, signal), usable: true };
    const trapGuard: TrapGuard = (work) => {
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
      this.#pool.release(lease.instance, lease.usable);
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
