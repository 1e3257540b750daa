/** `loadZstd` and the public `Zstd`: compression and decompression with the packaged module or another engine. */
import { unitAccess } from "#host";
import { loadModule as loadPackagedModule, moduleAtHand } from "#wasm/full";
import { isBytes } from "../bytes.ts";
import { describe, requireBytes, requireOptions } from "../check.ts";
import type { Engine, EngineFactory, EngineStats } from "../engine/engine.ts";
import { createEngine, createEngineOver } from "../engine/wasm.ts";
import { wideTextOf, type MakeWideText } from "../engine/wide-text.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { ByteTransform } from "../streams.ts";
import { createFrameStream } from "./bounded-frames.ts";
import {
  readCompressOptions,
  type CompressFramesOptions,
  type CompressOptions,
  type CompressStreamOptions,
} from "./compress-options.ts";
import { createCompressStream } from "./compress-stream.ts";
import { createOneShotDecoder, type Decoder } from "./decoder.ts";
import { readDecompressStreamOptions, type DecompressStreamOptions } from "./decompress-options.ts";
import { readDictionaries, type Dictionaries } from "./dictionaries.ts";
import { readModule, type ModuleSource } from "./module.ts";
import { createDecompressStream } from "./decompress-stream.ts";
import { createRangeReader } from "./range.ts";
import { Pace } from "./pace.ts";
import { timedDecoder, timedEngine } from "./stopwatch.ts";
import { readStreamMemory, streamMemoryNames, type StreamMemoryOptions } from "./stream-memory.ts";

export type {
  CompressionContext,
  CompressSettings,
  CompressStreamSettings,
  DecodePlan,
  DecompressContextSettings,
  DecoderEngine,
  DecompressionContext,
  EndDirective,
  Engine,
  EngineFactory,
  EngineSettings,
  EngineStats,
  StreamStep,
} from "../engine/engine.ts";

/**
 * Compression and decompression with one engine. All methods are synchronous; the codec stays usable after one that
 * throws.
 */
export interface Zstd extends Decoder {
  /**
   * Compresses bytes or text into one frame that declares its content size and has a checksum. A string is encoded as
   * UTF-8 directly into WebAssembly memory (lone surrogates as U+FFFD).
   *
   * The bytes equal those of zstd 1.5.7's ZSTD_compress2 at the same level. They may differ in a later version:
   * never compare or hash compressed bytes.
   *
   * @throws {ZstashError} OUT_OF_MEMORY
   * @example
   * ```ts
   * const frame = zstd.compress("to be or not to be", { level: 9 });
   * zstd.decompressText(frame); // → "to be or not to be"
   * ```
   */
  compress(data: Uint8Array | string, options?: CompressOptions): Uint8Array<ArrayBuffer>;
  /**
   * Makes a stream that compresses, in bounded memory and with backpressure. It takes a context with its first chunk.
   *
   * @throws {ZstashError} in the stream: TIMEOUT (no context within 30 s), OUT_OF_MEMORY; RangeError if the input
   * does not have `contentSize` bytes
   * @example
   * ```ts
   * const frame = blob.stream().pipeThrough(zstd.compressStream({ contentSize: blob.size }));
   * await new Response(frame.pipeThrough(zstd.decompressStream())).text(); // → "to be or not to be"
   * ```
   */
  compressStream(options?: CompressStreamOptions): ByteTransform;
  /**
   * Makes a stream in which each chunk is one whole frame of at most `maxFrameSize` bytes, for any input. Each frame
   * decodes alone.
   *
   * @throws {ZstashError} in the stream: OUT_OF_MEMORY
   * @example
   * ```ts
   * const frames = blob.stream().pipeThrough(zstd.compressFrames({ maxFrameSize: segmentSize({ mtu: 1500 }) }));
   * let largest = 0;
   * for await (const frame of frames) largest = Math.max(largest, frame.length);
   * largest <= 1390; // → true
   * ```
   */
  compressFrames(options: CompressFramesOptions): ByteTransform;
  /**
   * The contexts of streams and the linear memory in bytes, for metrics and tests.
   *
   * @example
   * ```ts
   * const { live, waiters } = zstd.stats();
   * [live, waiters]; // → [0, 0]
   * ```
   */
  stats(): ZstdStats;
}

/** The contexts of streams and the linear memory in bytes. */
export type ZstdStats = EngineStats;

/** Options of `loadZstd`. */
export interface LoadOptions extends StreamMemoryOptions {
  /**
   * The compiled `zstash.wasm` or its bytes, for callers that load modules themselves. Default: the module that the
   * package's conditions choose.
   */
  readonly module?: ModuleSource;
  /** Another implementation of zstd, such as `bokuweb` of "zstash/bokuweb". Cannot be combined with `module`. */
  readonly engine?: EngineFactory;
  /** Dictionaries to decompress with, selected by the id in a frame's header. */
  readonly dictionaries?: readonly Dictionary[];
}

const loadNames: readonly string[] = ["module", "engine", "dictionaries", ...streamMemoryNames];

const makeWideText: MakeWideText | undefined =
  unitAccess && ((exports, memory) => wideTextOf(exports, memory, unitAccess));

let shared: Promise<Zstd> | undefined;
let atHand: Zstd | undefined;

/**
 * Returns the shared instance at once, if the runtime provides the compiled module (Workers, edge functions): a first
 * call there waits for nothing. Undefined elsewhere, and if it does not start: `loadZstd` then tells why.
 */
export function zstdAtHand(): Zstd | undefined {
  if (atHand !== undefined || moduleAtHand === undefined) return atHand;
  try {
    const memory = readStreamMemory({});
    return (atHand = createZstd(
      createEngineOver(moduleAtHand, memory, makeWideText),
      readDictionaries(undefined),
    ));
  } catch {
    return undefined;
  }
}

/**
 * Loads zstd: without options one shared instance, with options a new one.
 *
 * A failed load rejects with WASM_UNAVAILABLE and can be tried again.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE
 * @example
 * ```ts
 * import { loadZstd } from "zstash";
 *
 * const zstd = await loadZstd();
 * zstd.decompressText(zstd.compress("to be or not to be")); // → "to be or not to be"
 * ```
 */
export async function loadZstd(options: LoadOptions = {}): Promise<Zstd> {
  requireOptions(options, loadNames);
  const { module, engine } = options;
  if (module !== undefined && engine !== undefined) {
    throw new TypeError('"module" and "engine" exclude each other');
  }
  if (engine !== undefined) return load(engine, options);
  if (module !== undefined) return load(createEngine(readModule(module), makeWideText), options);
  if (Object.values(options).some((option) => option !== undefined)) {
    return load(createEngine(loadPackagedModule, makeWideText), options);
  }
  const there = zstdAtHand();
  if (there !== undefined) return there;
  shared ??= load(createEngine(loadPackagedModule, makeWideText), options).catch((error: unknown) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

async function load(factory: EngineFactory, options: LoadOptions): Promise<Zstd> {
  const memory = readStreamMemory(options);
  const dictionaries = readDictionaries(options.dictionaries);
  return createZstd(await factory(memory), dictionaries);
}

function createZstd(engine: Engine, dictionaries: Dictionaries): Zstd {
  const pace = new Pace();
  const resources = { engine, dictionaries, pace };
  const decoder = {
    ...createOneShotDecoder(engine, dictionaries),
    decompressStream: (options?: DecompressStreamOptions): ByteTransform =>
      createDecompressStream(
        { ...resources, engine: timedEngine(engine, options) },
        readDecompressStreamOptions(options),
      ),
  };
  return {
    ...decoder,
    decompressRange: (source, start, end, options) =>
      createRangeReader(timedDecoder(decoder, options), pace)(source, start, end, options),
    compress(data, options) {
      if (typeof data !== "string") {
        if (!isBytes(data)) {
          throw new TypeError(`"data" must be a Uint8Array or a string, got ${describe(data)}`);
        }
        requireBytes(data, "data");
      }
      return engine.compress(data, readCompressOptions(options));
    },
    compressStream: (options) => createCompressStream(timedEngine(engine, options), pace, options),
    compressFrames: (options) => createFrameStream(timedEngine(engine, options), pace, options),
    stats: () => engine.stats(),
  };
}
