/** The one error class of zstash, its codes, and what an error says beyond its code. */

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
  | "SAMPLES_UNSUITABLE"
  | "WASM_UNAVAILABLE"
  | "OUT_OF_MEMORY"
  | "CONTEXT_LOST"
  | "UNSUPPORTED"
  | "COMMAND_REFUSED"
  | "NOT_TEXT"
  | "REDIS"
  | "VALUE_CHANGED"
  | "TIMEOUT"
  | "INTERNAL";

/** Whether a command may have run although its request failed. */
export type Effect = "none" | "unknown";

/** Where and why, beyond the code. Never a value and never a token. */
export interface ZstashErrorDetails {
  /** The Redis key the operation was about. */
  readonly key?: string | undefined;
  /** The Redis keys the operation was about, where there are several. */
  readonly keys?: readonly string[] | undefined;
  /** The field of the hash the operation was about. */
  readonly field?: string | undefined;
  /** Zero-based number of the frame in the input. */
  readonly frame?: number | undefined;
  /** Byte offset in the input at which the fault was seen. */
  readonly offset?: number | undefined;
  /** The dictionary id that the frame asks for. */
  readonly dictionaryId?: number | undefined;
  /** libzstd's own error code (zstd_errors.h), where it gave one. */
  readonly zstdCode?: number | undefined;
  /** The HTTP status of the reply, where there was one. */
  readonly status?: number | undefined;
  /**
   * What became of the command: "none" where it has certainly not run, "unknown" where it may have. Absent where no
   * request was sent, and where the server has answered the command itself.
   */
  readonly effect?: Effect | undefined;
  /** True where what came was no reply of Redis: a page of a proxy, or nothing. */
  readonly noReply?: boolean | undefined;
  /** The error underneath. */
  readonly cause?: unknown;
}

/** Marks the errors of every copy of this module: bundles and module graphs often hold several. */
const mark: unique symbol = Symbol.for("zstash.ZstashError");

/**
 * The one error class of zstash. Misuse by the caller is a TypeError or a RangeError instead.
 *
 * `instanceof` holds across copies of the package, such as a bundled one beside one in node_modules.
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
  declare readonly field?: string;
  declare readonly frame?: number;
  declare readonly offset?: number;
  declare readonly dictionaryId?: number;
  declare readonly zstdCode?: number;
  declare readonly status?: number;
  declare readonly effect?: Effect;
  declare readonly noReply?: boolean;

  constructor(code: ZstashErrorCode, message: string, { cause, ...details }: ZstashErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    for (const [name, value] of Object.entries(details)) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
  }

  /**
   * The same fault as a new error, with more or other details, or another message; all else stays as it is, the cause
   * too. The place where it was thrown is the place of this call.
   *
   * @example
   * ```ts
   * throw error.with({ key, message: `Cannot decode ${key}: ${error.message}`, cause: error });
   * ```
   */
  with(details: ZstashErrorDetails & { readonly message?: string }): ZstashError {
    return withDetails(this, details);
  }
}

function withDetails(
  error: ZstashError,
  { message = error.message, ...details }: ZstashErrorDetails & { readonly message?: string },
): ZstashError {
  const { name: _, code, cause, ...own } = error;
  return new ZstashError(code, message, { cause, ...own, ...details });
}

// Outside of the class: bundlers rename a class that refers to itself, and its name is what people see.
Object.defineProperty(ZstashError.prototype, mark, { value: true });
Object.defineProperty(ZstashError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    // A subclass is told by its prototype, as any class.
    if (this !== ZstashError) return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
    return typeof value === "object" && value !== null && mark in value;
  },
});
