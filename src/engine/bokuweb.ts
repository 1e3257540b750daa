/**
 * "zstash/bokuweb": an engine based on the package `@bokuweb/zstd-wasm`, for programs that ship that module already.
 */
import * as peer from "@bokuweb/zstd-wasm";
import { ZstashError } from "../errors.ts";
import { readUtf8, utf8Encoder } from "../text.ts";
import type { CompressSettings, DecodePlan, Engine, EngineFactory } from "./engine.ts";
import { DST_SIZE_TOO_SMALL, isZstdError, toDecodeError, toZstashError, unreadText } from "./zstd-errors.ts";

export type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
export type { FrameExtent, FrameHeader } from "../format/frame.ts";
export type {
  CompressionContext,
  CompressionParameters,
  CompressSettings,
  CompressStreamSettings,
  DecodePlan,
  DecoderEngine,
  DecompressContextSettings,
  DecompressionContext,
  EndDirective,
  Engine,
  EngineFactory,
  EngineSettings,
  EngineStats,
  StreamStep,
} from "./engine.ts";

/**
 * The engine based on the package `@bokuweb/zstd-wasm`, an optional peer dependency. It handles whole values, and
 * writes no checksums.
 *
 * The package's own decoder allocates what a frame header declares, and assumes 1 MB for frames of unknown size. Here
 * every frame is found, limited and passed on alone. Asking for a checksum is UNSUPPORTED.
 *
 * @throws {ZstashError} WASM_UNAVAILABLE if the package cannot load its module
 * @example
 * ```ts
 * import { loadZstd } from "zstash";
 * import { bokuweb } from "zstash/bokuweb";
 *
 * const zstd = await loadZstd({ engine: bokuweb });
 * zstd.decompressText(zstd.compress("to be or not to be")); // → "to be or not to be"
 * ```
 */
export const bokuweb: EngineFactory = async () => {
  try {
    await peer.init();
  } catch (cause) {
    throw new ZstashError(
      "WASM_UNAVAILABLE",
      "Cannot load zstd: @bokuweb/zstd-wasm did not load its own module; leave the engine option out to use zstash's",
      { cause },
    );
  }
  return engine;
};

const engine: Engine = {
  compress(source: Uint8Array | string, settings: CompressSettings): Uint8Array<ArrayBuffer> {
    const { level, checksum, dictionary, prefix, parameters } = settings;
    if (checksum === true) throw unsupported("write a checksum");
    if (dictionary !== undefined) throw unsupported("compress with a registered dictionary");
    if (prefix !== undefined) throw unsupported("compress with a prefix");
    if (parameters !== undefined) throw unsupported("take advanced parameters");
    const bytes = typeof source === "string" ? utf8Encoder.encode(source) : source;
    return call(
      "compress",
      () => peer.compress(bytes, level),
      (code) => toZstashError(code, "compress"),
    );
  },
  decompress<Memory extends ArrayBufferLike>(
    plan: DecodePlan,
    into?: Uint8Array<Memory>,
  ): Uint8Array<Memory> {
    // Without `into`, `Memory` is the type of a new array's memory.
    return decode(plan, into ?? (new Uint8Array(plan.capacity) as Uint8Array as Uint8Array<Memory>));
  },
  decompressText(plan) {
    const content = decode(plan, new Uint8Array(plan.capacity));
    const text = readUtf8(content);
    if (text === undefined) throw unreadText(content);
    return text;
  },
  openCompression: () => Promise.reject(unsupported("stream")),
  openDecompression: () => Promise.reject(unsupported("stream")),
  stats: () => ({ live: 0, idle: 0, waiters: 0, memory: 0 }),
};

function unsupported(what: string): ZstashError {
  return new ZstashError("UNSUPPORTED", `Cannot ${what}: @bokuweb/zstd-wasm does not`);
}

function decode<Memory extends ArrayBufferLike>(
  { data, frames, capacity, prefix }: DecodePlan,
  into: Uint8Array<Memory>,
): Uint8Array<Memory> {
  if (prefix !== undefined) throw unsupported("decompress with a prefix");
  let filled = 0;
  let frame = -1;
  for (const { start, end, header, bound } of frames) {
    frame += 1;
    if (header.type === "skippable") continue;
    if (header.dictionaryId !== 0) throw unsupported("decompress with a registered dictionary");
    // Passed on only if the header has no size; a declared size has been checked against the limit.
    const defaultHeapSize = Math.min(capacity - filled, header.contentSize ?? bound);
    const fits = (header.contentSize ?? bound) <= capacity - filled;
    const output = call(
      "decompress",
      () => peer.decompress(data.subarray(start, end), { defaultHeapSize }),
      (code) => toDecodeError(code, fits, { frame, offset: start }),
    );
    if (output.length > into.length - filled) throw toZstashError(DST_SIZE_TOO_SMALL, "decompress");
    into.set(output, filled);
    filled += output.length;
  }
  return into.subarray(0, filled);
}

/** Calls the peer. The only trace of zstd's error code is the number in its message. */
function call(
  operation: string,
  work: () => Uint8Array,
  toError: (code: number) => Error,
): Uint8Array<ArrayBuffer> {
  try {
    // The peer copies its result out of linear memory.
    return work() as Uint8Array<ArrayBuffer>;
  } catch (cause) {
    const code = Number(/code (-\d+)/.exec(cause instanceof Error ? cause.message : "")?.[1]);
    if (isZstdError(code)) throw toError(code);
    throw new ZstashError("INTERNAL", `Cannot ${operation}: @bokuweb/zstd-wasm failed`, { cause });
  }
}
