import { describe, requireInteger } from "../check.ts";

/** How failed requests are repeated. */
export interface RetryOptions {
  /** Requests after the first, at most. Default 5. */
  readonly retries?: number;
  /** Milliseconds before retry `retry`, counted from 0. Default 50 · e^retry, less a random share of up to a half. */
  readonly backoff?: (retry: number) => number;
}

/** Complete. */
export type RetryPolicy = Required<RetryOptions>;

/** No wait of our own is longer, in milliseconds. */
const BACKOFF_MAX = 10_000;

/** The policy with its defaults; `false` is none at all. */
export function readRetry(retry: RetryOptions | false = {}): RetryPolicy {
  if (retry === false) return { retries: 0, backoff: () => 0 };
  if (typeof retry !== "object" || retry === null) {
    throw new TypeError(`"retry" must be an object or false, got ${describe(retry)}`);
  }
  const { retries = 5, backoff = defaultBackoff } = retry;
  requireInteger("retry.retries", retries, 0, 100);
  if (typeof backoff !== "function") {
    throw new TypeError(`"retry.backoff" must be a function, got ${describe(backoff)}`);
  }
  return { retries, backoff };
}

/** Spread out, so that many clients that failed together do not come back together. */
function defaultBackoff(retry: number): number {
  return Math.min(BACKOFF_MAX, 50 * Math.exp(retry)) * (0.5 + Math.random() / 2);
}
