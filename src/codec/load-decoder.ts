/** `loadDecoder` of "zstash/decode": only decoding, in as few bytes as whole values need. */
import { loadModule as loadPackagedModule } from "#wasm/decoder";
import { requireOptions } from "../check.ts";
import { explainFailure } from "../engine/exports.ts";
import { createOneShotDecoder as createOneShotEngine } from "../engine/one-shot.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { ByteStream, ByteTransform } from "../streams.ts";
import { createOneShotDecoder, type Decoder } from "./decoder.ts";
import {
  readDecompressStreamOptions,
  readRangeArguments,
  type DecompressStreamOptions,
} from "./decompress-options.ts";
import { readDictionaries } from "./dictionaries.ts";
import { loadedStream } from "./loaded-stream.ts";
import { readStreamMemory, streamMemoryNames, type StreamMemoryOptions } from "./stream-memory.ts";
import { readModule, type CompiledModule, type ModuleSource } from "./module.ts";

/** Options of `loadDecoder`. */
export interface LoadDecoderOptions extends StreamMemoryOptions {
  /**
   * The compiled `zstash-decoder.wasm` or its bytes, for callers that load modules themselves. Default: the module
   * that the package's conditions choose.
   */
  readonly module?: ModuleSource;
  /** Dictionaries to decompress with, selected by the id in a frame's header. */
  readonly dictionaries?: readonly Dictionary[];
}

let shared: Promise<Decoder> | undefined;

/**
 * Loads the decoder alone: without options one shared instance, with options a new one. A failed load can be tried
 * again. The code for streams and ranges is loaded at their first use.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE
 * @example
 * ```ts
 * import { loadDecoder } from "zstash/decode";
 *
 * const decoder = await loadDecoder();
 * decoder.decompressText(frame); // → '{"visits":3}'
 * ```
 */
export async function loadDecoder(options: LoadDecoderOptions = {}): Promise<Decoder> {
  requireOptions(options, ["module", "dictionaries", ...streamMemoryNames]);
  const { module } = options;
  if (module !== undefined) return load(readModule(module), options);
  if (Object.values(options).some((option) => option !== undefined)) return load(loadPackagedModule, options);
  shared ??= load(loadPackagedModule, options).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

const loadOnDemand = () => import("./on-demand/index.ts");

/** Streams and ranges of one module. */
type StreamDecoder = ReturnType<Awaited<ReturnType<typeof loadOnDemand>>["createStreamDecoder"]>;

async function load(
  loadModule: () => Promise<CompiledModule>,
  options: LoadDecoderOptions,
): Promise<Decoder> {
  const memory = readStreamMemory(options);
  const dictionaries = readDictionaries(options.dictionaries);
  const { module, oneShot } = await explainFailure(async () => {
    const loaded = await loadModule();
    return { module: loaded, oneShot: createOneShotEngine(loaded) };
  });
  let streams: StreamDecoder | undefined;
  // The promise of a load is not shared, because a load that fails is tried again.
  const loadStreams = async (): Promise<StreamDecoder> => {
    const { createStreamDecoder } = await loadOnDemand();
    return (streams ??= createStreamDecoder(module, memory, dictionaries));
  };
  const decoder = {
    ...createOneShotDecoder(oneShot, dictionaries),
    decompressStream(options?: DecompressStreamOptions): ByteTransform {
      const settings = readDecompressStreamOptions(options);
      const input = new TransformStream<Uint8Array, Uint8Array>();
      const readable = loadedStream(
        async () => {
          const { decompressStream } = await loadStreams().catch((error: unknown) => {
            // This ends a waiting writer.
            input.readable.cancel(error).catch(() => undefined);
            throw error;
          });
          return () => {
            const { readable, writable } = decompressStream(settings);
            input.readable.pipeTo(writable).catch(() => undefined);
            return readable;
          };
        },
        (reason) => input.readable.cancel(reason),
      );
      return { readable, writable: input.writable };
    },
  };
  return {
    ...decoder,
    decompressRange(source, start, end, options): ByteStream {
      // Wrong arguments are thrown here, as by the codec whose code is loaded at once.
      readRangeArguments(source, start, end, options);
      return loadedStream(async () => {
        const { createRangeReader } = await loadStreams();
        return () => createRangeReader(decoder)(source, start, end, options);
      });
    },
  };
}
