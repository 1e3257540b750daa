/** What went wrong, as a stable code. Codes are API; messages are not. */
export type ZstashErrorCode =
  | "NOT_ZSTD"
  | "TRUNCATED"
  | "CORRUPT"
  | "CHECKSUM_MISMATCH"
  | "SIZE_LIMIT"
  | "WINDOW_LIMIT"
  | "REQUEST_LIMIT"
  | "RECORD_LIMIT"
  | "DICTIONARY_UNKNOWN"
  | "DICTIONARY_INVALID"
  | "WASM_UNAVAILABLE"
  | "OUT_OF_MEMORY"
  | "UNSUPPORTED"
  | "COMMAND_REFUSED"
  | "NOT_TEXT"
  | "REDIS"
  | "VALUE_CHANGED"
  | "TIMEOUT"
  | "INTERNAL";

/** Where and why, beyond the code. Never a value and never a token. */
export interface ZstashErrorDetails {
  /** The Redis key the operation was about. */
  readonly key?: string;
  /** The Redis keys the operation was about, where there are several. */
  readonly keys?: readonly string[];
  /** Zero-based number of the frame in the input. */
  readonly frame?: number;
  /** Byte offset in the input at which the fault was seen. */
  readonly offset?: number;
  /** The dictionary id that the frame asks for. */
  readonly dictionaryId?: number;
  /** libzstd's own error code (zstd_errors.h), where it gave one. */
  readonly zstdCode?: number;
  /** The HTTP status of the reply, where there was one. */
  readonly status?: number;
  /** The error underneath. */
  readonly cause?: unknown;
}

/**
 * The one error class of zstash. Misuse by the caller is a TypeError or a RangeError instead.
 *
 * @example
 * ```ts
 * try {
 *   zstd.decompress(bytes);
 * } catch (error) {
 *   if (error instanceof ZstashError && error.code === "TRUNCATED") refetch();
 *   else throw error;
 * }
 * ```
 */
export class ZstashError extends Error {
  override readonly name = "ZstashError";
  readonly code: ZstashErrorCode;
  readonly key?: string;
  readonly keys?: readonly string[];
  readonly frame?: number;
  readonly offset?: number;
  readonly dictionaryId?: number;
  readonly zstdCode?: number;
  readonly status?: number;

  constructor(code: ZstashErrorCode, message: string, details: ZstashErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.key !== undefined) this.key = details.key;
    if (details.keys !== undefined) this.keys = details.keys;
    if (details.frame !== undefined) this.frame = details.frame;
    if (details.offset !== undefined) this.offset = details.offset;
    if (details.dictionaryId !== undefined) this.dictionaryId = details.dictionaryId;
    if (details.zstdCode !== undefined) this.zstdCode = details.zstdCode;
    if (details.status !== undefined) this.status = details.status;
  }
}
