/** The entry of the subpath "zstash/upstash": compression for clients of `@upstash/redis`. */
import { describe } from "../check.ts";
import { compresses, markAsCompressing, signalOfClient } from "./mark.ts";
import { createMiddleware, type CompressionMiddleware } from "./middleware.ts";
import { readSettings, type CompressionOptions } from "./settings.ts";

// The types of a codec, which an option takes.
export type * from "../index.ts";
export { zstashCode } from "./batch-error.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export { compressionMiddleware, type CompressionMiddleware } from "./middleware.ts";
export type { CommandReply, CommandRequest, SendRequest } from "./plan.ts";
export {
  createRequester,
  type CompressingRequester,
  type RequesterOptions,
  type Telemetry,
} from "./requester.ts";
export { readMode, type CompressionMode } from "./mode.ts";
export type { ClientCompressionOptions, CompressionOptions } from "./settings.ts";
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
  UndecodedEvent,
  UncompressedEvent,
  WaitEvent,
  ZstashEvent,
} from "../metrics/events.ts";
export type { Policy, PolicyContext, PolicyFunction, PolicyOption, ValueKind } from "../value/policy.ts";
export type { DictionaryList } from "../value/dictionaries.ts";
export type { TextDecompressor } from "../value/decode.ts";
export type { Carrier } from "../value/carrier.ts";
export { keyvCompression, type KeyvCompression, type KeyvCompressionOptions } from "../value/keyv.ts";
export {
  decodeValue,
  encodeValue,
  type DecodedValue,
  type DecodeValueOptions,
  type EncodedValue,
  type EncodeValueOptions,
  type ValueDecompressor,
  type ValueForm,
} from "../value/value.ts";
export { ZstashError, type ZstashErrorCode } from "../errors.ts";

/** A client that can be wrapped: one of `@upstash/redis`, or anything else that accepts its middleware. */
export interface MiddlewareHost {
  /** Takes a middleware that all further requests of the client go through. */
  use(middleware: CompressionMiddleware): void;
}

/**
 * Makes a Redis client compress the values that it writes and decode those that it reads. Returns the same client,
 * which is changed in place and keeps its own transport.
 *
 * Values are stored as `zs1:` and a zstd frame in base64 if that saves 10 % or more, and uncompressed otherwise.
 * Values from before zstash read back unchanged. Numbers, booleans, sets, streams and messages are never changed, and
 * lists only if the policy says so (`lists`).
 *
 * A client of `zstash/redis` stores a quarter less: it sends the requests itself, with frames as bytes.
 *
 * @throws {TypeError} if the client accepts no middleware or compresses already, or for an option of a transport
 * @throws {TypeError | RangeError} for a wrong option; the message names it
 * @example
 * ```ts
 * import { Redis } from "@upstash/redis";
 * import { withCompression } from "zstash/upstash";
 *
 * const redis = withCompression(Redis.fromEnv());
 * await redis.set("greeting", "hello");
 * await redis.get("greeting"); // → "hello"
 * ```
 */
export function withCompression<Client extends MiddlewareHost>(
  redis: Client,
  options: CompressionOptions = {},
): Client {
  requireHost(redis);
  if (compresses(redis)) {
    throw new TypeError(
      '"redis" compresses already: withCompression changes a client in place, once, and one of "zstash/redis" needs none',
    );
  }
  redis.use(createMiddleware({ ...readSettings(options), signal: signalOfClient(redis) }));
  markAsCompressing(redis);
  return redis;
}

/** What users of ioredis, node-redis and other clients over TCP should do instead. */
const OVER_TCP =
  "(a client over TCP, such as ioredis: give it encodeValue(value) to write, and decodeValue what its getBuffer reads)";

/** Throws for an object that accepts no middleware. Clients over TCP have commands of the same names. */
function requireHost(redis: unknown): asserts redis is MiddlewareHost {
  const { use, sendCommand } = (redis ?? {}) as { readonly use?: unknown; readonly sendCommand?: unknown };
  if (typeof use === "function") return;
  const overTcp = typeof sendCommand === "function" ? ` ${OVER_TCP}` : "";
  throw new TypeError(`"redis" must be a client with a use() method, got ${describe(redis)}${overTcp}`);
}
