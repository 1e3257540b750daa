/** Options of the codec's methods: their types, defaults and ranges. */
import {
  describe,
  requireBoolean,
  requireBytes,
  requireInteger,
  requireLevel,
  requireOptions,
} from "../check.ts";
import type {
  CompressionParameters,
  EngineCompressParameters,
  EngineStreamParameters,
} from "../engine/engine.ts";
import type { Dictionary } from "../format/dictionary.ts";
import {
  BLOCK_SIZE_MAX,
  DEFAULT_MAX_SIZE,
  DEFAULT_MAX_WINDOW_LOG,
  FRAME_SIZE_MAX,
  WINDOW_LOG_MAX,
  WINDOW_LOG_MIN,
} from "../limits.ts";

export type { CompressionParameters };

/** Options of compression. */
export interface CompressOptions {
  /**
   * Compression level, an integer −7…22. Default 1, the fast level: on JSON level 3 costs 20–50 % more time for a
   * few percent of size, level 9 ten times the time.
   */
  readonly level?: number;
  /**
   * Append the content checksum (RFC 8878 §3.1.1). Default true: without it a third of bit flips decode to wrong
   * bytes; it costs under 4 % of compression time and 6–8 % of decompression time.
   */
  readonly checksum?: boolean;
  /** Compress with a dictionary; whoever decompresses needs it too. */
  readonly dictionary?: Dictionary;
  /** zstd's advanced parameters. Reuse one object: a new one is set anew in the context. */
  readonly parameters?: CompressionParameters;
}

/** Options of a compression stream. */
export interface CompressStreamOptions extends CompressOptions {
  /** Decompressed bytes of the whole stream: declared in the header and held to. Default: not declared. */
  readonly contentSize?: number;
  /**
   * Where blocks end, and so when a reader can decode. `"ramp"`, the default: after 1300 bytes of input, then after
   * twice as many each time, and no more past 64 KiB: the first packet decodes at once, for 0.03–0.15 % of size.
   * `"none"`: blocks of 128 KiB. A number: after every so many bytes of input, each block at most that + 3 bytes.
   */
  readonly flush?: "ramp" | "none" | number;
  /** zstd's targetCBlockSize in bytes, 1340…131072: a hint, not a bound; it makes decoding 1.2–1.5 times slower. */
  readonly targetCBlockSize?: number;
  /** Decompressed bytes a frame, 1…16 MiB; each frame declares its size. Default: one frame. Excludes `contentSize`. */
  readonly frameSize?: number;
  /** End with a seek table (Zstandard Seekable Format 0.1.0). Needs `frameSize`. Default false. */
  readonly seekTable?: boolean;
}

/** Options of one-shot decompression. */
export interface DecompressOptions {
  /**
   * The most bytes the output may have; more is SIZE_LIMIT before anything of that size is allocated. Default 32 MiB;
   * for streams no limit.
   */
  readonly maxSize?: number;
  /** Decode into this array and return its filled part; an output that does not fit is SIZE_LIMIT. One-shot only. */
  readonly into?: Uint8Array;
}

/** Options of a decompression stream. */
export interface DecompressStreamOptions extends Pick<DecompressOptions, "maxSize"> {
  /** log2 of the largest window to accept, 10…30; a frame that needs more is WINDOW_LIMIT. Default 23 (8 MiB). */
  readonly maxWindowLog?: number;
}

/**
 * An option of streams that only zstash itself gives: the whole content is in memory, and so is its destination. Such a
 * stream ends by itself soon, and waits for none that a user paces. Engines of others do not know it.
 */
export const job: unique symbol = Symbol("job");

function isJob(options: object): boolean {
  return (options as { readonly [job]?: boolean })[job] === true;
}

/** Names of options, for whoever checks them. */
export const compressNames: readonly string[] = ["level", "checksum", "dictionary", "parameters"];
const compressStreamNames: readonly string[] = [
  ...compressNames,
  "contentSize",
  "flush",
  "targetCBlockSize",
  "frameSize",
  "seekTable",
];

const defaults: EngineCompressParameters = {
  level: 1,
  checksum: undefined,
  dictionary: undefined,
  parameters: undefined,
};

/** Validated compression parameters with the defaults filled in. */
export function readCompressOptions(
  options: CompressOptions | undefined,
  names: readonly string[] = compressNames,
): EngineCompressParameters {
  if (options === undefined) return defaults;
  requireOptions(options, names);
  const { level = defaults.level, checksum, dictionary, parameters } = options;
  requireLevel(level);
  if (checksum !== undefined) requireBoolean("checksum", checksum);
  if (dictionary !== undefined) requireDictionary(dictionary, "dictionary");
  if (parameters !== undefined) requireParameters(parameters);
  return { level, checksum, dictionary, parameters };
}

/** zstd's own ranges (ZSTD_cParam_getBounds, 32 bits), but for the window: readers stop at 27. */
const parameterRanges: Readonly<Record<keyof CompressionParameters, readonly [least: number, most: number]>> =
  {
    windowLog: [10, 27],
    hashLog: [6, 30],
    chainLog: [6, 29],
    searchLog: [1, 29],
    minMatch: [3, 7],
    targetLength: [0, 131_072],
    strategy: [1, 9],
  };

function requireParameters(parameters: CompressionParameters): void {
  requireOptions(parameters, Object.keys(parameterRanges), "parameters");
  for (const [name, [least, most]] of Object.entries(parameterRanges)) {
    const value = parameters[name as keyof CompressionParameters];
    if (value !== undefined) requireInteger(`parameters.${name}`, value, least, most);
  }
}

/** How a compression stream cuts its input. */
export interface StreamLayout {
  readonly flush: "ramp" | "none" | number;
  readonly frameSize: number | undefined;
  readonly seekTable: boolean;
}

/** Validated options of a compression stream. */
export function readCompressStreamOptions(
  options: CompressStreamOptions = {},
): EngineStreamParameters & StreamLayout {
  const base = readCompressOptions(options, compressStreamNames);
  const parameters = withReadableWindow(base);
  const { contentSize, flush = "ramp", targetCBlockSize, frameSize, seekTable = false } = options;
  if (contentSize !== undefined) requireInteger("contentSize", contentSize, 0, Number.MAX_SAFE_INTEGER);
  if (flush !== "ramp" && flush !== "none") requireInteger("flush", flush, 1, BLOCK_SIZE_MAX);
  if (targetCBlockSize !== undefined)
    requireInteger("targetCBlockSize", targetCBlockSize, 1340, BLOCK_SIZE_MAX);
  if (frameSize !== undefined) requireInteger("frameSize", frameSize, 1, FRAME_SIZE_MAX);
  requireBoolean("seekTable", seekTable);
  if (seekTable && frameSize === undefined) throw new TypeError('"seekTable" needs "frameSize"');
  if (frameSize !== undefined && contentSize !== undefined) {
    throw new TypeError(
      '"frameSize" and "contentSize" exclude each other: every frame declares its own size',
    );
  }
  return {
    ...base,
    parameters,
    contentSize,
    targetCBlockSize,
    flush,
    frameSize,
    seekTable,
    job: isJob(options),
  };
}

/** Window and tables of level 19. */
const readableTables: CompressionParameters = {
  windowLog: DEFAULT_MAX_WINDOW_LOG,
  chainLog: 24,
  hashLog: 22,
};

/** Levels above 19 would take windows of 32…128 MiB for a stream of unknown size, past what readers accept, and 681 MB of tables. */
function withReadableWindow({
  level,
  parameters,
}: EngineCompressParameters): CompressionParameters | undefined {
  if (level <= 19 || parameters?.windowLog !== undefined) return parameters;
  return { ...readableTables, ...parameters };
}

/** Validated limits of a decompression: the smaller of `maxSize` and the room in `into`. */
export function readDecompressOptions(options: DecompressOptions | undefined): {
  maxSize: number;
  into: Uint8Array | undefined;
} {
  if (options === undefined) return { maxSize: DEFAULT_MAX_SIZE, into: undefined };
  requireOptions(options, ["maxSize", "into"]);
  const { into } = options;
  if (into !== undefined) requireBytes(into, "into");
  const { maxSize = into === undefined ? DEFAULT_MAX_SIZE : into.length } = options;
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  return { maxSize: into === undefined ? maxSize : Math.min(maxSize, into.length), into };
}

/** Limits of a decompression stream. */
export type DecompressStreamLimits = Required<DecompressStreamOptions> & { readonly job: boolean };

/** Validated limits of a decompression stream. */
export function readDecompressStreamOptions(options: DecompressStreamOptions = {}): DecompressStreamLimits {
  requireOptions(options, ["maxSize", "maxWindowLog"]);
  const { maxSize = Number.MAX_SAFE_INTEGER, maxWindowLog = DEFAULT_MAX_WINDOW_LOG } = options;
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("maxWindowLog", maxWindowLog, WINDOW_LOG_MIN, WINDOW_LOG_MAX);
  return { maxSize, maxWindowLog, job: isJob(options) };
}

export function requireDictionary(value: unknown, name: string): void {
  if (typeof value === "object" && value !== null && "id" in value && "bytes" in value) return;
  throw new TypeError(`"${name}" must be what readDictionary returns, got ${describe(value)}`);
}
