/** The options by which a server is reached, and the settings that they become. */
import {
  describe,
  requireFunction,
  requireInteger,
  requireOptions,
  requireSignal,
  requireSynchronous,
} from "../check.ts";
import type { EventListener } from "../metrics/events.ts";
import type { Fetch } from "./exchange.ts";

/** Options for reaching a server. */
export interface RestOptions {
  /** URL of the REST API, as in `UPSTASH_REDIS_REST_URL`: `https://….upstash.io`. */
  readonly url: string;
  /** Token of the REST API, as in `UPSTASH_REDIS_REST_TOKEN`. */
  readonly token: string;
  /** Sends the requests. Default: the platform's `fetch`, looked up at every request. */
  readonly fetch?: Fetch;
  /**
   * Which failed requests are repeated. Commands that have certainly not run are always repeated: after refused
   * connections, failed name look-ups, and the statuses 425 and 429. After other network errors, 408 and 5xx, only
   * commands are repeated that have the same effect and the same answer when they run twice. Default 5 repeats with
   * growing pauses; `false` means none.
   */
  readonly retry?: RetryOptions | false;
  /**
   * Milliseconds without a byte in either direction after which a request fails with TIMEOUT. Default 60,000; 0 means
   * no limit. While bodies of 64 KiB or more are uploaded it is longer by a second for each 32 KiB of all that go to
   * that server, because bytes that have left the process cannot be observed (on Node at most 4 MiB of each count,
   * because the rest can be). For a reply of up to 64 KiB that `fetch` reads at once it is longer by as much. Time in
   * which the event loop stood still does not count, at most ten times in one silence.
   */
  readonly timeout?: number;
  /** Headers that are added to every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Aborts requests: a signal, or a function that returns one for each request, synchronously. */
  readonly signal?: AbortSignal | (() => AbortSignal);
  /** Sends and keeps the token `upstash-sync-token`, so that replicas show your own writes. Default true. */
  readonly readYourWrites?: boolean;
}

/** Options for repeating failed requests. */
export interface RetryOptions {
  /** The most repeats after the first attempt. Default 5. */
  readonly retries?: number;
  /**
   * Milliseconds before retry number `retry`, counted from 0. Default 50 · e^retry, reduced by a random share of up
   * to a half.
   */
  readonly backoff?: (retry: number) => number;
}

/** The names of `RestOptions`, for checks of options that include them. */
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

const retryOptionNames: readonly string[] = ["retries", "backoff"];

export type RetrySettings = Required<RetryOptions>;

/**
 * Where the read-your-writes token is kept: a requester, on which the SDK shows it to its user, or an object of our
 * own.
 */
export interface TokenStore {
  /** If false, the token is neither sent nor kept. */
  readonly readYourWrites: boolean;
  /** The token of the last reply; empty before the first. */
  upstashSyncToken: string;
}

export interface RestSettings {
  /** Without a slash at the end. */
  readonly url: string;
  /** The headers of every request, including the token. */
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined for the platform's fetch. */
  readonly fetch: Fetch | undefined;
  readonly retry: RetrySettings;
  readonly timeout: number;
  readonly signal: RestOptions["signal"];
  readonly tokens: TokenStore;
  /** Called with retries and fallbacks. */
  readonly onEvent: EventListener | undefined;
}

/** A client's own signal for a request: a function is called once for each. */
export function signalOf(signal: RestOptions["signal"]): AbortSignal | undefined {
  if (typeof signal !== "function") return signal;
  const given: unknown = signal();
  requireSynchronous("signal", given);
  if (given !== undefined) requireSignal("signal", given);
  return given;
}

const DEFAULT_TIMEOUT = 60_000;
/** The longest delay that timers take. */
const TIMEOUT_MAX = 2 ** 31 - 1;
/** The longest pause of the default backoff, in milliseconds. */
const BACKOFF_MAX = 10_000;

/**
 * Checks the options and fills in their defaults.
 *
 * @throws {TypeError | RangeError} that names the option, never its value
 */
export function readRestOptions(
  options: RestOptions,
  tokens?: TokenStore,
  onEvent?: EventListener,
): RestSettings {
  const { timeout = DEFAULT_TIMEOUT, headers = {}, readYourWrites = true } = options;
  const [url, token] = [trimmed(options.url), trimmed(options.token)];
  requireAddress(url, token);
  requireInteger("timeout", timeout, 0, TIMEOUT_MAX);
  const { fetch, retry, signal } = options;
  if (fetch !== undefined) requireFunction("fetch", fetch);
  if (signal !== undefined && typeof signal !== "function") requireSignal("signal", signal);
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(`"headers" must be an object, got ${describe(headers)}`);
  }
  return {
    url: url.replace(/\/+$/, ""),
    headers: { ...headers, authorization: `Bearer ${token}` },
    fetch,
    retry: readRetry(retry),
    timeout,
    signal,
    tokens: tokens ?? { readYourWrites, upstashSyncToken: "" },
    onEvent,
  };
}

/**
 * Removes white space at the ends, as `fetch` does with header values: a token that was read from a file ends with a
 * newline.
 */
function trimmed(given: unknown): unknown {
  return typeof given === "string" ? given.trim() : given;
}

/** How a right URL looks. */
const LIKE = "such as https://….upstash.io";

/** What examples have in place of a URL and a token. */
const PLACEHOLDER = /…|\.\.\.|^<.*>$|^https?:\/\/<|\bYOUR[-_]/i;

/** Throws unless there are a URL and a token. The message names the likely cause, and never the given value. */
function requireAddress(url: unknown, token: unknown): asserts url is string {
  if (url === undefined || url === null || url === "") {
    throw new TypeError('"url" is missing: is UPSTASH_REDIS_REST_URL set?');
  }
  if (typeof url === "string" && /^rediss?:/i.test(url)) {
    throw new TypeError(`"url" is the TCP address: take the REST one, ${LIKE}`);
  }
  if (typeof url === "string" && PLACEHOLDER.test(url)) {
    throw new TypeError(
      '"url" is still a placeholder: put the REST URL of your database into UPSTASH_REDIS_REST_URL, or start "npx zstash dev"',
    );
  }
  if (typeof url !== "string" || !/^https?:\/\/[^\s?#]+$/.test(url)) {
    throw new TypeError(
      `"url" must be an http or https URL without a query (is UPSTASH_REDIS_REST_URL one?), ${LIKE}`,
    );
  }
  if (token === undefined || token === null || token === "") {
    throw new TypeError('"token" is missing: is UPSTASH_REDIS_REST_TOKEN set?');
  }
  if (typeof token === "string" && PLACEHOLDER.test(token)) {
    throw new TypeError(
      '"token" is still a placeholder: put the REST token of your database into UPSTASH_REDIS_REST_TOKEN',
    );
  }
  if (typeof token !== "string" || !/^[!-~]+$/.test(token)) {
    throw new TypeError('"token" must be a text of visible ASCII characters');
  }
}

/** Fills in the defaults; `false` means that nothing is repeated. */
export function readRetry(retry: RetryOptions | false = {}): RetrySettings {
  if (retry === false) return { retries: 0, backoff: () => 0 };
  if (typeof retry !== "object" || retry === null) {
    throw new TypeError(`"retry" must be an object or false, got ${describe(retry)}`);
  }
  requireOptions(retry, retryOptionNames, "retry");
  const { retries = 5, backoff = defaultBackoff } = retry;
  requireInteger("retry.retries", retries, 0, 100);
  requireFunction("retry.backoff", backoff);
  return { retries, backoff };
}

/** Random, so that many clients that failed together do not return together. */
export function defaultBackoff(retry: number): number {
  return Math.min(BACKOFF_MAX, 50 * Math.exp(retry)) * (0.5 + Math.random() / 2);
}
