import { ZstashError } from "../errors.ts";
import type {
  CompressionContext,
  DecodePlan,
  DecompressionContext,
  Engine,
  EngineCompressParameters,
  EngineFactory,
  EngineStats,
  EngineStreamParameters,
} from "./engine.ts";
import { toLoadError } from "./load-error.ts";
import { OneShot } from "./one-shot.ts";
import { InstancePool } from "./pool.ts";
import { INSTANCE_OVERHEAD, StreamInstance } from "./stream-instance.ts";

/** The one-shot instance is dropped after a call that made it grow past this: linear memory never shrinks. */
const HIGH_WATER_MARK = 64 << 20;
/** A ZSTD_DCtx, and the two blocks that a decompression stream keeps beside its window. */
const DECOMPRESSION_OVERHEAD = (96 << 10) + (256 << 10);

/** Makes the factory of engines over a compiled zstash module. */
export function wasmEngine(load: () => Promise<WebAssembly.Module>): EngineFactory {
  return async ({ memoryLimit }) => {
    try {
      return new WasmEngine(await load(), memoryLimit);
    } catch (cause) {
      throw toLoadError(cause);
    }
  };
}

/** One instance for one-shot work, a pool of instances for streams. */
class WasmEngine implements Engine {
  readonly #module: WebAssembly.Module;
  readonly #pool: InstancePool<StreamInstance>;
  /** Gives back what a stream held that nobody refers to any more; workerd has it from compatibility date 2025-05-05. */
  readonly #abandoned: FinalizationRegistry<Held> | undefined;
  #oneShot: OneShot | undefined;

  constructor(module: WebAssembly.Module, memoryLimit: number) {
    this.#module = module;
    this.#oneShot = new OneShot(module);
    this.#pool = new InstancePool(() => new StreamInstance(module), memoryLimit);
    const pool = this.#pool;
    if (typeof FinalizationRegistry === "function") {
      this.#abandoned = new FinalizationRegistry(({ instance, usable }) => pool.release(instance, usable));
    }
  }

  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array {
    return this.#run((oneShot) => oneShot.compress(source, parameters));
  }

  decompress(plan: DecodePlan, into?: Uint8Array): Uint8Array {
    return this.#run((oneShot) => oneShot.decompress(plan, into));
  }

  decompressText(plan: DecodePlan): string {
    return this.#run((oneShot) => oneShot.decompressText(plan));
  }

  async openCompression(
    parameters: EngineStreamParameters,
    signal: AbortSignal,
  ): Promise<CompressionContext> {
    const estimate = this.#run((oneShot) => oneShot.estimateStream(parameters));
    const held = await this.#hold(INSTANCE_OVERHEAD + estimate, signal);
    const { instance } = held;
    const context: CompressionContext = {
      step: (input, directive) => guard(held, () => instance.compressStep(input, directive)),
      begin: (contentSize) => guard(held, () => instance.beginFrame(contentSize)),
      release: () => this.#release(context, held),
    };
    this.#start(context, held, () => guard(held, () => instance.startCompression(parameters)));
    return context;
  }

  async openDecompression(
    windowSize: number,
    maxWindowLog: number,
    signal: AbortSignal,
  ): Promise<DecompressionContext> {
    const estimate = INSTANCE_OVERHEAD + DECOMPRESSION_OVERHEAD + Math.min(windowSize, 2 ** maxWindowLog);
    const held = await this.#hold(estimate, signal);
    const { instance } = held;
    const context: DecompressionContext = {
      step: (input) => guard(held, () => instance.decompressStep(input)),
      begin: (dictionary) => guard(held, () => instance.chooseDictionary(dictionary)),
      release: () => this.#release(context, held),
    };
    this.#start(context, held, () => guard(held, () => instance.startDecompression(maxWindowLog)));
    return context;
  }

  stats(): EngineStats {
    const { live, idle, waiters, memory } = this.#pool.stats();
    return { live, idle, waiters, memory: memory + (this.#oneShot?.memorySize ?? 0) };
  }

  async #hold(estimate: number, signal: AbortSignal): Promise<Held> {
    return { instance: await this.#pool.acquire(estimate, signal), usable: true };
  }

  #start(context: object, held: Held, start: () => void): void {
    try {
      start();
    } catch (error) {
      this.#release(context, held);
      throw error;
    }
    this.#abandoned?.register(context, held, context);
  }

  #release(context: object, { instance, usable }: Held): void {
    this.#abandoned?.unregister(context);
    this.#pool.release(instance, usable);
  }

  #run<T>(work: (oneShot: OneShot) => T): T {
    const oneShot = (this.#oneShot ??= new OneShot(this.#module));
    try {
      return work(oneShot);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      // A trap leaves the C heap in an unknown state.
      this.#oneShot = undefined;
      throw trapped(error);
    } finally {
      if (oneShot.memorySize > HIGH_WATER_MARK) this.#oneShot = undefined;
    }
  }
}

/** An instance that a stream holds; no longer usable once it has trapped. */
interface Held {
  readonly instance: StreamInstance;
  usable: boolean;
}

function guard<T>(held: Held, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    held.usable = false;
    throw trapped(error);
  }
}

function trapped(cause: WebAssembly.RuntimeError): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the WebAssembly module trapped", { cause });
}
