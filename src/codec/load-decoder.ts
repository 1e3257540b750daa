import { loadModule as loadPackagedModule } from "#wasm/decoder";
import { createDecoderEngine } from "../engine/wasm-decoder.ts";
import { createOneShotDecoder, type Decoder } from "./decoder.ts";
import type { Dictionary } from "./dictionary.ts";
import { loadedStream } from "./loaded-stream.ts";
import { readStreamMemory, type StreamMemoryOptions } from "./stream-memory.ts";
import { compileModule, type ModuleSource } from "./module.ts";
import { readDecompressStreamOptions, type DecompressStreamOptions } from "./parameters.ts";

/** Options of `loadDecoder`. */
export interface LoadDecoderOptions extends StreamMemoryOptions {
  /** The compiled `zstash-decoder.wasm` or its bytes, for whoever brings them; default: what the package's conditions choose. */
  readonly module?: ModuleSource;
  /** Dictionaries to decompress with, found by the id in a frame's header. */
  readonly dictionaries?: readonly Dictionary[];
}

const none: ReadonlyMap<number, Dictionary> = new Map();

let shared: Promise<Decoder> | undefined;

/**
 * Loads the decoder alone: one shared instance without options, a new one with. A failed load can be tried again.
 * The code of streams and ranges is loaded with the first of them.
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
  const { module } = options;
  if (module !== undefined) return load(() => compileModule(module), options);
  if (Object.values(options).some((option) => option !== undefined)) return load(loadPackagedModule, options);
  shared ??= load(loadPackagedModule, options).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function load(
  loadModule: () => Promise<WebAssembly.Module>,
  options: LoadDecoderOptions,
): Promise<Decoder> {
  const memory = readStreamMemory(options);
  const { dictionaries } = options;
  const byId =
    dictionaries === undefined ? none : (await import("./dictionaries.ts")).readDictionaries(dictionaries);
  const engine = await createDecoderEngine(loadModule, memory);
  const decoder = {
    ...createOneShotDecoder(engine, byId),
    decompressStream(options?: DecompressStreamOptions): TransformStream<Uint8Array, Uint8Array> {
      const limits = readDecompressStreamOptions(options);
      const input = new TransformStream<Uint8Array, Uint8Array>();
      const readable = loadedStream(
        async () => {
          const { createDecompressStream } = await import("./decompress-stream.ts");
          return input.readable.pipeThrough(createDecompressStream(engine, byId, limits));
        },
        (reason) => input.readable.cancel(reason),
      );
      return { readable, writable: input.writable };
    },
  };
  return {
    ...decoder,
    decompressRange: (source, start, end, options) =>
      loadedStream(async () => {
        const { createRangeReader } = await import("./seekable.ts");
        return createRangeReader(decoder)(source, start, end, options);
      }),
  };
}
