/** Options of decompression: their types, defaults and ranges, and the settings that they give. */
import { describe, requireBytes, requireInteger, requireOptions } from "../check.ts";
import type { Pacing } from "../engine/engine.ts";
import type { DictionaryLookup } from "../format/dictionary.ts";
import type { SeekTable } from "../format/seek-table.ts";
import {
  DEFAULT_MAX_SIZE,
  DEFAULT_MAX_WINDOW_LOG,
  RANGE_READ_SIZE,
  WINDOW_LOG_MAX,
  WINDOW_LOG_MIN,
} from "../limits.ts";
import { requireLookup } from "./dictionaries.ts";
import { pacingOf } from "./pacing.ts";

/** Options of one-shot decompression. */
export interface DecompressOptions<Memory extends ArrayBufferLike = ArrayBuffer> {
  /**
   * The most bytes of output; more is SIZE_LIMIT before anything of that size is allocated. Default 32 MiB, and no
   * limit for streams.
   */
  readonly maxSize?: number;
  /**
   * Decode into this array and return the filled part of it. An output that does not fit is SIZE_LIMIT. Only for
   * whole values, not for streams.
   */
  readonly into?: Uint8Array<Memory>;
  /**
   * Raw content that the frames were compressed with: by `prefix`, by `zstd --patch-from`, or by `zstd -D` with a
   * plain file.
   */
  readonly prefix?: Uint8Array;
  /**
   * Dictionaries for this call, such as a Map by id. They take precedence over those that the codec was loaded with.
   */
  readonly dictionaries?: DictionaryLookup | undefined;
}

/** Options of a decompression stream. */
export interface DecompressStreamOptions extends Pick<
  DecompressOptions,
  "maxSize" | "prefix" | "dictionaries"
> {
  /** log2 of the largest window to accept, 10…30; a frame that needs more is WINDOW_LIMIT. Default 23 (8 MiB). */
  readonly maxWindowLog?: number;
}

/** Bytes that can be read in parts: a Redis string by GETRANGE, a file, a Blob, an HTTP resource. */
export interface RangeSource {
  /** Its size in bytes, which must not change while it is read. */
  readonly size: number;
  /** Reads the bytes `[start, end)`, exactly. `end` is never more than `size`. Should stop when `signal` is aborted. */
  read(start: number, end: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
}

/** Options of `decompressRange`. */
export interface RangeOptions {
  /** The source's seek table from an earlier `readSeekTable`, which saves reading it again. */
  readonly seekTable?: SeekTable;
  /** The most bytes of one read; up to two reads are held. A single larger frame is read at once. Default 1 MiB. */
  readonly readSize?: number;
  /**
   * The most bytes of a frame, both compressed and decompressed; more is SIZE_LIMIT before it is read. Default 32
   * MiB.
   */
  readonly maxFrameSize?: number;
  /** Dictionaries for this call, as for `decompress`. */
  readonly dictionaries?: DictionaryLookup | undefined;
  /** Stops a running read and errors the stream. */
  readonly signal?: AbortSignal | undefined;
}

/** Settings of a one-shot decompression. */
export interface DecompressSettings<Memory extends ArrayBufferLike> {
  /** The smaller of the option and the room in `into`. */
  readonly maxSize: number;
  readonly into: Uint8Array<Memory> | undefined;
  readonly prefix: Uint8Array | undefined;
  readonly dictionaries: DictionaryLookup | undefined;
}

/** Settings of a decompression stream. */
export type DecompressStreamSettings = Required<Omit<DecompressStreamOptions, "prefix" | "dictionaries">> & {
  readonly prefix: Uint8Array | undefined;
  readonly dictionaries: DictionaryLookup | undefined;
  readonly pacing: Pacing;
};

const textNames: readonly string[] = ["maxSize", "prefix", "dictionaries"];
const bytesNames: readonly string[] = [...textNames, "into"];
const streamNames: readonly string[] = [...textNames, "maxWindowLog"];

const defaults: DecompressSettings<never> = {
  maxSize: DEFAULT_MAX_SIZE,
  into: undefined,
  prefix: undefined,
  dictionaries: undefined,
};

/** Reads the options of `decompress`. */
export function readDecompressOptions<Memory extends ArrayBufferLike>(
  options: DecompressOptions<Memory> | undefined,
): DecompressSettings<Memory> {
  if (options === undefined) return defaults;
  requireOptions(options, bytesNames);
  const { into, prefix } = options;
  if (prefix !== undefined) requireBytes(prefix, "prefix");
  if (into !== undefined) requireBytes(into, "into");
  const room = into === undefined ? DEFAULT_MAX_SIZE : into.length;
  const { maxSize = room } = options;
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  const { dictionaries } = options;
  if (dictionaries !== undefined) requireLookup(dictionaries);
  return {
    maxSize: into === undefined ? maxSize : Math.min(maxSize, room),
    into,
    prefix,
    dictionaries,
  };
}

/** Reads the options of `decompressText`. */
export function readTextOptions(
  options: Omit<DecompressOptions, "into"> | undefined,
): Omit<DecompressSettings<ArrayBuffer>, "into"> {
  if (options === undefined) return defaults;
  requireOptions(options, textNames);
  const { maxSize = DEFAULT_MAX_SIZE, prefix, dictionaries } = options;
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  if (prefix !== undefined) requireBytes(prefix, "prefix");
  if (dictionaries !== undefined) requireLookup(dictionaries);
  return { maxSize, prefix, dictionaries };
}

/** Reads the options of `decompressStream`. */
export function readDecompressStreamOptions(options: DecompressStreamOptions = {}): DecompressStreamSettings {
  requireOptions(options, streamNames);
  const { maxSize = Number.MAX_SAFE_INTEGER, maxWindowLog = DEFAULT_MAX_WINDOW_LOG, prefix } = options;
  if (prefix !== undefined) requireBytes(prefix, "prefix");
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("maxWindowLog", maxWindowLog, WINDOW_LOG_MIN, WINDOW_LOG_MAX);
  const { dictionaries } = options;
  if (dictionaries !== undefined) requireLookup(dictionaries);
  return {
    maxSize,
    maxWindowLog,
    // A copy: a stream may read it long after the caller has changed the array.
    prefix: prefix === undefined ? undefined : new Uint8Array(prefix),
    dictionaries,
    pacing: pacingOf(options),
  };
}

/** The arguments of `decompressRange`, checked. */
export interface RangeSettings {
  readonly source: RangeSource;
  readonly start: number;
  readonly end: number;
  readonly settings: { readonly readSize: number; readonly maxFrameSize: number };
  readonly seekTable: SeekTable | undefined;
  readonly dictionaries: DictionaryLookup | undefined;
  readonly signal: AbortSignal | undefined;
}

const rangeNames: readonly string[] = ["seekTable", "readSize", "maxFrameSize", "dictionaries", "signal"];

/**
 * Reads the arguments of `decompressRange`, with their defaults.
 *
 * @throws {TypeError | RangeError} that names the argument
 */
export function readRangeArguments(
  source: RangeSource,
  start: number,
  end: number = Number.MAX_SAFE_INTEGER,
  options: RangeOptions = {},
): RangeSettings {
  requireSource(source);
  requireInteger("start", start, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("end", end, 0, Number.MAX_SAFE_INTEGER);
  if (end < start) throw new RangeError(`"end" must not lie before "start" at ${start}, got ${end}`);
  requireOptions(options, rangeNames);
  const { seekTable, readSize = RANGE_READ_SIZE, maxFrameSize = DEFAULT_MAX_SIZE, signal } = options;
  requireInteger("readSize", readSize, 1, Number.MAX_SAFE_INTEGER);
  requireInteger("maxFrameSize", maxFrameSize, 1, Number.MAX_SAFE_INTEGER);
  if (seekTable !== undefined) requireTable(seekTable, source.size);
  const { dictionaries } = options;
  if (dictionaries !== undefined) requireLookup(dictionaries);
  return { source, start, end, settings: { readSize, maxFrameSize }, seekTable, dictionaries, signal };
}

/** Throws unless the argument has the shape of a source. */
export function requireSource(source: unknown): asserts source is RangeSource {
  if (typeof source !== "object" || source === null || typeof (source as RangeSource).read !== "function") {
    throw new TypeError(`"source" must have a size and a read function, got ${describe(source)}`);
  }
  requireInteger("source.size", (source as RangeSource).size, 0, Number.MAX_SAFE_INTEGER);
}

function requireTable(table: unknown, sourceSize: number): void {
  const { find, frame, compressedSize } = (table ?? {}) as Partial<SeekTable>;
  if (typeof find !== "function" || typeof frame !== "function" || typeof compressedSize !== "number") {
    throw new TypeError(`"seekTable" must be what readSeekTable returns, got ${describe(table)}`);
  }
  if (compressedSize > sourceSize) {
    throw new RangeError(
      `"seekTable" must be of this source of ${sourceSize} bytes, got one of ${compressedSize}`,
    );
  }
}
