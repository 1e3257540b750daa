/** zstash/next: cache handlers of Next.js that keep what it caches in Redis, compressed, for all servers. */

// The types of a codec, which an option takes, and of streams.
export type * from "../index.ts";
export { createCacheHandler } from "./page-cache.ts";
export type {
  Lifetime,
  PageCacheContext,
  PageCacheEntry,
  PageCacheHandler,
  PageCacheValue,
} from "./page-cache.ts";
export { createUseCacheHandler } from "./use-cache.ts";
export type { UseCacheEntry, UseCacheHandler } from "./use-cache.ts";
export type { CacheHandlerOptions } from "./options.ts";
export type { StoreOptions } from "../store/index.ts";
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
  UndecodedEvent,
  WaitEvent,
  ZstashEvent,
} from "../metrics/events.ts";
export type { CodecOption } from "../value/codec-loader.ts";
export type { DictionaryList } from "../value/dictionaries.ts";
export type { ValueKind } from "../value/policy.ts";
export { ZstashError, type ZstashErrorCode } from "../errors.ts";
