import { describe, requireInteger } from "../codec/parameters.ts";

/** How failed requests are repeated. */
export interface RetryOptions {
  /** Requests after the first, at most. Default 5. */
  readonly attempts?: number;
  /** Milliseconds before retry `retry`, counted from 0. Default 50 · e^retry, less a random share of up to a half. */
  readonly backoff?: (retry: number) => number;
}

/** Complete. */
export type RetryPolicy = Required<RetryOptions>;

/** A server that asks for longer than this is not waited for, in milliseconds. */
const RETRY_AFTER_MAX = 30_000;
/** No wait of our own is longer, in milliseconds. */
const BACKOFF_MAX = 10_000;

/** The policy with its defaults; `false` is none at all. */
export function readRetry(retry: RetryOptions | false = {}): RetryPolicy {
  if (retry === false) return { attempts: 0, backoff: () => 0 };
  if (typeof retry !== "object" || retry === null) {
    throw new TypeError(`"retry" must be an object or false, got ${describe(retry)}`);
  }
  const { attempts = 5, backoff = defaultBackoff } = retry;
  requireInteger("retry.attempts", attempts, 0, 100);
  if (typeof backoff !== "function") {
    throw new TypeError(`"retry.backoff" must be a function, got ${describe(backoff)}`);
  }
  return { attempts, backoff };
}

/** Spread out, so that many clients that failed together do not come back together. */
function defaultBackoff(retry: number): number {
  return Math.min(BACKOFF_MAX, 50 * Math.exp(retry)) * (0.5 + Math.random() / 2);
}

/** Whether a status says that the same request may succeed later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Milliseconds that `Retry-After` asks for (RFC 9110 §10.2.3); undefined for none, Infinity for too many. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(ms)) return undefined;
  return ms > RETRY_AFTER_MAX ? Infinity : Math.max(0, ms);
}

/** Resolves after `ms`; rejects with the signal's reason. */
export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  });
}
