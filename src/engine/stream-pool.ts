import { InstancePool } from "./pool.ts";
import { StreamInstance } from "./stream-instance.ts";
import { trapped } from "./trapped.ts";

/** An instance that a stream holds; no longer usable once it has trapped. */
interface Lease {
  readonly instance: StreamInstance;
  usable: boolean;
}

/** Runs work on a leased instance; a trap makes the instance unusable and is INTERNAL. */
type Guard = <T>(work: () => T) => T;

/** The instances of all streams of an engine, in either direction. */
export class StreamPool {
  readonly #pool: InstancePool<StreamInstance>;
  /** Gives back what a stream holds that nobody refers to any more; workerd has it from compatibility date 2025-05-05. */
  readonly #abandoned: FinalizationRegistry<Lease> | undefined;

  constructor(module: WebAssembly.Module, memoryLimit: number) {
    this.#pool = new InstancePool(() => new StreamInstance(module), memoryLimit);
    const pool = this.#pool;
    if (typeof FinalizationRegistry === "function") {
      this.#abandoned = new FinalizationRegistry(({ instance, usable }) => pool.release(instance, usable));
    }
  }

  stats(): { live: number; idle: number; waiters: number; memory: number } {
    return this.#pool.stats();
  }

  /** Waits for an instance and makes a stream's context on it; `release` gives the instance back. */
  async open<T extends object>(
    estimate: number,
    signal: AbortSignal,
    start: (instance: StreamInstance, guard: Guard, release: () => void) => T,
  ): Promise<T> {
    const lease: Lease = { instance: await this.#pool.acquire(estimate, signal), usable: true };
    const guard: Guard = (work) => {
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
      const context = guard(() => start(lease.instance, guard, release));
      this.#abandoned?.register(context, lease, lease);
      return context;
    } catch (error) {
      release();
      throw error;
    }
  }
}
