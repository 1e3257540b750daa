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
  declare readonly key?: string;
  declare readonly keys?: readonly string[];
  declare readonly frame?: number;
  declare readonly offset?: number;
  declare readonly dictionaryId?: number;
  declare readonly zstdCode?: number;
  declare readonly status?: number;

  constructor(code: ZstashErrorCode, message: string, { cause, ...details }: ZstashErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    for (const [name, value] of Object.entries(details)) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
  }
}
