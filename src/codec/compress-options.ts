/** Options of compression: their types, defaults and ranges, and the settings that they give. */
import { requireBoolean, requireBytes, requireInteger, requireLevel, requireOptions } from "../check.ts";
import type { CompressionParameters, CompressSettings, CompressStreamSettings } from "../engine/engine.ts";
import { advancedParameters } from "../engine/parameter-cache.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { BLOCK_SIZE_MAX, DEFAULT_MAX_WINDOW_LOG, FRAME_SIZE_MAX } from "../limits.ts";
import { requireDictionary } from "./dictionaries.ts";
import { pacingOf } from "./pacing.ts";

export type { CompressionParameters };

/** Options of compression. */
export interface CompressOptions {
  /**
   * Compression level, an integer in −7…22. Default 1, the fast level: on JSON, level 3 takes 20–50 % more time for a
   * few percent of size, and level 9 ten times the time.
   */
  readonly level?: number;
  /**
   * Append the content checksum (RFC 8878 §3.1.1). Default true: without it a third of bit flips decode to wrong
   * bytes. It costs under 4 % of compression time and 6–8 % of decompression time.
   */
  readonly checksum?: boolean;
  /** Compress with a dictionary. Decompression needs the same one. */
  readonly dictionary?: Dictionary;
  /**
   * Raw content that the frame may refer to, such as the previous version. Decompression needs the same bytes, and
   * the frame does not name them. Cannot be combined with `dictionary`. The window covers prefix and content up to
   * 2^27 bytes.
   */
  readonly prefix?: Uint8Array;
  /** zstd's advanced parameters. Tables over 2 GiB in all are a RangeError. */
  readonly parameters?: CompressionParameters;
}

/** Options of a compression stream. */
export interface CompressStreamOptions extends CompressOptions {
  /**
   * Decompressed bytes of the whole stream. The header declares it, and another size is an error. Default: not
   * declared.
   */
  readonly contentSize?: number | undefined;
  /**
   * Where blocks end, which decides how early a reader can decode. `"ramp"`, the default: after 1300 bytes of input,
   * then after twice as many each time, up to 64 KiB; so the first packet decodes at once, for 0.03–0.15 % of size.
   * `"none"`: blocks of 128 KiB. A number: after every so many bytes of input, each block at most that + 3 bytes.
   */
  readonly flush?: "ramp" | "none" | number;
  /** zstd's targetCBlockSize in bytes, 1340…131072: a hint, not a bound. It makes decoding 1.2–1.5 times slower. */
  readonly targetCBlockSize?: number;
  /**
   * Decompressed bytes in each frame, 1…16 MiB; each frame declares its size. Default: one frame. Cannot be combined
   * with `contentSize`.
   */
  readonly frameSize?: number;
  /** Append a seek table (Zstandard Seekable Format 0.1.0). Requires `frameSize`. Default false. */
  readonly seekTable?: boolean;
}

/** Options of `compressFrames`. */
export interface CompressFramesOptions extends Omit<CompressOptions, "prefix"> {
  /** The most compressed bytes of a frame, header and checksum included: a hard bound for any input. At least 64. */
  readonly maxFrameSize: number;
  /**
   * Append a seek table (Zstandard Seekable Format 0.1.0). Default false. It is the last chunk, and the only one that
   * may exceed the bound: a skippable frame of 17 bytes plus 8 for every frame before it.
   */
  readonly seekTable?: boolean;
}

/** Settings of a stream of one frame, or of frames of `frameSize` bytes each. */
export interface StreamSettings extends CompressStreamSettings {
  readonly flush: "ramp" | "none" | number;
  readonly frameSize: number | undefined;
  readonly seekTable: boolean;
}

/** Settings of a stream of bounded frames. */
export interface BoundedFrameSettings extends CompressSettings {
  readonly maxFrameSize: number;
  readonly seekTable: boolean;
}

const compressNames: readonly string[] = ["level", "checksum", "dictionary", "prefix", "parameters"];
const compressStreamNames: readonly string[] = [
  ...compressNames,
  "contentSize",
  "flush",
  "targetCBlockSize",
  "frameSize",
  "seekTable",
];
const compressFramesNames: readonly string[] = [
  ...compressNames.filter((name) => name !== "prefix"),
  "maxFrameSize",
  "seekTable",
];

const defaults: CompressSettings = {
  level: 1,
  checksum: undefined,
  dictionary: undefined,
  prefix: undefined,
  parameters: undefined,
};

/** The smallest bound of a frame, in bytes: a header, a checksum and fifty bytes of content. */
const MAX_FRAME_SIZE_MIN = 64;

/** Reads the options of `compress`. */
export function readCompressOptions(
  options: CompressOptions | undefined,
  names: readonly string[] = compressNames,
): CompressSettings {
  if (options === undefined) return defaults;
  requireOptions(options, names);
  const { level = defaults.level, checksum, dictionary, prefix } = options;
  requireLevel(level);
  if (checksum !== undefined) requireBoolean("checksum", checksum);
  if (dictionary !== undefined) requireDictionary(dictionary, "dictionary");
  if (prefix !== undefined) requireBytes(prefix, "prefix");
  if (prefix !== undefined && dictionary !== undefined) {
    throw new TypeError('"prefix" and "dictionary" exclude each other');
  }
  const parameters = options.parameters === undefined ? undefined : readParameters(options.parameters);
  return { level, checksum, dictionary, prefix, parameters };
}

const parameterRanges = Object.entries(advancedParameters) as [
  keyof CompressionParameters,
  readonly [number, number, number],
][];

/** The most bytes of both tables together: half of what wasm32 can address. */
const TABLES_MAX: number = 2 ** 31;

/** A checked copy: a stream may read it long after the caller has changed the object. */
function readParameters(parameters: CompressionParameters): CompressionParameters {
  requireOptions(parameters, Object.keys(advancedParameters), "parameters");
  const copy: { -readonly [Name in keyof CompressionParameters]: CompressionParameters[Name] } = {};
  for (const [name, [, least, most]] of parameterRanges) {
    const value = parameters[name];
    if (value === undefined) continue;
    requireInteger(`parameters.${name}`, value, least, most);
    copy[name] = value;
  }
  // Entries have four bytes each.
  const { hashLog, chainLog } = copy;
  if (hashLog !== undefined && chainLog !== undefined && 4 * (2 ** hashLog + 2 ** chainLog) >= TABLES_MAX) {
    throw new RangeError(
      `"parameters.hashLog" and "parameters.chainLog" must make tables of less than 2 GiB, got ${hashLog} and ${chainLog}`,
    );
  }
  return copy;
}

/** Reads the options of `compressStream`. */
export function readCompressStreamOptions(options: CompressStreamOptions = {}): StreamSettings {
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
  if (frameSize !== undefined && base.prefix !== undefined) {
    throw new TypeError('"frameSize" and "prefix" exclude each other: frames are to be read alone');
  }
  if (frameSize !== undefined && contentSize !== undefined) {
    throw new TypeError(
      '"frameSize" and "contentSize" exclude each other: every frame declares its own size',
    );
  }
  return {
    ...base,
    // A copy: a stream may read it long after the caller has changed the array.
    prefix: base.prefix === undefined ? undefined : new Uint8Array(base.prefix),
    parameters,
    contentSize,
    targetCBlockSize,
    flush,
    frameSize,
    seekTable,
    pacing: pacingOf(options),
  };
}

/** Reads the options of `compressFrames`. */
export function readCompressFramesOptions(options: CompressFramesOptions): BoundedFrameSettings {
  const base = readCompressOptions(options, compressFramesNames);
  const { maxFrameSize, seekTable = false } = options ?? {};
  requireInteger("maxFrameSize", maxFrameSize, MAX_FRAME_SIZE_MIN, 2 ** 32 - 1);
  requireBoolean("seekTable", seekTable);
  return { ...base, maxFrameSize, seekTable };
}

/** The window and tables of level 19. */
const readableTables: CompressionParameters = {
  windowLog: DEFAULT_MAX_WINDOW_LOG,
  chainLog: 24,
  hashLog: 22,
};

/**
 * Parameters with a window that readers accept, and tables that fit it. For a stream of unknown size, levels above 19
 * would use windows of 32…128 MiB, which readers refuse, and 681 MB of tables, even if a smaller window is given.
 */
function withReadableWindow({
  level,
  prefix,
  parameters,
}: CompressSettings): CompressionParameters | undefined {
  // The engine chooses the window of a frame with a prefix; its tables stay those of level 19.
  if (level > 19 && prefix !== undefined) return { chainLog: 24, hashLog: 22, ...parameters };
  if (level <= 19 || (parameters?.windowLog ?? 0) > DEFAULT_MAX_WINDOW_LOG) return parameters;
  return { ...readableTables, ...parameters };
}
