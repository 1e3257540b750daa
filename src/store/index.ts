import { requireInteger } from "../check.ts";
import { DEFAULT_MAX_SIZE } from "../limits.ts";
import type { ByteStream } from "../streams.ts";
import { openCompressed, openContent, readAll } from "./content.ts";
import { openStored } from "./download.ts";
import {
  readPutOptions,
  readStoreOptions,
  requireKey,
  type PutOptions,
  type ReadOptions,
  type StoreOptions,
} from "./options.ts";
import { put, type PutResult } from "./put.ts";
import { RangeReader } from "./range.ts";
import { requireNumber, withKey } from "./reply.ts";
import type { ValueSource } from "./source.ts";
import { readStat, type ValueStat } from "./stat.ts";
import { findTemporaryKeys, removeTemporaryKeys, type TemporaryKey } from "./sweep.ts";
import { decodeText } from "./text.ts";

// The types of a codec, which an option takes, and of streams.
export type * from "../index.ts";
export type { Layout } from "./layout.ts";
export type { PutOptions, PutProgress, ReadOptions, StoreOptions } from "./options.ts";
export type { PutResult } from "./put.ts";
export type { ValueSource } from "./source.ts";
export type { ValueStat } from "./stat.ts";
export type { TemporaryKey } from "./sweep.ts";
export type { Fetch } from "../rest/exchange.ts";
export type { RestOptions } from "../rest/rest-options.ts";
export type { RetryOptions } from "../rest/retry.ts";
export type {
  CompressedEvent,
  DecodedEvent,
  DecodeFailedEvent,
  EscapedEvent,
  EventListener,
  EventSubject,
  ModeFailedEvent,
  SkippedEvent,
  SkipReason,
  UncompressedEvent,
  ZstashEvent,
} from "../metrics/events.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export type { ValueKind } from "../value/policy.ts";
export { ZstashError, type ZstashErrorCode } from "../errors.ts";

/** Options of `getBytes` and `getText`. */
export interface ReadWholeOptions extends ReadOptions {
  /** The most bytes the content may have; more is SIZE_LIMIT. Default 32 MiB. */
  readonly maxSize?: number;
}

/** Values of any size in Redis, each a string that is a plain .zst file. */
export interface Store {
  /**
   * Compresses a value and stores it: in one request up to 2 MiB compressed, above that in pieces under a temporary key
   * that becomes the value's when it is complete. Readers see the old value or the new one, whole.
   *
   * @returns what was stored, or null where `ifAbsent` found a value
   * @throws {ZstashError} RECORD_LIMIT, REQUEST_LIMIT, REDIS, TIMEOUT, OUT_OF_MEMORY; the signal's reason
   * @throws {TypeError | RangeError} for wrong arguments
   * @example
   * ```ts
   * await store.put("logs:2026-11-24", response, { mtu: 1500, ttl: 86_400 });
   * ```
   */
  put(key: string, source: ValueSource, options?: PutOptions): Promise<PutResult | null>;
  /**
   * The content as a stream, decoded as it arrives; null where there is nothing. A value stored without compression
   * comes as it is.
   *
   * @throws {ZstashError} at once or in the stream: REDIS, VALUE_CHANGED, TRUNCATED, CORRUPT, CHECKSUM_MISMATCH,
   * WINDOW_LIMIT, DICTIONARY_UNKNOWN, TIMEOUT, WASM_UNAVAILABLE
   */
  get(key: string, options?: ReadOptions): Promise<ByteStream | null>;
  /** The content as bytes. @throws {ZstashError} as `get`, and SIZE_LIMIT */
  getBytes(key: string, options?: ReadWholeOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /** The content as text; a byte order mark stays. @throws {ZstashError} as `getBytes`, and NOT_TEXT */
  getText(key: string, options?: ReadWholeOptions): Promise<string | null>;
  /**
   * Bytes `[start, end)` of the content. Of a seekable value only the frames that hold them are read: two requests,
   * and one when its seek table is known from before. `end` is clamped to the content's size.
   *
   * @throws {ZstashError} as `get`
   * @throws {RangeError} for a `start` past the end; where the size is only known at the end, in the stream
   */
  getRange(key: string, start: number, end?: number, options?: ReadOptions): Promise<ByteStream | null>;
  /** The stored frames, for a client that decodes them; null where there is nothing. */
  getCompressed(key: string, options?: ReadOptions): Promise<ByteStream | null>;
  /** What is known of a value without reading it; null where there is nothing. */
  stat(key: string, options?: ReadOptions): Promise<ValueStat | null>;
  /** Removes a value; false where there was none. */
  delete(key: string, options?: ReadOptions): Promise<boolean>;
  /** Temporary keys of uploads that run or were left behind, found by a SCAN of all keys. */
  temporaryKeys(options?: ReadOptions): AsyncGenerator<TemporaryKey, void, undefined>;
  /** Removes temporary keys that `temporaryKeys` has found; gives how many were there. */
  removeTemporaryKeys(keys: readonly string[], options?: ReadOptions): Promise<number>;
}

/**
 * A store for values of any size, over zstash's own transport.
 *
 * It reads what `withCompression` has written, and the other way round.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 * @example
 * ```ts
 * import { createStore } from "zstash/store";
 *
 * const store = createStore({ url, token });
 * await store.put("report", file.stream(), { mtu: 1500 });
 * const stream = await store.get("report");
 * ```
 */
export function createStore(options: StoreOptions): Store {
  const context = readStoreOptions(options);
  const ranges = new RangeReader(context);
  const named = async <T>(key: string, work: () => Promise<T>): Promise<T> => {
    requireKey(key);
    try {
      return await work();
    } catch (error) {
      throw withKey(error, key);
    }
  };
  const get: Store["get"] = (key, { signal } = {}) =>
    named(key, async () => {
      const stored = await openStored(context, key, signal);
      return stored === null ? null : openContent(context, key, stored);
    });
  const getBytes = (key: string, { signal, maxSize = DEFAULT_MAX_SIZE }: ReadWholeOptions = {}) =>
    named(key, async () => {
      requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
      const content = await get(key, signal === undefined ? {} : { signal });
      return content === null ? null : readAll(content, maxSize);
    });
  return {
    put: (key, source, putOptions = {}) =>
      named(key, () => {
        ranges.forget(key);
        return put(context, key, source, readPutOptions(putOptions));
      }),
    get,
    getBytes,
    getText: (key, readOptions) =>
      named(key, async () => {
        const bytes = await getBytes(key, readOptions);
        return bytes === null ? null : decodeText(bytes);
      }),
    getRange: (key, start, end = Number.MAX_SAFE_INTEGER, { signal } = {}) =>
      named(key, () => ranges.read(key, start, end, signal)),
    getCompressed: (key, { signal } = {}) =>
      named(key, async () => {
        const stored = await openStored(context, key, signal);
        return stored === null ? null : openCompressed(key, stored);
      }),
    stat: (key, { signal } = {}) => named(key, () => readStat(context, key, signal)),
    delete: (key, { signal } = {}) =>
      named(key, async () => {
        ranges.forget(key);
        return requireNumber(await context.client.command(["DEL", key], { signal }), "delete", key) > 0;
      }),
    temporaryKeys: ({ signal } = {}) => findTemporaryKeys(context, signal),
    removeTemporaryKeys: (keys, { signal } = {}) => removeTemporaryKeys(context, keys, signal),
  };
}
