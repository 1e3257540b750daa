/** `zstash/serve`: answers an HTTP request with a stored value, unchanged if the client decodes zstd itself. */
import { isBytes } from "../bytes.ts";
import { describe, requireFunction, requireOptions, requireString, requireSynchronous } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { onAbort } from "../signals.ts";
import type { ByteStream, ReadableBytes } from "../streams.ts";
import { CodecLoader, type CodecOption } from "../value/codec-loader.ts";
import { requireTag } from "./conditions.ts";
import { respond, type Wanted } from "./respond.ts";
import { sourceOfBytes, sourceOfReader } from "./source.ts";
import { sourceOfKey, type ServedStore } from "./key.ts";

// The types of a codec, which an option takes, and of streams.
export type * from "../index.ts";
export type { ServedStat, ServedStore } from "./key.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export { ZstashError, type ZstashErrorCode } from "../errors.ts";

/** Options of `serve` and `serveKey`: those of a Response, and two more. */
export interface ServeInit {
  /** Headers of the response, such as `Content-Type` and `Cache-Control`. */
  readonly headers?: ResponseInit["headers"];
  /** The status of the response. Default 200; with another status there are no ranges and no conditions. */
  readonly status?: number;
  /** The status text of the response, with HTTP/1.1 only. Default: none. */
  readonly statusText?: string;
  /**
   * A text that distinguishes versions of the value, for the entity tag, with or without quotes; each coding has its
   * own tag made from it. Default: made from the checksums in the frames, and none for a stream.
   */
  readonly etag?: string;
  /** The codec, for clients that do not get the stored bytes. Default: `loadZstd()`, when it is first needed. */
  readonly zstd?: CodecOption;
}

/** Options of `serveKey`: those of `serve`, and one more. */
export interface ServeKeyInit extends ServeInit {
  /**
   * Returns the `Content-Type` of a key's value if `headers` has none, or undefined. Redis stores no type with a
   * value, so the key's name has to tell it.
   */
  readonly contentType?: (key: string) => string | undefined;
}

const INIT_NAMES: readonly string[] = ["status", "statusText", "headers", "etag", "zstd"];
/** How often a value is looked up that changes while it is read. */
const ATTEMPTS = 3;
const METHODS: readonly string[] = ["GET", "HEAD"];
/** Headers that follow from the request and the value. */
const OWN_HEADERS = ["content-encoding", "content-length", "content-range", "transfer-encoding"] as const;

/**
 * Answers a GET or HEAD request with a stored value: the bytes of a key, as a client for bytes reads them, or a
 * stream of them.
 *
 * A client that accepts zstd gets the stored bytes unchanged, with `Content-Encoding: zstd`, without a codec and
 * without a copy, if they are one frame without a dictionary and with a window of at most 8 MiB (RFC 9659); any other
 * compressed value is compressed again for it. Other clients get the content, decoded as it is sent. Ranges of the
 * content are answered if its size is known; of a seekable value only the frames that hold the range are decoded. An
 * uncompressed value is sent unchanged.
 *
 * It sets `Vary`, a strong `ETag` for each coding, `Content-Length` if it is known, and `no-transform` for zstd;
 * `headers` are kept. The status may be 206, 304, 405, 406, 412 or 416.
 *
 * A fault at the beginning of a value, or anywhere in content of up to 1 MiB, rejects. A later fault errors the body,
 * and the host cuts the connection: a client never takes it for complete. For a client that accepts zstd, a stream of
 * several frames is such a fault: pass it as bytes, or read it with the store's `getCompressed`.
 *
 * @throws {ZstashError} NOT_ZSTD, TRUNCATED, CORRUPT, CHECKSUM_MISMATCH, DICTIONARY_UNKNOWN, WINDOW_LIMIT, SIZE_LIMIT,
 * WASM_UNAVAILABLE
 * @throws {TypeError} for wrong arguments
 * @example
 * ```ts
 * const stored = await store.getCompressed("page");
 * const response =
 *   stored === null
 *     ? new Response(null, { status: 404 })
 *     : await serve(request, stored, { headers: { "content-type": "text/html" } });
 * response.status; // → 200
 * ```
 */
export async function serve(
  request: Request,
  compressed: Uint8Array | ReadableBytes,
  init: ServeInit = {},
): Promise<Response> {
  const { wanted, codec } = readInit(request, init);
  if (isBytes(compressed)) {
    if (!METHODS.includes(request.method)) return notAllowed();
    const source = await sourceOfBytes(compressed as Uint8Array<ArrayBuffer>, codec);
    return respond(request, source, wanted);
  }
  requireFunction("compressed.getReader", (compressed as ReadableBytes | undefined)?.getReader);
  const stream = compressed as ByteStream;
  if (!METHODS.includes(request.method)) {
    await stream.cancel();
    return notAllowed();
  }
  const reader = stream.getReader();
  const stop = (): void => void reader.cancel().catch(() => undefined);
  // A client that leaves before the response begins: no host cancels a body that does not exist yet.
  const { signal } = request;
  const ignore = onAbort(signal, stop);
  try {
    return await respond(request, await sourceOfReader(reader, codec), wanted);
  } catch (error) {
    stop();
    signal.throwIfAborted();
    throw error;
  } finally {
    ignore();
  }
}

/**
 * Answers a GET or HEAD request with the value of a key; 404 if there is none. It asks the store for the value's size
 * and version first, so that ranges, conditions, HEAD and `Content-Length` cost no download; a range reads only the
 * frames that hold it. A value that is replaced meanwhile is read again, up to three times, if nothing has been sent
 * yet.
 *
 * @param store A store of `zstash/store`, or an object with its methods.
 * @throws {ZstashError} as `serve` and the store's methods, and VALUE_CHANGED
 * @throws {TypeError} for wrong arguments
 * @example
 * ```ts
 * const worker = {
 *   fetch: (request: Request) => serveKey(request, store, new URL(request.url).pathname.slice(1)),
 * };
 * const response = await worker.fetch(request);
 * response.status; // → 200
 * ```
 */
export async function serveKey(
  request: Request,
  store: ServedStore,
  key: string,
  init: ServeKeyInit = {},
): Promise<Response> {
  const { wanted, codec } = readInit(request, init, [...INIT_NAMES, "contentType"]);
  for (const name of ["stat", "getCompressed", "getRange"] as const)
    requireFunction(`store.${name}`, store?.[name]);
  requireString("key", key);
  readContentType(init, key, wanted.headers);
  if (!METHODS.includes(request.method)) return notAllowed();
  for (let attempt = 1; ; attempt++) {
    const source = await sourceOfKey(store, key, codec);
    if (source === null) return new Response(null, { status: 404 });
    try {
      return await respond(request, source, wanted);
    } catch (error) {
      // The value was replaced between two requests to Redis: the new one is sent.
      if (attempt === ATTEMPTS || !(error instanceof ZstashError && error.code === "VALUE_CHANGED"))
        throw error;
    }
  }
}

/** Reads the type of a key's value into the headers. */
function readContentType({ contentType }: ServeKeyInit, key: string, headers: Headers): void {
  if (contentType === undefined) return;
  requireFunction("contentType", contentType);
  if (headers.has("content-type")) return;
  const type: unknown = contentType(key);
  if (type === undefined) return;
  requireSynchronous("contentType", type);
  requireString("contentType", type);
  headers.set("content-type", type);
}

/** The loader of all calls that set no codec. */
let shared: CodecLoader | undefined;

function readInit(
  request: Request,
  init: ServeInit,
  names: readonly string[] = INIT_NAMES,
): { readonly wanted: Wanted; readonly codec: CodecLoader } {
  if (typeof request?.headers?.get !== "function")
    throw new TypeError(`"request" must be a Request, got ${describe(request)}`);
  requireOptions(init, names);
  const { status = 200, statusText, etag, zstd } = init;
  requireTag(etag);
  const headers = new Headers(init.headers);
  for (const name of OWN_HEADERS)
    if (headers.has(name)) throw new TypeError(`"headers" must not have ${name}: serve sets it`);
  return {
    wanted: { status, statusText, headers, etag },
    codec: zstd === undefined ? (shared ??= new CodecLoader()) : new CodecLoader(zstd),
  };
}

function notAllowed(): Response {
  return new Response(null, { status: 405, headers: { allow: METHODS.join(", ") } });
}
