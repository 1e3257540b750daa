import { describe, requireInteger } from "../check.ts";
import type { Fetch } from "./exchange.ts";
import { readRetry, type RetryOptions, type RetryPolicy } from "./retry.ts";
import type { TokenStore } from "./sync-token.ts";

/** How a server is reached. */
export interface RestOptions {
  /** Of the REST API: `UPSTASH_REDIS_REST_URL`. */
  readonly url: string;
  /** `UPSTASH_REDIS_REST_TOKEN`. */
  readonly token: string;
  /** What sends requests. Default: the platform's `fetch`, looked up at every request. */
  readonly fetch?: Fetch;
  /**
   * Repeats after network errors, 429 and 5xx, of commands that leave and answer the same when they run twice. Default
   * 5 repeats with growing pauses; `false` for none.
   */
  readonly retry?: RetryOptions | false;
  /** Milliseconds without a sign of life after which a request is TIMEOUT. Default 60,000; 0 for no limit. */
  readonly timeout?: number;
  /** Headers for every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends requests: a signal, or a function that gives one for each request. */
  readonly signal?: AbortSignal | (() => AbortSignal);
  /** Read your writes also from replicas (`upstash-sync-token`). Default true. */
  readonly readYourWrites?: boolean;
}

/** Names of `RestOptions`, for whoever takes them among others. */
export const restOptionNames: readonly string[] = [
  "url",
  "token",
  "fetch",
  "retry",
  "timeout",
  "headers",
  "signal",
  "readYourWrites",
];

/** Validated. */
export interface RestSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly fetch: Fetch;
  readonly retry: RetryPolicy;
  readonly timeout: number;
  readonly signal: () => AbortSignal | undefined;
  readonly readYourWrites: boolean;
  /** Where the token is kept; undefined where nobody else looks at it. */
  readonly tokens: TokenStore | undefined;
}

const DEFAULT_TIMEOUT = 60_000;
/** The longest delay that timers take. */
const TIMEOUT_MAX = 2 ** 31 - 1;

/**
 * Validates the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} naming the option, never its value
 */
export function readRestOptions(options: RestOptions, tokens?: TokenStore): RestSettings {
  const { url, token, timeout = DEFAULT_TIMEOUT, headers = {}, readYourWrites = true } = options;
  if (typeof url !== "string" || !/^https?:\/\/[^\s?#]+$/.test(url)) {
    throw new TypeError('"url" must be an http or https URL without a query');
  }
  if (typeof token !== "string" || !/^[!-~]+$/.test(token)) {
    throw new TypeError('"token" must be a text of visible ASCII characters');
  }
  requireInteger("timeout", timeout, 0, TIMEOUT_MAX);
  const { fetch = platformFetch, signal } = options;
  if (typeof fetch !== "function") throw new TypeError(`"fetch" must be a function, got ${describe(fetch)}`);
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(`"headers" must be an object, got ${describe(headers)}`);
  }
  return {
    url: url.replace(/\/+$/, ""),
    headers: { ...headers, authorization: `Bearer ${token}` },
    fetch,
    retry: readRetry(options.retry),
    timeout,
    signal: typeof signal === "function" ? signal : () => signal,
    readYourWrites,
    tokens,
  };
}

const platformFetch: Fetch = (input, init) => fetch(input, init);
