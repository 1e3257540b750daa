/** A pool of instances within a budget of linear memory, with a queue of streams that wait for room. */
import { ZstashError } from "../errors.ts";
import type { EngineStats } from "./engine.ts";

/** The longest wait of a stream for an instance, in ms; then TIMEOUT. */
const WAIT_MS = 30_000;

/** An instance that the pool keeps. */
export interface Poolable {
  /** Linear memory in bytes. It may grow while the instance is held. */
  readonly memorySize: number;
}

interface Waiter {
  readonly estimate: number;
  readonly grant: () => void;
}

/**
 * Instances for streams, within a budget of linear memory. First come, first served: a small request does not
 * overtake a large one. An idle instance that has grown past its share is dropped, because memory never shrinks.
 */
export class InstancePool<T extends Poolable> {
  readonly #create: () => T;
  readonly #memoryLimit: number;
  /** Instances that are held, with the bytes promised to each, of which it may have taken less so far. */
  readonly #live = new Map<T, number>();
  readonly #idle: T[] = [];
  readonly #waiters: Waiter[] = [];

  constructor(create: () => T, memoryLimit: number) {
    this.#create = create;
    this.#memoryLimit = memoryLimit;
  }

  stats(): EngineStats {
    const memory = [...this.#live.keys(), ...this.#idle].reduce((sum, { memorySize }) => sum + memorySize, 0);
    return { live: this.#live.size, idle: this.#idle.length, waiters: this.#waiters.length, memory };
  }

  /**
   * An instance for a stream that will take about `estimate` bytes; waits while the budget is spent. One stream is
   * always let in, whatever it takes. A waiter leaves the queue when `signal` is aborted, and rejects with its reason.
   *
   * @throws {ZstashError} TIMEOUT after 30 s
   */
  async acquire(estimate: number, signal?: AbortSignal): Promise<T> {
    if (this.#waiters.length > 0 || !this.#fits(estimate)) return this.#wait(estimate, signal);
    return this.#take(estimate);
  }

  #take(estimate: number): T {
    // The largest idle instance is the one that has to grow least.
    const instance = this.#idle.pop() ?? this.#create();
    this.#live.set(instance, estimate);
    return instance;
  }

  /** Takes an instance back; `usable` false drops it. */
  release(instance: T, usable: boolean): void {
    if (!this.#live.delete(instance)) return;
    if (usable && instance.memorySize <= this.#memoryLimit / 4) {
      this.#idle.push(instance);
      this.#idle.sort((a, b) => a.memorySize - b.memorySize);
    }
    this.#serve();
  }

  #serve(): void {
    while (this.#waiters.length > 0 && this.#fits(this.#waiters[0]!.estimate)) {
      this.#waiters.shift()!.grant();
    }
  }

  /** Returns true if `estimate` more bytes fit. Idle instances that stand in the way are dropped. */
  #fits(estimate: number): boolean {
    let taken = 0;
    for (const [instance, reserved] of this.#live) taken += Math.max(instance.memorySize, reserved);
    if (this.#live.size > 0 && taken + estimate > this.#memoryLimit) return false;
    while (this.#idle.length > 0 && taken + this.#sizeWith(estimate) > this.#memoryLimit) this.#idle.shift();
    return true;
  }

  /** Bytes that the idle instances will take once the largest of them has grown to `estimate`. */
  #sizeWith(estimate: number): number {
    const idle = this.#idle.reduce((sum, { memorySize }) => sum + memorySize, 0);
    const largest = this.#idle.at(-1)?.memorySize ?? 0;
    return idle - largest + Math.max(largest, estimate);
  }

  #wait(estimate: number, signal: AbortSignal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const stopWaiting = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
      };
      const leave = (reason: unknown): void => {
        stopWaiting();
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1);
        reject(reason);
        this.#serve();
      };
      const onAbort = (): void => leave(signal?.reason);
      const timer = setTimeout(() => {
        const holders = `${this.#live.size} streams hold the memory limit of ${this.#memoryLimit} bytes`;
        leave(new ZstashError("TIMEOUT", `Cannot start a stream: waited ${WAIT_MS} ms while ${holders}`));
      }, WAIT_MS);
      signal?.addEventListener("abort", onAbort);
      const waiter: Waiter = {
        estimate,
        grant: () => {
          stopWaiting();
          try {
            resolve(this.#take(estimate));
          } catch (error) {
            reject(error);
          }
        },
      };
      this.#waiters.push(waiter);
    });
  }
}
