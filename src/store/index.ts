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
  type ReadOptions,
  type ReadWholeOptions,
  type StoreOptions,
} from "./options.ts";
import type { StoredBytes } from "./pieces.ts";
import { put } from "./put.ts";
import { RangeReader } from "./range.ts";
import { requireNumber, withKey } from "./reply.ts";
import { readStat } from "./stat.ts";
import type { Store } from "./store.ts";
import { findTemporaryKeys, removeTemporaryKeys } from "./sweep.ts";
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
export type { Store } from "./store.ts";
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
 * const file = new Blob(["day,visits\n", "1,3\n"], { type: "text/csv" });
 * await store.put("visits", file.stream(), { kind: "text" });
 * await store.getText("visits"); // → "day,visits\n1,3\n"
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
      const content = await openContent(settings, key, stored, { ...reading, pacing: "network" });
      const value = await read(content, maxSize);
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
