/** Errors of single commands in a pipeline, for which the SDK has only a text. */
import { ZstashError, type ZstashErrorCode } from "../errors.ts";

/** The text of a command's error among the replies of a pipeline. */
export function batchErrorText(error: ZstashError): string {
  return `ZSTASH_${error.code} ${error.message}`;
}

/** Matches the text of a failed command after the SDK's prefix for automatic pipelines or for the user's own. */
const WRAPPED = /^(?:Command failed: |Command \d+ \[ \S+ \] failed: )?ZSTASH_([A-Z_]+) /;

/**
 * Returns the zstash code of an error: of a ZstashError, or of the client's own error for one command of a pipeline
 * (`UpstashError: Command failed: ZSTASH_CORRUPT …`); undefined for any other error. Commands that the client
 * pipelines automatically, which is its default, fail in the second way even when awaited alone.
 *
 * @example
 * ```ts
 * try {
 *   await redis.get("damaged");
 * } catch (error) {
 *   zstashCode(error); // → "TRUNCATED"
 * }
 * ```
 */
export function zstashCode(error: unknown): ZstashErrorCode | undefined {
  if (error instanceof ZstashError) return error.code;
  const text = typeof error === "string" ? error : error instanceof Error ? error.message : "";
  return WRAPPED.exec(text)?.[1] as ZstashErrorCode | undefined;
}
