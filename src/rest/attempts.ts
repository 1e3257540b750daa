import { ZstashError } from "../errors.ts";
import type { RetryPolicy } from "./retry.ts";
import { retryAfter, sleep } from "./waiting.ts";

/** What is known of a request that failed. */
export interface Failure {
  readonly error: ZstashError;
  /** Whether the server may have carried it out. */
  readonly mayHaveRun: boolean;
  /** Whether the same request may succeed later. */
  readonly passing: boolean;
  /** The response's `Retry-After`, if there was one. */
  readonly retryAfter?: string | null;
}

/** Thrown inside the attempts, never out of them. */
export class FailedAttempt extends Error {
  override readonly name = "FailedAttempt";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.error.message);
    this.failure = failure;
  }
}

/** What may be repeated, and when to stop. */
export interface AttemptOptions {
  readonly policy: RetryPolicy;
  readonly repeatable: boolean;
  readonly signal: AbortSignal | undefined;
  /** Told of each attempt that failed though the server may carry it out, now or later. */
  readonly onLost?: (() => void) | undefined;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or has been repeated often enough. Only what is repeatable is
 * repeated, and a request that hung until its timeout is not: its caller has waited long enough.
 *
 * @throws {ZstashError} of the last attempt; where a request that must not run twice may have run, its message says so
 */
export async function withAttempts<T>(
  { policy, repeatable, signal, onLost }: AttemptOptions,
  attempt: (number: number) => Promise<T>,
): Promise<T> {
  for (let number = 0; ; number++) {
    try {
      return await attempt(number);
    } catch (thrown) {
      if (!(thrown instanceof FailedAttempt)) {
        // Given up by the caller, who does not know either what becomes of it.
        onLost?.();
        throw thrown;
      }
      const { failure } = thrown;
      if (failure.mayHaveRun) onLost?.();
      const asked = retryAfter(failure.retryAfter ?? null);
      const again = repeatable && failure.passing && number < policy.retries && asked !== Infinity;
      if (!again) throw repeatable || !failure.mayHaveRun ? failure.error : ofUnknownEffect(failure.error);
      await sleep(asked ?? policy.backoff(number), signal);
    }
  }
}

function ofUnknownEffect(error: ZstashError): ZstashError {
  const { code, status } = error;
  return new ZstashError(code, `${error.message}; whether the command has run is unknown`, {
    cause: error.cause ?? error,
    ...(status === undefined ? {} : { status }),
  });
}
