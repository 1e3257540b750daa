/**
 * zstash/store: values of any size in Redis, written and read as streams, each stored as a plain .zst file in a
 * string.
 */
import { requireFunction, requireInteger, requireOptions, requireSignal, requireString } from "../check.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import type { ByteStream } from "../streams.ts";
import { openCompressed } from "./compressed.ts";
import { observed, openContent, openStored, type ReadWork } from "./content.ts";
import {
  readPutOptions,
  readStoreOptions,
  type DownloadOptions,
  type PutOptions,
  type ReadOptions,
  type ReadWholeOptions,
  type ScanOptions,
  type StoreOptions,
} from "./options.ts";
import type { StoredBytes } from "./pieces.ts";
import { put, type PutResult } from "./put.ts";
import { RangeReader } from "./range.ts";
import { requireNumber, withKey } from "./reply.ts";
import type { ValueSource } from "./source.ts";
import { readStat, type ValueStat } from "./stat.ts";
import { findTemporaryKeys, removeTemporaryKeys, type TemporaryKey } from "./sweep.ts";
import { ReadTrace } from "./value-events.ts";
import { readAll, readText } from "./whole.ts";

// The types of a codec, which an option takes, and of streams.
export type * from "../index.ts";
export type {
  DownloadOptions,
  DownloadProgress,
  PutOptions,
  PutProgress,
  ReadOptions,
  ReadWholeOptions,
  ScanOptions,
  StoreOptions,
} from "./options.ts";
export type { Layout } from "./layout.ts";
export type { PutResult } from "./put.ts";
export type { ValueSource } from "./source.ts";
export type { ValueStat } from "./stat.ts";
export type { TemporaryKey } from "./sweep.ts";
export type { Fetch } from "../rest/exchange.ts";
export type { RestOptions, RetryOptions } from "../rest/rest-options.ts";
export type {
  CompressedEvent,
  DecodedEvent,
  DecodeFailedEvent,
  DictionariesFailedEvent,
  DictionaryRestoredEvent,
  EscapedEvent,
  EventListener,
  EventSubject,
  FallbackEvent,
  ModeFailedEvent,
  PolicyFailedEvent,
  RequestEvent,
  RequestMessage,
  RetryEvent,
  SkippedEvent,
  SkipReason,
  TransportEvent,
  UncompressedEvent,
  WaitEvent,
  UndecodedEvent,
  ZstashEvent,
} from "../metrics/events.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export type { DictionaryList } from "../value/dictionaries.ts";
export type { ValueKind } from "../value/policy.ts";
export { ZstashError, type ZstashErrorCode } from "../errors.ts";

/** Values of any size in Redis, each stored as a plain .zst file in a string. */
export interface Store {
  /**
   * Compresses a value and stores it: in one request up to 2 MiB compressed; a larger one in pieces under a temporary
   * key, which is renamed when it is complete. Readers see the complete old value or the complete new one.
   *
   * Buffers and views are copied before `put` returns its promise (1 to 3 ms a MB), chunks of a stream or an iterable
   * when they are taken: the caller may change them afterwards. A Blob is not copied; one that yields another number of
   * bytes than its size is a RangeError.
   *
   * @returns Facts about what was stored, or null if `ifAbsent` found a value.
   * @throws {ZstashError} RECORD_LIMIT, REQUEST_LIMIT, REDIS, TIMEOUT, OUT_OF_MEMORY; the signal's reason
   * @throws {TypeError | RangeError} for wrong arguments
   * @example
   * ```ts
   * await store.put("logs:2026-11-24", response, { layout: { mtu: 1500 }, ttl: 86_400 });
   * ```
   */
  put(key: string, source: ValueSource, options?: PutOptions): Promise<PutResult | null>;
  /**
   * Reads the content as a stream, decoded as it arrives; null if the key does not exist. A value that is stored
   * uncompressed is returned unchanged. A download that breaks continues where it was, as often as `retry` allows, if
   * the value is still the same.
   *
   * @throws {ZstashError} at once or in the stream: REDIS, VALUE_CHANGED, TRUNCATED, CORRUPT, CHECKSUM_MISMATCH,
   * WINDOW_LIMIT, DICTIONARY_UNKNOWN, TIMEOUT, WASM_UNAVAILABLE
   * @example
   * ```ts
   * const text = await new Response(await store.get("report")).text();
   * ```
   */
  get(key: string, options?: DownloadOptions): Promise<ByteStream | null>;
  /**
   * Reads the whole content as bytes; null if the key does not exist.
   * @throws {ZstashError} as `get`, and SIZE_LIMIT
   * @example
   * ```ts
   * const bytes = await store.getBytes("picture", { maxSize: 64 << 20 });
   * ```
   */
  getBytes(key: string, options?: ReadWholeOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Reads the whole content as text, which keeps a byte order mark; null if the key does not exist.
   * @throws {ZstashError} as `getBytes`, and NOT_TEXT
   * @example
   * ```ts
   * const report = JSON.parse((await store.getText("report")) ?? "null");
   * ```
   */
  getText(key: string, options?: ReadWholeOptions): Promise<string | null>;
  /**
   * Reads the bytes `[start, end)` of the content as a stream; null if the key does not exist. Of a seekable value
   * only the frames that hold the range are read: in two requests, or one if its seek table was read before. `end`
   * defaults to the end and is clamped to the content's size.
   *
   * @throws {ZstashError} as `get`
   * @throws {RangeError} for a `start` past the end; in the stream, if the size is known only at the end
   * @example
   * ```ts
   * const head = await new Response(await store.getRange("report", 0, 1000)).text();
   * ```
   */
  getRange(key: string, start: number, end?: number, options?: ReadOptions): Promise<ByteStream | null>;
  /**
   * Reads the value as one frame with a checksum and a window of at most 8 MiB, which every zstd client over HTTP
   * decodes (`Content-Encoding: zstd`); null if the key does not exist. A value that is stored like that is returned
   * unchanged, without the codec; any other is compressed again as it passes.
   *
   * @throws {ZstashError} as `get`; UNSUPPORTED in the stream for a file of more than 16 KiB that has several frames
   * and no seek table, which the store never writes
   * @example
   * ```ts
   * const frame = new Response(await store.getCompressed("report"), { headers: { "content-encoding": "zstd" } });
   * ```
   */
  getCompressed(key: string, options?: DownloadOptions): Promise<ByteStream | null>;
  /**
   * Reads sizes, form and time to live of a value without reading all of it; null if the key does not exist. The size
   * of a seekable value comes from its seek table; only the headers of its first frame and of those in its last 4 KiB
   * are compared with the table.
   *
   * @throws {ZstashError} CORRUPT if one of these headers declares another size than the seek table
   * @example
   * ```ts
   * const { size, storedSize, ttl } = (await store.stat("report")) ?? {};
   * ```
   */
  stat(key: string, options?: ReadOptions): Promise<ValueStat | null>;
  /**
   * Deletes a value. Returns false if there was none.
   * @example
   * ```ts
   * const existed = await store.delete("report");
   * ```
   */
  delete(key: string, options?: ReadOptions): Promise<boolean>;
  /**
   * Finds the temporary keys of uploads that are running or were left behind, by a SCAN of all keys.
   *
   * @example
   * ```ts
   * for await (const { key, abandoned } of store.temporaryKeys())
   *   if (abandoned) await store.removeTemporaryKeys([key]);
   * ```
   */
  temporaryKeys(options?: ScanOptions): AsyncGenerator<TemporaryKey, void, undefined>;
  /** Removes temporary keys that `temporaryKeys` has found (see its example). Returns how many there were. */
  removeTemporaryKeys(keys: readonly string[], options?: ReadOptions): Promise<number>;
}

/**
 * Makes a store for values of any size, which uses zstash's own transport. It reads values that `zstash/redis` and
 * `withCompression` have written, and `zstash/redis` reads its values.
 *
 * @throws {TypeError | RangeError} for a wrong option; the message names it
 * @example
 * ```ts
 * import { createStore } from "zstash/store";
 *
 * const store = createStore({ url, token });
 * await store.put("report", file.stream(), { layout: { frameSize: 65_536 } });
 * const stream = await store.get("report");
 * ```
 */
export function createStore(options: StoreOptions): Store {
  const settings = readStoreOptions(options);
  const { client } = settings;
  const ranges = new RangeReader(settings);
  /** Runs work on a key; its errors name the key. */
  const named = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    requireString("key", key);
    try {
      return await work();
    } catch (error) {
      throw withKey(error, key);
    }
  };
  /** Opens a value for a read. Its listener hears of a failure here, and through `trace` of everything else. */
  const traced = async <T>(
    key: string,
    { signal, onProgress }: DownloadOptions,
    { decoded = true, byStream = true }: { readonly decoded?: boolean; readonly byStream?: boolean },
    use: (stored: StoredBytes, reading: ReadWork) => Promise<T>,
  ): Promise<T | null> => {
    const trace = settings.onEvent && new ReadTrace(settings.onEvent, { command: "GET", key, byStream });
    try {
      const stored = await openStored(settings, key, { signal, decoded });
      if (stored === null) return null;
      if (trace !== undefined) trace.storedSize = stored.size;
      return await use(observed(stored, onProgress), { signal, trace });
    } catch (error) {
      trace?.failed(error);
      throw error;
    }
  };
  const open = (key: string, options: DownloadOptions) =>
    traced(key, options, {}, (stored, reading) => openContent(settings, key, stored, reading));
  /** Opens a value that `read` reads whole. */
  const openWhole = async <T>(
    key: string,
    readOptions: ReadWholeOptions = {},
    read: (content: ByteStream, maxSize: number) => Promise<T>,
  ): Promise<T | null> => {
    requireOptions(readOptions, [...downloadOptionNames, "maxSize"]);
    const { maxSize = DEFAULT_MAX_SIZE, ...download } = readOptions;
    requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
    return traced(key, readDownload(download), { byStream: false }, async (stored, reading) => {
      const value = await read(await openContent(settings, key, stored, reading), maxSize);
      reading.trace?.ended();
      return value;
    });
  };
  return {
    put: (key, source, putOptions = {}) =>
      named(key, () => {
        const putSettings = readPutOptions(putOptions);
        ranges.forget(key);
        return put(settings, key, source, putSettings);
      }),
    get: (key, downloadOptions) => named(key, async () => open(key, readDownload(downloadOptions))),
    getBytes: (key, readOptions) => named(key, () => openWhole(key, readOptions, readAll)),
    getText: (key, readOptions) => named(key, () => openWhole(key, readOptions, readText)),
    getRange: (key, start, end = Number.MAX_SAFE_INTEGER, readOptions) =>
      named(key, async () => ranges.read(key, start, end, readSignal(readOptions))),
    getCompressed: (key, downloadOptions) =>
      named(key, async () =>
        traced(key, readDownload(downloadOptions), { decoded: false }, (stored, reading) =>
          openCompressed(settings, key, stored, reading),
        ),
      ),
    stat: (key, readOptions) => named(key, async () => readStat(settings, key, readSignal(readOptions))),
    delete: (key, readOptions) =>
      named(key, async () => {
        const signal = readSignal(readOptions);
        ranges.forget(key);
        return requireNumber(await client.command(["DEL", key], { signal }), "delete", key) > 0;
      }),
    temporaryKeys(scanOptions = {}) {
      requireOptions(scanOptions, ["signal", "onScan"]);
      if (scanOptions.signal !== undefined) requireSignal("signal", scanOptions.signal);
      if (scanOptions.onScan !== undefined) requireFunction("onScan", scanOptions.onScan);
      return findTemporaryKeys(settings, scanOptions);
    },
    removeTemporaryKeys: async (keys, readOptions) =>
      removeTemporaryKeys(settings, keys, readSignal(readOptions)),
  };
}

const downloadOptionNames: readonly string[] = ["signal", "onProgress"];

function readDownload(options: DownloadOptions = {}): DownloadOptions {
  requireOptions(options, downloadOptionNames);
  if (options.onProgress !== undefined) requireFunction("onProgress", options.onProgress);
  if (options.signal !== undefined) requireSignal("signal", options.signal);
  return options;
}

/** The signal of options that have no other member. */
function readSignal(options: ReadOptions | undefined): AbortSignal | undefined {
  if (options === undefined) return undefined;
  requireOptions(options, ["signal"]);
  if (options.signal !== undefined) requireSignal("signal", options.signal);
  return options.signal;
}
