/** The interface of a store: what each method does, throws and costs, and an example of it that a test runs. */
import type { ByteStream } from "../streams.ts";
import type { DownloadOptions, PutOptions, ReadOptions, ReadWholeOptions, ScanOptions } from "./options.ts";
import type { PutResult } from "./put.ts";
import type { ValueSource } from "./source.ts";
import type { ValueStat } from "./stat.ts";
import type { TemporaryKey } from "./sweep.ts";

/** Values of any size in Redis, each stored as a plain .zst file in a string. */
export interface Store {
  /**
   * Compresses a value and stores it: in one request up to 2 MiB compressed; a larger one in pieces under a temporary
   * key, which is renamed when it is complete. Readers see the complete old value or the complete new one.
   *
   * Buffers and views are copied before `put` returns its promise, which is synchronous work of 1 to 3 ms a MB: the
   * caller may change or transfer them at once. Chunks of a stream or an iterable are copied when they are taken, and
   * may be changed once the next one is asked for. A Blob is not copied; one that yields another number of bytes than
   * its size is a RangeError. To keep large bytes from being in memory twice, pass a Blob or a stream.
   *
   * @returns Facts about what was stored, or null if `ifAbsent` found a value.
   * @throws {ZstashError} RECORD_LIMIT, REQUEST_LIMIT, REDIS, TIMEOUT, OUT_OF_MEMORY; the signal's reason
   * @throws {TypeError | RangeError} for wrong arguments
   * @example
   * ```ts
   * const logs = "GET /reports/2026 200\n".repeat(10_000);
   * const stored = await store.put("logs", logs, { layout: { frameSize: 65_536 }, ttl: 86_400 });
   * [stored?.size, stored?.frameCount]; // → [220_000, 4]
   * await store.put("logs", "others", { ifAbsent: true }); // → null
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
   * await store.put("page", "<h1>Reports</h1>");
   * const stream = await store.get("page");
   * await new Response(stream).text(); // → "<h1>Reports</h1>"
   * await store.get("no such page"); // → null
   * ```
   */
  get(key: string, options?: DownloadOptions): Promise<ByteStream | null>;
  /**
   * Reads the whole content as bytes; null if the key does not exist.
   *
   * @throws {ZstashError} as `get`, and SIZE_LIMIT
   * @example
   * ```ts
   * await store.put("pixels", Uint8Array.of(255, 0, 255));
   * await store.getBytes("pixels"); // → Uint8Array.of(255, 0, 255)
   * ```
   */
  getBytes(key: string, options?: ReadWholeOptions): Promise<Uint8Array<ArrayBuffer> | null>;
  /**
   * Reads the whole content as text, which keeps a byte order mark; null if the key does not exist.
   *
   * @throws {ZstashError} as `getBytes`, and NOT_TEXT
   * @example
   * ```ts
   * await store.put("report", JSON.stringify({ year: 2026 }));
   * await store.getText("report", { maxSize: 1_000_000 }); // → '{"year":2026}'
   * ```
   */
  getText(key: string, options?: ReadWholeOptions): Promise<string | null>;
  /**
   * Reads the bytes `[start, end)` of the content as a stream; null if the key does not exist. Of a seekable value
   * only the frames that hold the range are read: in two requests, or one if its seek table was read before. `end`
   * defaults to the end and is clamped to the content's size.
   *
   * @throws {ZstashError} as `get`
   * @throws {RangeError} for a `start` past the end; in the stream, if the size is only known at the end
   * @example
   * ```ts
   * await store.put("alphabet", "abcdefghijklmnopqrstuvwxyz".repeat(10_000), { layout: { frameSize: 65_536 } });
   * const part = await store.getRange("alphabet", 130_000, 130_005);
   * await new Response(part).text(); // → "abcde"
   * ```
   */
  getRange(key: string, start: number, end?: number, options?: ReadOptions): Promise<ByteStream | null>;
  /**
   * Reads the value as one frame with a checksum and a window of at most 8 MiB, which every zstd client over HTTP
   * decodes (`Content-Encoding: zstd`); null if the key does not exist. A value that is stored like that is returned
   * unchanged, without the codec; any other is compressed again as it passes.
   *
   * @throws {ZstashError} as `get`; UNSUPPORTED in the stream for a file of more than 16 KiB that has
   * several frames and no seek table, which the store never writes
   * @example
   * ```ts
   * await store.put("page", "<h1>Reports</h1>".repeat(100));
   * const frame = await store.getCompressed("page");
   * const headers = { "content-type": "text/html", "content-encoding": "zstd" };
   * const response = new Response(frame, { headers });
   * const [first] = new Uint8Array(await response.arrayBuffer());
   * first; // → 0x28
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
   * await store.put("report", "a".repeat(100_000), { ttl: 60 });
   * const stat = await store.stat("report");
   * [stat?.size, stat?.form, stat?.frameCount]; // → [100_000, "frame", 1]
   * await store.stat("no such report"); // → null
   * ```
   */
  stat(key: string, options?: ReadOptions): Promise<ValueStat | null>;
  /**
   * Deletes a value. Returns false if there was none.
   *
   * @throws {ZstashError} REDIS, TIMEOUT; the signal's reason
   * @example
   * ```ts
   * await store.put("report", "old");
   * await store.delete("report"); // → true
   * await store.delete("report"); // → false
   * ```
   */
  delete(key: string, options?: ReadOptions): Promise<boolean>;
  /**
   * Temporary keys of uploads that run or were left behind, found by a SCAN of all keys.
   *
   * @throws {ZstashError} REDIS, TIMEOUT; the signal's reason
   * @example
   * ```ts
   * const left = [];
   * for await (const { key, size, abandoned } of store.temporaryKeys()) if (abandoned) left.push([key, size]);
   * left; // → []
   * ```
   */
  temporaryKeys(options?: ScanOptions): AsyncGenerator<TemporaryKey, void, undefined>;
  /**
   * Removes temporary keys that `temporaryKeys` has found; returns how many were there.
   *
   * @throws {ZstashError} REDIS, TIMEOUT; the signal's reason
   * @example
   * ```ts
   * const keys = [];
   * for await (const { key, abandoned } of store.temporaryKeys()) if (abandoned) keys.push(key);
   * await store.removeTemporaryKeys(keys); // → 0
   * ```
   */
  removeTemporaryKeys(keys: readonly string[], options?: ReadOptions): Promise<number>;
}
