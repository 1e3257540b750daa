import { ZstashError } from "../errors.ts";
import type { DecodePlan, Engine, EngineCompressParameters, EngineFactory } from "./engine.ts";
import { WasmInstance } from "./instance.ts";

/** An instance that has grown past this is dropped after the call: linear memory never shrinks. */
const HIGH_WATER_MARK = 64 << 20;

/** Makes the factory of engines over a compiled zstash module. */
export function wasmEngine(load: () => Promise<WebAssembly.Module>): EngineFactory {
  return async () => {
    try {
      return new WasmEngine(await load());
    } catch (cause) {
      if (cause instanceof TypeError && cause.message.startsWith('"module"')) throw cause;
      throw new ZstashError(
        "WASM_UNAVAILABLE",
        "Cannot load zstd: WebAssembly did not compile or start; " +
          'pass the module yourself (`loadZstd({ module })` with "zstash/zstash.wasm"), ' +
          "and where a content security policy is in force allow 'wasm-unsafe-eval'",
        { cause },
      );
    }
  };
}

/** One-shot coding on one instance, replaced when it has trapped or grown too large. */
class WasmEngine implements Engine {
  readonly #module: WebAssembly.Module;
  #instance: WasmInstance | undefined;

  constructor(module: WebAssembly.Module) {
    this.#module = module;
    this.#instance = new WasmInstance(module);
  }

  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array {
    return this.#run((instance) => instance.compress(source, parameters));
  }

  decompress(plan: DecodePlan, into?: Uint8Array): Uint8Array {
    return this.#run((instance) => instance.decompress(plan, into));
  }

  decompressText(plan: DecodePlan): string {
    return this.#run((instance) => instance.decompressText(plan));
  }

  #run<T>(work: (instance: WasmInstance) => T): T {
    const instance = (this.#instance ??= new WasmInstance(this.#module));
    try {
      return work(instance);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      // A trap leaves the C heap in an unknown state.
      this.#instance = undefined;
      throw new ZstashError("INTERNAL", "Cannot go on: the WebAssembly module trapped", { cause: error });
    } finally {
      if (instance.memorySize > HIGH_WATER_MARK) this.#instance = undefined;
    }
  }
}
