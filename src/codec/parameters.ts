import type { EngineCompressParameters } from "../engine/engine.ts";

/** Options of one-shot compression. */
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
}

/** Options of one-shot decompression. */
export interface DecompressOptions {
  /** The most bytes the output may have; more is SIZE_LIMIT before anything of that size is allocated. Default 32 MiB. */
  readonly maxSize?: number;
  /** Decode into this array and return its filled part; an output that does not fit is SIZE_LIMIT. */
  readonly into?: Uint8Array;
}

const LEVEL_MIN = -7;
const LEVEL_MAX = 22;
const DEFAULT_MAX_SIZE = 32 << 20;

const defaults: EngineCompressParameters = { level: 1, checksum: undefined };

/** Validated compression parameters with the defaults filled in. */
export function readCompressOptions(options: CompressOptions | undefined): EngineCompressParameters {
  if (options === undefined) return defaults;
  requireOptions(options);
  const { level = defaults.level, checksum } = options;
  if (typeof level !== "number") throw new TypeError(`"level" must be a number, got ${typeof level}`);
  if (!Number.isInteger(level) || level < LEVEL_MIN || level > LEVEL_MAX) {
    throw new RangeError(`"level" must be an integer from ${LEVEL_MIN} to ${LEVEL_MAX}, got ${level}`);
  }
  if (checksum !== undefined && typeof checksum !== "boolean")
    throw new TypeError(`"checksum" must be a boolean, got ${typeof checksum}`);
  return { level, checksum };
}

/** Validated limits of a decompression: the smaller of `maxSize` and the room in `into`. */
export function readDecompressOptions(options: DecompressOptions | undefined): {
  maxSize: number;
  into: Uint8Array | undefined;
} {
  if (options === undefined) return { maxSize: DEFAULT_MAX_SIZE, into: undefined };
  requireOptions(options);
  const { into, maxSize = into === undefined ? DEFAULT_MAX_SIZE : into.length } = options;
  if (into !== undefined && !(into instanceof Uint8Array)) {
    throw new TypeError(`"into" must be a Uint8Array, got ${typeof into}`);
  }
  if (typeof maxSize !== "number") throw new TypeError(`"maxSize" must be a number, got ${typeof maxSize}`);
  if (!Number.isInteger(maxSize) || maxSize < 0) {
    throw new RangeError(`"maxSize" must be a whole number of bytes, got ${maxSize}`);
  }
  return { maxSize: into === undefined ? maxSize : Math.min(maxSize, into.length), into };
}

/** Throws unless the argument is bytes. */
export function requireBytes(data: unknown, name: string): asserts data is Uint8Array {
  if (!(data instanceof Uint8Array))
    throw new TypeError(`"${name}" must be a Uint8Array, got ${describe(data)}`);
}

function requireOptions(options: unknown): asserts options is object {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`"options" must be an object, got ${describe(options)}`);
  }
}

/** The type of a value, never the value. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name ?? "object";
}
