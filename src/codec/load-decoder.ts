import { loadModule as loadPackagedModule } from "#wasm/decoder";
import { wasmEngine } from "../engine/wasm.ts";
import { createDecoder, type Decoder } from "./decoder.ts";
import type { Dictionary } from "./dictionary.ts";
import { compileModule, type ModuleSource } from "./module.ts";
import { Pace } from "./pace.ts";
import { readDictionaries } from "./parameters.ts";

/** Options of `loadDecoder`. */
export interface LoadDecoderOptions {
  /** The compiled `zstash-decoder.wasm` or its bytes, for whoever brings them; default: what the package's conditions choose. */
  readonly module?: ModuleSource;
  /** Dictionaries to decompress with, found by the id in a frame's header. */
  readonly dictionaries?: readonly Dictionary[];
}

/** Linear memory of all decompression streams together: seven windows of the largest size that is accepted. */
const MEMORY_LIMIT = 64 << 20;

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
export function loadDecoder(options: LoadDecoderOptions = {}): Promise<Decoder> {
  const { module, dictionaries } = options;
  if (module !== undefined) return load(() => compileModule(module), dictionaries);
  if (dictionaries !== undefined) return load(loadPackagedModule, dictionaries);
  shared ??= load(loadPackagedModule, undefined).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function load(
  loadModule: () => Promise<WebAssembly.Module>,
  dictionaries: readonly Dictionary[] | undefined,
): Promise<Decoder> {
  const byId = readDictionaries(dictionaries);
  return createDecoder(await wasmEngine(loadModule)({ memoryLimit: MEMORY_LIMIT }), new Pace(), byId);
}
