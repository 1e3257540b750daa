import { loadModule as loadPackagedModule } from "#wasm/decoder";
import { wasmEngine } from "../engine/wasm.ts";
import { createDecoder, type Decoder } from "./decoder.ts";
import { compileModule, type ModuleSource } from "./module.ts";

/** Options of `loadDecoder`. */
export interface LoadDecoderOptions {
  /** The compiled `zstash-decoder.wasm` or its bytes, for whoever brings them; default: what the package's conditions choose. */
  readonly module?: ModuleSource;
}

let shared: Promise<Decoder> | undefined;

/**
 * Loads the decoder alone: one shared instance without options, a new one with. A failed load can be tried again.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE
 * @example
 * ```ts
 * import { loadDecoder } from "zstash/decode";
 *
 * const decoder = await loadDecoder();
 * const text = decoder.decompressText(frame);
 * ```
 */
export function loadDecoder(options?: LoadDecoderOptions): Promise<Decoder> {
  if (options?.module !== undefined) {
    const { module } = options;
    return load(() => compileModule(module));
  }
  shared ??= load(loadPackagedModule).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function load(loadModule: () => Promise<WebAssembly.Module>): Promise<Decoder> {
  return createDecoder(await wasmEngine(loadModule)());
}
