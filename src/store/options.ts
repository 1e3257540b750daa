import { describe, requireInteger, requireLevel } from "../check.ts";
import { DEFAULT_MAX_WINDOW_LOG, REDIS_STRING_MAX, WINDOW_LOG_MAX, WINDOW_LOG_MIN } from "../limits.ts";
import { RestClient } from "../rest/client.ts";
import { readRestOptions, type RestOptions } from "../rest/rest-options.ts";
import type { EventListener } from "../metrics/events.ts";
import { CodecLoader, type CodecOption } from "../value/codec-loader.ts";
import type { ValueKind } from "../value/policy.ts";
import { requireListener } from "../value/value.ts";
import type { Layout, LayoutPlan } from "./layout.ts";
import { readLayout } from "./layout.ts";
import { SliceReader } from "./slice.ts";

/** Options of `createStore`. */
export interface StoreOptions extends RestOptions {
  /** The codec. Default: `loadZstd()`, when a value first needs it. */
  readonly zstd?: CodecOption;
  /** Compression level for every value, an integer −7…22. Default 1 for text and JSON, 3 for other binary. */
  readonly level?: number;
  /**
   * Bytes of a value in one request, in both directions; with it even small values go in pieces of that size, which
   * 1000 bytes and `concurrency: 1` make cross a path that loses large packets. Default: up to 2 MiB in one request,
   * above that pieces of 256 KiB to 8 MiB up and 4 MiB down.
   */
  readonly pieceSize?: number;
  /** Pieces of one value on their way at once, 1…6. Default 6 up, 3 down. */
  readonly concurrency?: number;
  /** The most bytes a stored value may have; more is RECORD_LIMIT as soon as it is passed. Default 512 MiB, Redis' own. */
  readonly maxRecordSize?: number;
  /** log2 of the largest window to accept, 10…30. Default 23 (8 MiB). */
  readonly maxWindowLog?: number;
  /** Told where a value is stored uncompressed because the codec cannot be loaded. What it throws is dropped. */
  readonly onEvent?: EventListener;
}

/** Options of `Store.put`. */
export interface PutOptions {
  /** Seconds to live, in steps of a millisecond. Default: no end. */
  readonly ttl?: number;
  /** What the value is, which chooses the level. Default: by the source's media type. */
  readonly kind?: ValueKind;
  /** Compression level of this value. */
  readonly level?: number;
  /** How the value is cut. Default "ramp". */
  readonly layout?: Layout;
  /** Short for `layout: { mtu }`: every frame fits a network segment of a path with this MTU. */
  readonly mtu?: number;
  /** Store it only where the key holds nothing; else the result is null and nothing is changed. */
  readonly ifAbsent?: boolean;
  /** Ends the upload within one piece and removes its temporary key. */
  readonly signal?: AbortSignal;
  /** Told how far the upload is, after every piece. */
  readonly onProgress?: (progress: PutProgress) => void;
}

/** How far an upload is, in bytes. */
export interface PutProgress {
  /** Read from the source. */
  readonly size: number;
  /** Made of them by compression. */
  readonly compressedSize: number;
  /** Taken by the server. */
  readonly sentSize: number;
}

/** Options of reading. */
export interface ReadOptions {
  /** Ends the download. */
  readonly signal?: AbortSignal;
}

/** What the parts of a store share. */
export interface StoreContext {
  readonly client: RestClient;
  readonly slices: SliceReader;
  readonly codec: CodecLoader;
  readonly level: number | undefined;
  readonly pieceSize: number | undefined;
  readonly concurrency: number | undefined;
  readonly maxRecordSize: number;
  readonly maxWindowLog: number;
  readonly onEvent: EventListener | undefined;
}

/** A piece has room for a frame's header and more. */
const PIECE_SIZE_MIN = 64;
const PIECE_SIZE_MAX = 64 << 20;
const CONCURRENCY_MAX = 6;

/**
 * Validates the options and makes what they describe.
 *
 * @throws {TypeError | RangeError} naming the option
 */
export function readStoreOptions(options: StoreOptions): StoreContext {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`"options" must be an object, got ${describe(options)}`);
  }
  const {
    level,
    pieceSize,
    concurrency,
    maxRecordSize = REDIS_STRING_MAX,
    maxWindowLog = DEFAULT_MAX_WINDOW_LOG,
  } = options;
  if (level !== undefined) requireLevel(level);
  if (pieceSize !== undefined) requireInteger("pieceSize", pieceSize, PIECE_SIZE_MIN, PIECE_SIZE_MAX);
  if (concurrency !== undefined) requireInteger("concurrency", concurrency, 1, CONCURRENCY_MAX);
  requireInteger("maxRecordSize", maxRecordSize, 1, Number.MAX_SAFE_INTEGER);
  requireInteger("maxWindowLog", maxWindowLog, WINDOW_LOG_MIN, WINDOW_LOG_MAX);
  const client = new RestClient(readRestOptions(options));
  return {
    client,
    slices: new SliceReader(client),
    codec: new CodecLoader(options.zstd),
    level,
    pieceSize,
    concurrency,
    maxRecordSize,
    maxWindowLog,
    onEvent: requireListener(options.onEvent),
  };
}

/** Options of a `put`, read. */
export interface PutPlan {
  readonly ttl: number | undefined;
  readonly kind: ValueKind | undefined;
  readonly level: number | undefined;
  readonly layout: LayoutPlan;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: PutProgress) => void) | undefined;
}

const kinds: readonly unknown[] = [undefined, "text", "json", "protobuf", "binary"];
/** Redis keeps milliseconds in 63 bits; beyond this, numbers are not exact. */
const TTL_MAX = Number.MAX_SAFE_INTEGER / 1000;

/**
 * Validates the options of a `put`.
 *
 * @throws {TypeError | RangeError} naming the option
 */
export function readPutOptions(options: PutOptions): PutPlan {
  const { ttl, kind, level, ifAbsent = false, signal, onProgress } = options;
  if (ttl !== undefined) {
    if (typeof ttl !== "number") throw new TypeError(`"ttl" must be a number, got ${describe(ttl)}`);
    if (!(ttl >= 0.001 && ttl <= TTL_MAX)) {
      throw new RangeError(`"ttl" must be seconds from 0.001 to ${TTL_MAX}, got ${ttl}`);
    }
  }
  if (!kinds.includes(kind)) throw new RangeError(`"kind" must be one of ${kinds.slice(1).join(", ")}`);
  if (level !== undefined) requireLevel(level);
  if (typeof ifAbsent !== "boolean") {
    throw new TypeError(`"ifAbsent" must be a boolean, got ${describe(ifAbsent)}`);
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new TypeError(`"onProgress" must be a function, got ${describe(onProgress)}`);
  }
  return {
    ttl: ttl === undefined ? undefined : Math.round(ttl * 1000),
    kind,
    level,
    layout: readLayout(options.layout, options.mtu),
    ifAbsent,
    signal,
    onProgress,
  };
}

/** A key as Redis has it, or an error that says what came instead. */
export function requireKey(key: unknown): asserts key is string {
  if (typeof key !== "string") throw new TypeError(`"key" must be a string, got ${describe(key)}`);
}
