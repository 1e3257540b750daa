/** The options of the cache handlers, and the parts that they describe: a store for entries, a client for tags. */
import { environment } from "../adapters/environment.ts";
import { requireFunction, requireInteger, requireOptions, requireString } from "../check.ts";
import { RestClient } from "../rest/client.ts";
import type { Fetch } from "../rest/exchange.ts";
import { readRestOptions } from "../rest/rest-options.ts";
import { createStore, type Store, type StoreOptions } from "../store/index.ts";
import { storeOptionNames } from "../store/options.ts";
import { Outage } from "./outage.ts";
import { Tags } from "./tags.ts";

/**
 * Options of `createCacheHandler` and `createUseCacheHandler`. Those of a store have its defaults, but for two, because a page
 * waits for its cache: `retry` 2 repeats, `timeout` 5,000 ms.
 */
export interface CacheHandlerOptions extends Omit<StoreOptions, "url" | "token"> {
  /** URL of the REST API. Default: what `UPSTASH_REDIS_REST_URL` says, else `KV_REST_API_URL`. */
  readonly url?: string;
  /** Token of the REST API. Default: what `UPSTASH_REDIS_REST_TOKEN` says, else `KV_REST_API_TOKEN`. */
  readonly token?: string;
  /**
   * Begins all keys. Default "next:". Pages of one build do not fit another: for `cacheHandler` it names the build. Keys of
   * `cacheHandlers` name it by themselves.
   */
  readonly prefix?: string;
  /** The most seconds that an entry lives. Default 30 days. */
  readonly ttl?: number;
  /**
   * Told of what could not be read, which counts as not there, and of what could not be written, which is not kept. While Redis
   * does not answer, that is once in twice `timeout`: in between nothing is asked, and then one request tries. Of what Redis
   * refuses with the same words it is told as often. What it throws fails the page. Default: `console.error`. A tag that cannot
   * be revalidated is always an error of the caller's.
   */
  readonly onError?: (error: unknown) => void;
}

/** What both handlers work on. */
export interface SharedCache {
  readonly store: Store;
  readonly tags: Tags;
  readonly prefix: string;
  /** Seconds. */
  readonly ttl: number;
  readonly outage: Outage;
}

const OWN_NAMES = ["prefix", "ttl", "onError"] as const;
const DEFAULT_TTL = 30 * 24 * 3600;
const DEFAULT_RETRY = { retries: 2 };
const DEFAULT_TIMEOUT = 5000;
const TTL_MAX = 10 * 365 * 24 * 3600;

/**
 * Validates the options.
 *
 * @throws {TypeError | RangeError} naming the option that is wrong
 */
export function readCacheOptions(options: CacheHandlerOptions): SharedCache {
  requireOptions(options, [...storeOptionNames, ...OWN_NAMES]);
  const { prefix = "next:", ttl = DEFAULT_TTL, onError = report, fetch, ...rest } = options;
  const { retry = DEFAULT_RETRY, timeout = DEFAULT_TIMEOUT } = rest;
  requireString("prefix", prefix);
  requireInteger("ttl", ttl, 1, TTL_MAX);
  requireFunction("onError", onError);
  if (fetch !== undefined) requireFunction("fetch", fetch);
  const env = environment();
  const url = rest.url ?? (env["UPSTASH_REDIS_REST_URL"] || env["KV_REST_API_URL"]);
  const token = rest.token ?? (env["UPSTASH_REDIS_REST_TOKEN"] || env["KV_REST_API_TOKEN"]);
  const reached = { ...rest, retry, timeout, fetch: internalFetch(fetch), url: url!, token: token! };
  const client = new RestClient(readRestOptions(reached, undefined, rest.onEvent));
  return {
    store: createStore(reached),
    tags: new Tags(client, `${prefix}tags`, ttl),
    prefix,
    ttl,
    outage: new Outage(timeout, onError),
  };
}

const report = (error: unknown): void => console.error("Cannot use the cache in Redis:", error);

/** Next.js replaces `fetch`, and would take these requests for the page's own: no page would be kept. */
function internalFetch(given: Fetch | undefined): Fetch {
  return (input, init) => {
    const own = { ...init, next: { internal: true } };
    return given === undefined ? globalThis.fetch(input, own) : given(input, own);
  };
}
