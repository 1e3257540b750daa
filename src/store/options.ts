/** The options of a store and of its methods, and the settings that they give after they were checked. */
import {
  describe,
  requireBoolean,
  requireFunction,
  requireInteger,
  requireLevel,
  requireOptions,
  requireSignal,
} from "../check.ts";
import { DEFAULT_MAX_WINDOW_LOG, REDIS_STRING_MAX, WINDOW_LOG_MAX, WINDOW_LOG_MIN } from "../limits.ts";
import { readAuto, type AutoDictionaries } from "../dictionaries/auto.ts";
import type { EventListener } from "../metrics/events.ts";
import { RestClient } from "../rest/client.ts";
import {
  readRestOptions,
  restOptionNames,
  type RestOptions,
  type RetrySettings,
} from "../rest/rest-options.ts";
import { CodecLoader, type CodecOption } from "../value/codec-loader.ts";
import { readDictionaryList, type DictionaryList, type ValueDictionaries } from "../value/dictionaries.ts";
import { requireDictionaryId, type ValueKind } from "../value/policy.ts";
import { requireListener } from "../value/value.ts";
import { readLayout, type Layout, type LayoutSettings } from "./layout.ts";
import { SliceReader } from "./slice.ts";
import { RENEWAL, type RenewalTimes } from "./temporary-key.ts";

/** Options of `createStore`. */
export interface StoreOptions extends RestOptions {
  /** The codec. Default: `loadZstd()`, when a value first needs it. */
  readonly zstd?: CodecOption;
  /**
   * The compression level of all values, an integer in −7…22. Default 1 for text and JSON, 3 for protobuf and other
   * binary.
   */
  readonly level?: number;
  /**
   * Dictionaries in zstd's format: bytes, or results of `readDictionary`. Values are written with the first one,
   * except those of 256 KiB or more in one frame, and read with any of them. "auto" fetches them from Redis, as the
   * wrapper does. Default: none.
   */
  readonly dictionaries?: DictionaryList | "auto";
  /** With "auto", the milliseconds that a `put` waits for its dictionary before it writes without one. Default 50. */
  readonly dictionaryWait?: number;
  /**
   * Bytes of a value in one request, in both directions; after a failed request fewer, but at least 64 KiB. With this
   * option even small values are sent in pieces of that size; pieces of 1000 bytes and `concurrency: 1` cross a path
   * that loses large packets. Default: up to 2 MiB in one request; larger values in pieces of 256 KiB to 8 MiB when
   * written, and of 4 MiB when read.
   */
  readonly pieceSize?: number;
  /** How many pieces of one value are on their way at once, 1…6. Default 6 when writing, 3 when reading. */
  readonly concurrency?: number;
  /**
   * The most bytes of a stored value; more is RECORD_LIMIT as soon as it is exceeded. Default 512 MiB, the limit of
   * Redis.
   */
  readonly maxRecordSize?: number;
  /** log2 of the largest window to accept, 10…30. Default 23 (8 MiB). */
  readonly maxWindowLog?: number;
  /**
   * Called synchronously with what happens to values (each `put` that has stored one, each read that has decoded one
   * or failed to) and to requests. What it throws is ignored. `createMetrics().onEvent` of "zstash/metrics" counts
   * all events.
   */
  readonly onEvent?: EventListener;
}

/** Options of `Store.put`. */
export interface PutOptions {
  /** Time to live in seconds, in steps of a millisecond. Default: the value does not expire. */
  readonly ttl?: number;
  /**
   * The kind of the value, which sets the level. Default: from the media type of a Response or a Blob, "text" for a
   * string, otherwise "binary".
   */
  readonly kind?: ValueKind;
  /** The compression level of this value. Default: the store's `level`, or that of the kind. */
  readonly level?: number;
  /** How the value is divided into frames and blocks. Default "ramp". */
  readonly layout?: Layout;
  /** The id of the dictionary, or `false` for none. Default: the first of the store's `dictionaries`. */
  readonly dictionary?: number | false;
  /**
   * Store the value only if the key does not exist; otherwise the result is null and nothing is changed. Default
   * false.
   */
  readonly ifAbsent?: boolean;
  /**
   * Aborts the upload within one piece and removes its temporary key. If a piece may still arrive, the key is emptied
   * and expires within a minute.
   */
  readonly signal?: AbortSignal;
  /** Called after every piece with the progress of the upload. What it throws is ignored. */
  readonly onProgress?: (progress: PutProgress) => void;
}

/** The progress of an upload, in bytes. */
export interface PutProgress {
  /** Bytes read from the source. */
  readonly size: number;
  /** Bytes in the source, if that is known before its end: for strings, bytes and Blobs. */
  readonly totalSize: number | undefined;
  /** Compressed bytes made so far, including those that wait or are on their way. */
  readonly storedSize: number;
  /** Stored bytes that the server has taken. */
  readonly sentSize: number;
}

/** Options of methods that read or delete. */
export interface ReadOptions {
  /** Aborts the operation and the stream that it returned. */
  readonly signal?: AbortSignal;
}

/** Options of `get` and `getCompressed`. */
export interface DownloadOptions extends ReadOptions {
  /** Called after every chunk with the progress of the download. What it throws is ignored. */
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The progress of a download, in stored bytes: the size of the content is known at its end. */
export interface DownloadProgress {
  /** Bytes received so far. */
  readonly receivedSize: number;
  /** Bytes in all. */
  readonly storedSize: number;
}

/** Options of `getBytes` and `getText`. */
export interface ReadWholeOptions extends DownloadOptions {
  /** The most bytes of content; more is SIZE_LIMIT. Default 32 MiB. */
  readonly maxSize?: number;
}

/** Options of `temporaryKeys`. */
export interface ScanOptions extends ReadOptions {
  /** Called after every SCAN with the approximate number of keys that have been looked at so far. */
  readonly onScan?: (scannedKeys: number) => void;
}

/** Names of `StoreOptions`, for whoever takes them among others and refuses unknown ones. */
export const storeOptionNames: readonly string[] = [
  ...restOptionNames,
  "zstd",
  "level",
  "dictionaries",
  "dictionaryWait",
  "pieceSize",
  "concurrency",
  "maxRecordSize",
  "maxWindowLog",
  "onEvent",
];
const putOptionNames: readonly string[] = [
  "ttl",
  "kind",
  "level",
  "layout",
  "dictionary",
  "ifAbsent",
  "signal",
  "onProgress",
];

/** Settings that the parts of a store share, and the objects made from them. */
export interface StoreSettings {
  readonly client: RestClient;
  readonly slices: SliceReader;
  readonly retry: RetrySettings;
  readonly codec: CodecLoader;
  readonly level: number | undefined;
  readonly dictionaries: ValueDictionaries | undefined;
  /** The same, if they are in Redis. */
  readonly auto: AutoDictionaries | undefined;
  readonly pieceSize: number | undefined;
  readonly concurrency: number | undefined;
  readonly maxRecordSize: number;
  readonly maxWindowLog: number;
  readonly onEvent: EventListener | undefined;
  /** Shorter in tests. */
  readonly renewal: RenewalTimes;
}

export interface PutSettings {
  /** Milliseconds to live. */
  readonly ttl: number | undefined;
  readonly kind: ValueKind | undefined;
  readonly level: number | undefined;
  readonly layout: LayoutSettings;
  readonly dictionary: number | false | undefined;
  readonly ifAbsent: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: PutProgress) => void) | undefined;
}

/** The smallest piece has room for more than a frame's header. */
const PIECE_SIZE_MIN = 64;
const PIECE_SIZE_MAX = 64 << 20;
const CONCURRENCY_MAX = 6;
const kinds: readonly unknown[] = [undefined, "text", "json", "protobuf", "binary"];
/** Redis keeps milliseconds in 63 bits; beyond this, numbers are not exact. */
const TTL_MAX = Number.MAX_SAFE_INTEGER / 1000;

/**
 * Checks the options of a store and makes the objects that they describe.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readStoreOptions(options: StoreOptions): StoreSettings {
  requireOptions(options, storeOptionNames);
  const {
    zstd,
    level,
    dictionaries,
    dictionaryWait,
    pieceSize,
    concurrency,
    maxRecordSize = REDIS_STRING_MAX,
    maxWindowLog = DEFAULT_MAX_WINDOW_LOG,
    onEvent,
  } = options;
  if (level !== undefined) requireLevel(level);
  if (pieceSize !== undefined) requireInteger("pieceSize", pieceSize, PIECE_SIZE_MIN, PIECE_SIZE_MAX);
  if (concurrency !== undefined) requireInteger("concurrency", concurrency, 1, CONCURRENCY_MAX);
  requireInteger("maxRecordSize", maxRecordSize, 1, Number.MAX_SAFE_INTEGER);
  requireInteger("maxWindowLog", maxWindowLog, WINDOW_LOG_MIN, WINDOW_LOG_MAX);
  const listener = requireListener(onEvent);
  const auto = readAuto(dictionaries, options.url, dictionaryWait);
  const rest = readRestOptions(options, undefined, listener);
  const client = new RestClient(rest);
  return {
    client,
    slices: new SliceReader(client),
    retry: rest.retry,
    codec: new CodecLoader(zstd),
    level,
    dictionaries: auto ?? readDictionaryList(dictionaries),
    auto,
    pieceSize,
    concurrency,
    maxRecordSize,
    maxWindowLog,
    onEvent: listener,
    renewal: RENEWAL,
  };
}

/**
 * Checks the options of a `put`.
 *
 * @throws {TypeError | RangeError} that names the option
 */
export function readPutOptions(options: PutOptions): PutSettings {
  requireOptions(options, putOptionNames);
  const { ttl, kind, level, layout, dictionary, ifAbsent = false, signal, onProgress } = options;
  if (ttl !== undefined) {
    if (typeof ttl !== "number") throw new TypeError(`"ttl" must be a number, got ${describe(ttl)}`);
    if (!(ttl >= 0.001 && ttl <= TTL_MAX)) {
      throw new RangeError(`"ttl" must be seconds from 0.001 to ${TTL_MAX}, got ${ttl}`);
    }
  }
  if (!kinds.includes(kind)) throw new RangeError(`"kind" must be one of ${kinds.slice(1).join(", ")}`);
  if (level !== undefined) requireLevel(level);
  requireDictionaryId(dictionary);
  requireBoolean("ifAbsent", ifAbsent);
  if (onProgress !== undefined) requireFunction("onProgress", onProgress);
  if (signal !== undefined) requireSignal("signal", signal);
  return {
    ttl: ttl === undefined ? undefined : Math.round(ttl * 1000),
    kind,
    level,
    layout: readLayout(layout),
    dictionary,
    ifAbsent,
    signal,
    onProgress,
  };
}
