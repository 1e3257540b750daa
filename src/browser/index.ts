/** `zstash/browser`: one file that decodes stored values in a page, a worker or a service worker, without a build step. */
import { loadModule } from "#wasm/decoder";
import { concatenate, isBytes } from "../bytes.ts";
import { describe, requireFunction, requireInteger, requireOptions } from "../check.ts";
import { LoneDecoder, type LoneLimits } from "../codec/lone-decoder.ts";
import { chunksOf, createReaderStream, type ByteGenerator } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { DEFAULT_MAX_SIZE, DEFAULT_MAX_WINDOW_LOG, WINDOW_LOG_MAX, WINDOW_LOG_MIN } from "../limits.ts";
import type { ByteReader, ByteStream } from "../streams.ts";
import { utf8Encoder } from "../text.ts";
import { isDestroyedFrame } from "../value/carrier.ts";
import { contentOf, openStored } from "./stored.ts";

export { ZstashError, type Effect, type ZstashErrorCode, type ZstashErrorDetails } from "../errors.ts";

/** Limits of decoding. */
export interface DecodeStoredOptions {
  /** The most bytes of content; more is SIZE_LIMIT. Default: 32 MiB, and no limit for responses. */
  readonly maxSize?: number;
  /** log2 of the largest window, 10…30; a frame that needs more is WINDOW_LIMIT. Default: 23 (8 MiB). */
  readonly maxWindowLog?: number;
}

/** The progress of decoding a response. Numbers are bytes. */
export interface DecodeProgress {
  /** Bytes of the body that have arrived: compressed bytes, where the body is a stored frame. */
  readonly storedSize: number;
  /** The size of the whole body; undefined if the response does not say it. */
  readonly totalStoredSize: number | undefined;
  /** Bytes of content that have been read. */
  readonly size: number;
  /**
   * Bytes of content that the frames seen so far declare: all of the content for a value of one frame. Undefined if
   * they declare nothing, and for a body that is not a frame.
   */
  readonly declaredSize: number | undefined;
}

/** Options of `decodeResponse` and `fetchDecoded`. */
export interface DecodeResponseOptions extends DecodeStoredOptions {
  /** Called with the progress after each chunk. What it throws is ignored. */
  readonly onProgress?: (progress: DecodeProgress) => void;
}

const LIMIT_NAMES: readonly string[] = ["maxSize", "maxWindowLog"];

/**
 * Fetches as `fetch` does, and decodes a body that is a stored value: frames, or frames in base64 as
 * `withCompression` writes them, whatever the headers say. Any other body stays as it is, such as one that the
 * browser has already decoded.
 *
 * The body is decoded as it is read, and each frame's checksum and size are checked. `init` is the same as for
 * `fetch`. Content that itself begins like a frame (a `.zst` file that was stored) is decoded too: use `fetch` for
 * it.
 *
 * A fault at the beginning rejects; a later fault errors the body. A reader of `body` gets that error; `json`, `text`
 * and the like reject with an error of the browser's own instead.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT, CHECKSUM_MISMATCH, SIZE_LIMIT, WINDOW_LIMIT, DICTIONARY_UNKNOWN,
 * WASM_UNAVAILABLE, OUT_OF_MEMORY
 * @throws {TypeError} for what `fetch` rejects, and for wrong arguments
 * @example
 * ```ts
 * const response = await fetchDecoded(`${site}/report`, { signal }, { maxSize: 1 << 20 });
 * const report = await response.json();
 * report.visits; // → 3
 * ```
 */
export async function fetchDecoded(
  input: string | URL | Request,
  init?: RequestInit,
  options: DecodeResponseOptions = {},
): Promise<Response> {
  readOptions(options);
  return decodeResponse(await fetch(input, init), options);
}

/**
 * Decodes the body of a response as `fetchDecoded` does: a response from a cache, or from your own `fetch`. Status
 * and headers stay, except `Content-Encoding` and `Content-Length`; a partial body (206) stays as it is.
 *
 * @throws {ZstashError} as `fetchDecoded`
 * @throws {TypeError} for wrong arguments
 * @example
 * ```ts
 * const response = await decodeResponse(await fetch(`${site}/report`));
 * const report = await response.json();
 * report.visits; // → 3
 * ```
 */
export async function decodeResponse(
  response: Response,
  options: DecodeResponseOptions = {},
): Promise<Response> {
  const settings = readOptions(options);
  const { body, status, statusText, url } = response;
  if (body === null || status === 206) return response;
  const counts = { stored: 0, size: 0, declared: undefined as number | undefined };
  const reader = body.getReader() as unknown as ByteReader;
  const counted = async function* (): ByteGenerator {
    for await (const chunk of chunksOf(reader)) {
      counts.stored += chunk.length;
      yield chunk;
    }
  };
  let opened;
  try {
    opened = await openStored(counted());
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  }
  const headers = new Headers(response.headers);
  const wasDecoded = opened.form === "plain" && headers.has("content-encoding");
  const length = headers.get("content-length");
  if (opened.form !== "plain" || wasDecoded)
    for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  if (opened.form !== "plain") restoreType(headers);
  // A body that the browser has decoded itself has another size than it had on the way.
  const total = length === null || wasDecoded ? undefined : Number(length);
  const tell = (): void => {
    const { stored, size, declared } = counts;
    report(options.onProgress, {
      storedSize: stored,
      // A header that another origin hides may have said that the browser decodes.
      totalStoredSize: total !== undefined && stored <= total ? total : undefined,
      size,
      declaredSize: declared,
    });
  };
  const stream = createReaderStream(reader, async function* content() {
    const chunks = contentOf(opened, loadDecoder, settings, ({ type, contentSize }) => {
      if (type === "frame" && contentSize !== undefined)
        counts.declared = (counts.declared ?? 0) + contentSize;
    });
    for await (const chunk of chunks) {
      counts.size += chunk.length;
      tell();
      yield chunk;
    }
    tell();
  });
  const decoded = new Response(await begun(stream), { status, statusText, headers });
  // A response that a program makes has no URL.
  Object.defineProperty(decoded, "url", { value: url, configurable: true });
  return decoded;
}

/**
 * Decodes a stored value, given as the string or the bytes that a key holds: frames in base64 as `withCompression`
 * writes them, raw frames, or an uncompressed value, whose bytes are returned (UTF-8 for a string).
 *
 * @throws {ZstashError} as `fetchDecoded`, and UNSUPPORTED for a raw frame that was read as text
 * @throws {TypeError} for wrong arguments
 * @example
 * ```ts
 * const reply = await fetch(`${url}/get/report`, { headers: { authorization: `Bearer ${token}` } });
 * const { result } = await reply.json();
 * const report = JSON.parse(new TextDecoder().decode(await decodeStored(result)));
 * report.visits; // → 3
 * ```
 */
export async function decodeStored(
  value: string | Uint8Array | ArrayBuffer,
  options: DecodeStoredOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const settings = readLimits(options, LIMIT_NAMES, DEFAULT_MAX_SIZE);
  if (typeof value === "string" && isDestroyedFrame(value))
    throw new ZstashError(
      "UNSUPPORTED",
      "Cannot read the value: its bytes were read as text; ask for them as base64 or as RESP2",
    );
  const bytes = bytesOf(value);
  const parts: Uint8Array[] = [];
  // Not by a Response: browsers replace our errors by their own.
  for await (const part of contentOf(await openStored(whole(bytes)), loadDecoder, settings)) parts.push(part);
  return concatenate(parts);
}

/** Returns a stream whose first chunk has been read, so that a fault at the beginning has been thrown already. */
async function begun(stream: ByteStream): Promise<ByteStream> {
  const reader = stream.getReader();
  const first = await reader.read();
  return createReaderStream(reader, async function* all() {
    if (first.done) return;
    yield first.value;
    yield* chunksOf(reader);
  });
}

async function* whole(bytes: Uint8Array): ByteGenerator {
  yield bytes;
}

function bytesOf(value: unknown): Uint8Array {
  if (typeof value === "string") return utf8Encoder.encode(value);
  if (isBytes(value)) return value;
  if (Object.prototype.toString.call(value) === "[object ArrayBuffer]")
    return new Uint8Array(value as ArrayBuffer);
  throw new TypeError(`"value" must be a string or bytes, got ${describe(value)}`);
}

function readOptions(options: DecodeResponseOptions): LoneLimits {
  const settings = readLimits(options, [...LIMIT_NAMES, "onProgress"], Number.MAX_SAFE_INTEGER);
  if (options.onProgress !== undefined) requireFunction("onProgress", options.onProgress);
  return settings;
}

function readLimits(options: DecodeStoredOptions, names: readonly string[], most: number): LoneLimits {
  requireOptions(options, names);
  const { maxSize = most, maxWindowLog = DEFAULT_MAX_WINDOW_LOG } = options;
  requireInteger("maxSize", maxSize, 0, Number.MAX_SAFE_INTEGER);
  requireInteger("maxWindowLog", maxWindowLog, WINDOW_LOG_MIN, WINDOW_LOG_MAX);
  return { maxSize, maxWindowLog };
}

/**
 * Restores the content type: a frame that was handed out as `application/zstd` names it as a parameter, where the
 * server knows it.
 */
function restoreType(headers: Headers): void {
  const match = /^application\/zstd\b(?:\s*;\s*type="([^"]*)")?/i.exec(headers.get("content-type") ?? "");
  if (match === null) return;
  if (match[1] === undefined) headers.delete("content-type");
  else headers.set("content-type", match[1]);
}

let shared: Promise<LoneDecoder> | undefined;

/** The decoder of the page. A load that failed is tried again. */
function loadDecoder(): Promise<LoneDecoder> {
  shared ??= loadModule()
    .then((module) => new LoneDecoder(module))
    .catch((cause: unknown) => {
      shared = undefined;
      throw new ZstashError(
        "WASM_UNAVAILABLE",
        "Cannot load zstd: this browser has no WebAssembly, or the page's Content-Security-Policy lacks script-src 'wasm-unsafe-eval'",
        { cause },
      );
    });
  return shared;
}

function report(observer: DecodeResponseOptions["onProgress"], progress: DecodeProgress): void {
  try {
    observer?.(progress);
  } catch {
    // An observer cannot disturb the work.
  }
}
