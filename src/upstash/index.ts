/** The public door of "zstash/upstash": compression for clients of `@upstash/redis`. */
import { describe } from "../check.ts";
import { createMiddleware, type CompressionMiddleware } from "./middleware.ts";
import type { CompressionOptions, TokenHolder } from "./settings.ts";

// The types of a codec, which an option takes.
export type * from "../index.ts";
export { zstashCode } from "./batch-error.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export { compressionMiddleware, type CompressionMiddleware } from "./middleware.ts";
export type { CommandReply, CommandRequest, SendRequest } from "./plan.ts";
export type { CompressionMode, CompressionOptions } from "./settings.ts";
export type { Fetch } from "../rest/exchange.ts";
export type { RestOptions, RetryOptions } from "../rest/rest-options.ts";
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
  UndecodedEvent,
  UncompressedEvent,
  ZstashEvent,
} from "../metrics/events.ts";
export type { Policy, PolicyContext, PolicyFunction, PolicyOption, ValueKind } from "../value/policy.ts";
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

/** A client that can be wrapped: one of `@upstash/redis`, or anything else that takes its middleware. */
export interface MiddlewareHost {
  use(middleware: CompressionMiddleware): void;
}

const wrapped = new WeakSet<object>();

/**
 * Makes a Redis client compress the values it writes and decode those it reads, and returns the same client: it is
 * changed in place, once.
 *
 * Values lie in Redis as `zs1:` and a zstd frame in base64 where that saves 10 % or more, else as they are; what was
 * stored without zstash reads back unchanged. Numbers, booleans, lists, sets, streams and messages are never touched.
 *
 * With `{ url, token }` they lie there as the frame itself, a quarter smaller again, and travel as bytes over zstash's
 * own transport. Clients of both kinds read what either writes, once they all have `{ url, token }`.
 *
 * @throws {TypeError} where the client takes no middleware or is wrapped already
 * @throws {TypeError | RangeError} naming the option that is wrong
 * @example
 * ```ts
 * import { Redis } from "@upstash/redis";
 * import { withCompression } from "zstash/upstash";
 *
 * const redis = withCompression(Redis.fromEnv());
 * const smaller = withCompression(new Redis({ url, token }), { url, token });
 * ```
 */
export function withCompression<Client extends MiddlewareHost>(
  redis: Client,
  options: CompressionOptions = {},
): Client {
  if (typeof redis?.use !== "function") {
    throw new TypeError(`"redis" must be a client with a use() method, got ${describe(redis)}`);
  }
  if (wrapped.has(redis))
    throw new TypeError('"redis" is wrapped already: withCompression changes it in place');
  redis.use(
    createMiddleware(options, "readYourWritesSyncToken" in redis ? (redis as TokenHolder) : undefined),
  );
  wrapped.add(redis);
  return redis;
}
