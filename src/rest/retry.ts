/** Decides whether, how often and when a failed request is sent again, and what is known about its effect. */
import { requireSynchronous } from "../check.ts";
import type { Effect, ZstashError } from "../errors.ts";
import { delay } from "../timers.ts";
import { defaultBackoff, type RetrySettings } from "./rest-options.ts";

/** The longest `Retry-After` that is respected, in milliseconds. */
const RETRY_AFTER_MAX = 30_000;

/** Statuses that a server returns instead of running the command. */
const refusals: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 414, 415, 425, 429, 431]);

/** The longest delay that timers take, in milliseconds. */
const PAUSE_MAX = 2 ** 31 - 1;

/** Facts of a failed attempt besides its error. */
export interface AttemptOutcome {
  /** True if the same request may succeed later. */
  readonly passing: boolean;
  /** The response's `Retry-After`, if there was one. */
  readonly retryAfter?: string | null;
}

/** An attempt that may be followed by another. It never leaves `repeatFailed`, which throws its `error`. */
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
  /** True if the request may be sent again although it may have run. */
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
  /** Called after each failed attempt that the server may still carry out. */
  readonly onLost?: (() => void) | undefined;
  /** Called before the pause before another attempt. */
  readonly onRetry: (failed: RetriedAttempt) => void;
}

/** An attempt that has failed and is followed by another. */
export interface RetriedAttempt {
  /** Its number, from 1. */
  readonly attempt: number;
  /** Milliseconds until the next attempt. */
  readonly wait: number;
  readonly error: ZstashError;
}

/**
 * Continues after the first attempt has failed with `thrown`: runs `attempt` again until it succeeds, fails for good,
 * or has been repeated often enough. A request that has certainly not run is always sent again; one that may have
 * run, only if it is repeatable. A request that timed out is never sent again: its caller has waited long enough.
 *
 * @throws {ZstashError} of the last attempt; its message says that nothing has run, or, for a request that must not
 * run twice, that it may have run
 */
export async function repeatFailed<T>(
  thrown: unknown,
  { retry, repeatable, signal, onLost, onRetry }: AttemptOptions,
  attempt: (index: number) => Promise<T>,
): Promise<T> {
  let failure = thrown;
  let lost = false;
  for (let index = 0; ; index++) {
    if (!(failure instanceof FailedAttempt)) {
      // The caller gave up: the effect of the command is unknown here too.
      onLost?.();
      throw failure;
    }
    const { error, outcome } = failure;
    if (error.effect === "unknown") onLost?.();
    lost ||= error.effect === "unknown";
    const asked = retryAfter(outcome.retryAfter ?? null);
    const mayRepeat = repeatable || (error.effect === "none" && !lost);
    if (!mayRepeat || !outcome.passing || index >= retry.retries || asked === Infinity) {
      throw lost ? ofUnknownEffect(error, repeatable) : ofNoEffect(error);
    }
    const wait = asked ?? pauseOf(retry.backoff, index);
    onRetry({ attempt: index + 1, wait, error });
    await delay(wait, signal);
    try {
      return await attempt(index + 1);
    } catch (next) {
      failure = next;
    }
  }
}

/** The pause of a caller's function, as a timer takes it. It hides no error: if it fails, our own pause is used. */
function pauseOf(backoff: RetrySettings["backoff"], index: number): number {
  let ms: number;
  try {
    ms = backoff(index);
    requireSynchronous("retry.backoff", ms);
  } catch {
    ms = defaultBackoff(index);
  }
  return ms > 0 ? Math.min(ms, PAUSE_MAX) : 0;
}

/**
 * The error of the last attempt if that one or an earlier one may have run. For a repeatable command the text does
 * not mention it.
 */
function ofUnknownEffect(error: ZstashError, repeatable: boolean): ZstashError {
  if (repeatable) return error.effect === "unknown" ? error : error.with({ effect: "unknown" });
  const message = `${error.message}; whether the command has run is unknown`;
  return error.with({ message, effect: "unknown", cause: error.cause ?? error });
}

/** The error of the last attempt if none has run. If the server itself answered a batch, nothing is added. */
function ofNoEffect(error: ZstashError): ZstashError {
  if (error.effect !== "none") return error;
  return error.with({ message: `${error.message}; nothing has run`, cause: error.cause ?? error });
}

/** A failure after an attempt whose answer could not be used: the command has run, or may have. */
export function afterLostAttempt(thrown: unknown): unknown {
  if (!(thrown instanceof FailedAttempt)) return thrown;
  return new FailedAttempt(thrown.error.with({ effect: "unknown" }), thrown.outcome);
}

/** Returns whether a command may have run although its request was answered with this status. */
export function effectOf(status: number): Effect {
  return refusals.has(status) ? "none" : "unknown";
}

/** Returns true if a request that was answered with this status may succeed later. */
export function isPassing(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** The milliseconds of `Retry-After` (RFC 9110 §10.2.3): undefined if absent, Infinity if too many. */
export function retryAfter(header: string | null, now: number = Date.now()): number | undefined {
  if (header === null) return undefined;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  if (Number.isNaN(ms)) return undefined;
  return ms > RETRY_AFTER_MAX ? Infinity : Math.max(0, ms);
}
