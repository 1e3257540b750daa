import { loadModule as loadPackagedModule } from "#wasm/full";
import type { Engine, EngineFactory } from "../engine/engine.ts";
import { wasmEngine } from "../engine/wasm.ts";
import { createDecoder, type Decoder } from "./decoder.ts";
import { compileModule, type ModuleSource } from "./module.ts";
import { describe, readCompressOptions, type CompressOptions } from "./parameters.ts";

export type { Engine, EngineFactory };

/** Compression and decompression over one engine. All methods are synchronous; one that throws leaves it usable. */
export interface Zstd extends Decoder {
  /**
   * Makes one frame that declares its content size and carries a checksum; a string is encoded as UTF-8 straight
   * into WebAssembly memory (lone surrogates as U+FFFD).
   *
   * The bytes equal those of zstd 1.5.7's ZSTD_compress2 at the same level. They may differ in a later version:
   * never compare or hash compressed bytes.
   *
   * @throws {ZstashError} OUT_OF_MEMORY
   * @example
   * ```ts
   * const frame = zstd.compress(JSON.stringify(value), { level: 1 });
   * ```
   */
  compress(data: Uint8Array | string, options?: CompressOptions): Uint8Array;
}

/** Options of `loadZstd`. */
export interface LoadOptions {
  /** The compiled `zstash.wasm` or its bytes, for whoever brings them; default: what the package's conditions choose. */
  readonly module?: ModuleSource;
  /** Another implementation of zstd, such as `bokuweb` of "zstash/bokuweb"; not together with `module`. */
  readonly engine?: EngineFactory;
}

let shared: Promise<Zstd> | undefined;

/**
 * Loads zstd: one shared instance without options, a new one with.
 *
 * A failed load rejects with WASM_UNAVAILABLE and can be tried again.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE
 * @example
 * ```ts
 * import { loadZstd } from "zstash";
 *
 * const zstd = await loadZstd();
 * const frame = zstd.compress("to be or not to be");
 * ```
 */
export function loadZstd(options: LoadOptions = {}): Promise<Zstd> {
  const { module, engine } = options;
  if (module !== undefined && engine !== undefined) {
    return Promise.reject(new TypeError('"module" and "engine" exclude each other'));
  }
  if (engine !== undefined) return createZstd(engine);
  if (module !== undefined) return createZstd(wasmEngine(() => compileModule(module)));
  shared ??= createZstd(wasmEngine(loadPackagedModule)).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function createZstd(factory: EngineFactory): Promise<Zstd> {
  const engine: Engine = await factory();
  return {
    ...createDecoder(engine),
    compress(data, options) {
      if (typeof data !== "string" && !(data instanceof Uint8Array)) {
        throw new TypeError(`"data" must be a Uint8Array or a string, got ${describe(data)}`);
      }
      return engine.compress(data, readCompressOptions(options));
    },
  };
}
