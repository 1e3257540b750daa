/** Decides whether, how often and when a failed request is sent again, and what is known of its effect. */
import type { Effect, ZstashError } from "../errors.ts";
import { onAbort } from "../signals.ts";
import type { RetrySettings } from "./rest-options.ts";

/** The longest `Retry-After` that is waited for, in milliseconds. */
const RETRY_AFTER_MAX = 30_000;

/** Statuses that a server gives instead of running the command. */
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 425, 429, 431]);

/** Facts of a failed attempt besides its error. */
export interface AttemptOutcome {
  /** The same request may succeed later. */
  readonly passing: boolean;
  /** The response's `Retry-After`, if there was one. */
  readonly retryAfter?: string | null;
}

/** An attempt that may be followed by another. It never leaves `withAttempts`, which throws its `error`. */
export class FailedAttempt extends Error {
  override readonly name = "FailedAttempt";
  readonly error: ZstashError;
  readonly outcome: AttemptOutcome;

  constructor(error: ZstashError, outcome: AttemptOutcome) {
    super(error.message);
    this.error = error;
    this.outcome = outcome;
  }
}

/** The conditions under which an attempt is repeated. */
export interface AttemptOptions {
  readonly retry: RetrySettings;
  /** The request may be sent again although it may have run. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called after each failed attempt that the server may carry out, now or later. */
  readonly onLost?: (() => void) | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or has been repeated often enough. A request that is not repeatable
 * is never sent again, nor is one that timed out: its caller has waited long enough.
 *
 * @throws {ZstashError} of the last attempt; its message says so if a request that must not run twice may have run
 */
export async function withAttempts<T>(
  { retry, repeatable, signal, onLost }: AttemptOptions,
  attempt: (index: number) => Promise<T>,
): Promise<T> {
  let lost = false;
  for (let index = 0; ; index++) {
    try {
      return await attempt(index);
    } catch (thrown) {
      if (!(thrown instanceof FailedAttempt)) {
        // The caller gave up: what becomes of the command is unknown here too.
        onLost?.();
        throw thrown;
      }
      const { error, outcome } = thrown;
      if (error.effect === "unknown") onLost?.();
      lost ||= error.effect === "unknown";
      const asked = retryAfter(outcome.retryAfter ?? null);
      const again = repeatable && outcome.passing && index < retry.retries && asked !== Infinity;
      if (!again) throw lost ? ofUnknownEffect(error, repeatable) : error;
      await sleep(asked ?? retry.backoff(index), signal);
    }
  }
}

/** The error of the last attempt where that one or an earlier one may have run. A repeatable command may: no text says it. */
function ofUnknownEffect(error: ZstashError, repeatable: boolean): ZstashError {
  if (repeatable) return error.effect === "unknown" ? error : error.with({ effect: "unknown" });
  const message = `${error.message}; whether the command has run is unknown`;
  return error.with({ message, effect: "unknown", cause: error.cause ?? error });
}

/** A failure after an attempt whose answer could not be used: the command has run then, or may have. */
export function afterLostAttempt(thrown: unknown): unknown {
  if (!(thrown instanceof FailedAttempt)) return thrown;
  return new FailedAttempt(thrown.error.with({ effect: "unknown" }), thrown.outcome);
}

/** Tells whether a command may have run although its request was answered with this status. */
export function effectOf(status: number): Effect {
  return refusals.has(status) ? "none" : "unknown";
}

/** Tells whether a request that was answered with this status may succeed later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** Milliseconds that `Retry-After` asks for (RFC 9110 §10.2.3): undefined for none, Infinity for too many. */
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
      ignore?.();
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      ignore?.();
      resolve();
    }, ms);
    const ignore = signal === undefined ? undefined : onAbort(signal, abort);
    if (signal?.aborted === true) abort();
  });
}
