/** The options of a store and of its methods, and the settings that they become once they are validated. */
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
  /** Compression level for every value, an integer −7…22. Default 1 for text and JSON, 3 for protobuf and other binary. */
  readonly level?: number;
  /**
   * Dictionaries in zstd's format: bytes, or what `readDictionary` gives. Values are written with the first, but for those
   * of 256 KiB and more in one frame, and read with any of them. "auto" takes them from Redis, as the wrapper does.
   * Default: none.
   */
  readonly dictionaries?: DictionaryList | "auto";
  /** With "auto", milliseconds that a `put` waits for what it needs, before it goes without a dictionary. Default 50. */
  readonly dictionaryWait?: number;
  /**
   * Bytes of a value in one request, in both directions; after a request failed, fewer of at least 64 KiB. With this option even small values go in pieces of that size;
   * pieces of 1000 bytes and `concurrency: 1` cross a path that loses large packets. Default: up to 2 MiB in one request,
   * above that pieces of 256 KiB to 8 MiB up and 4 MiB down.
   */
  readonly pieceSize?: number;
  /** Pieces of one value that are on their way at once, 1…6. Default 6 up, 3 down. */
  readonly concurrency?: number;
  /** The most bytes a stored value may have; more is RECORD_LIMIT as soon as it is passed. Default 512 MiB, Redis' own. */
  readonly maxRecordSize?: number;
  /** log2 of the largest window to accept, 10…30. Default 23 (8 MiB). */
  readonly maxWindowLog?: number;
  /**
   * Called synchronously with what happens to values (each `put` that has stored one, each read that has decoded one or could
   * not) and to requests. What it throws is dropped. `createMetrics().onEvent` of "zstash/metrics" counts it all.
   */
  readonly onEvent?: EventListener;
}

/** Options of `Store.put`. */
export interface PutOptions {
  /** Seconds to live, in steps of a millisecond. Default: it does not expire. */
  readonly ttl?: number;
  /**
   * The kind of the value, which chooses the level. Default: by the media type of a Response or a Blob, "text" for a string,
   * else "binary".
   */
  readonly kind?: ValueKind;
  /** Compression level of this value. */
  readonly level?: number;
  /** The way the value is cut. Default "ramp". */
  readonly layout?: Layout;
  /** The dictionary, by its id, or `false` for none. Default: the first of the store's `dictionaries`. */
  readonly dictionary?: number | false;
  /** Store it only if the key holds nothing; else the result is null and nothing is changed. */
  readonly ifAbsent?: boolean;
  /**
   * Ends the upload within one piece and removes its temporary key; where a piece may still arrive, the key is emptied and
   * expires within a minute.
   */
  readonly signal?: AbortSignal;
  /** Called after every piece with how far the upload is. What it throws is dropped. */
  readonly onProgress?: (progress: PutProgress) => void;
}

/** Progress of an upload, in bytes. */
export interface PutProgress {
  /** Read from the source. */
  readonly size: number;
  /** In the source, if that is known before its end: of strings, bytes and Blobs. */
  readonly totalSize: number | undefined;
  /** Made of them, to be stored; what the server has not yet taken waits or is on its way. */
  readonly storedSize: number;
  /** Taken by the server. */
  readonly sentSize: number;
}

/** Options of methods that read or delete. */
export interface ReadOptions {
  /** Ends the work, and the stream that it gave. */
  readonly signal?: AbortSignal;
}

/** Options of `get` and `getCompressed`. */
export interface DownloadOptions extends ReadOptions {
  /** Called after every chunk that came with how far the download is. What it throws is dropped. */
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Progress of a download, in bytes of the value as it lies in Redis: those of its content are known at its end. */
export interface DownloadProgress {
  /** Received. */
  readonly receivedSize: number;
  /** In all. */
  readonly storedSize: number;
}

/** Options of `getBytes` and `getText`. */
export interface ReadWholeOptions extends DownloadOptions {
  /** The most bytes the content may have; more is SIZE_LIMIT. Default 32 MiB. */
  readonly maxSize?: number;
}

/** Options of `temporaryKeys`. */
export interface ScanOptions extends ReadOptions {
  /** Called after every SCAN with about how many keys have been looked at so far. */
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

/** Settings that the parts of a store share, and the parts that they describe. */
export interface StoreSettings {
  readonly client: RestClient;
  readonly slices: SliceReader;
  readonly retry: RetrySettings;
  readonly codec: CodecLoader;
  readonly level: number | undefined;
  readonly dictionaries: ValueDictionaries | undefined;
  /** The same, where they lie in Redis. */
  readonly auto: AutoDictionaries | undefined;
  readonly pieceSize: number | undefined;
  readonly concurrency: number | undefined;
  readonly maxRecordSize: number;
  readonly maxWindowLog: number;
  readonly onEvent: EventListener | undefined;
  /** Tests shorten it. */
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

/** The least piece has room for a frame's header and more. */
const PIECE_SIZE_MIN = 64;
const PIECE_SIZE_MAX = 64 << 20;
const CONCURRENCY_MAX = 6;
const kinds: readonly unknown[] = [undefined, "text", "json", "protobuf", "binary"];
/** Redis keeps milliseconds in 63 bits; beyond this, numbers are not exact. */
const TTL_MAX = Number.MAX_SAFE_INTEGER / 1000;

/**
 * Validates the options of a store and makes what they describe.
 *
 * @throws {TypeError | RangeError} naming the option
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
 * Validates the options of a `put`.
 *
 * @throws {TypeError | RangeError} naming the option
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
