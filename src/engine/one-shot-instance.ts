import { trapped } from "./trapped.ts";

/** An instance that has grown past this is dropped after the call: linear memory never shrinks. */
const HIGH_WATER_MARK = 64 << 20;

/** The one instance for one-shot work, made anew after a trap and after a call that made it grow too large. */
export class OneShotInstance<T extends { readonly memorySize: number }> {
  readonly #create: () => T;
  #current: T | undefined;

  /** Makes the first at once, so that a module which does not start fails the load. */
  constructor(create: () => T) {
    this.#create = create;
    this.#current = create();
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.#current?.memorySize ?? 0;
  }

  run<R>(work: (current: T) => R): R {
    const current = (this.#current ??= this.#create());
    try {
      return work(current);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.#current = undefined;
      throw trapped(error);
    } finally {
      if (current.memorySize > HIGH_WATER_MARK) this.#current = undefined;
    }
  }
}
