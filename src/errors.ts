/** The one error class of zstash, its codes, and what an error says beyond its code. */

/** What went wrong, as a stable code. Codes are part of the API; messages are not. */
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

/**
 * Whether a command may have run although its request failed: "none" if it has certainly changed nothing, "unknown" if
 * it may have run, "done" if it has run and only its reply did not come, because the server found it too large.
 */
export type Effect = "none" | "unknown" | "done";

/** Where and why the error happened, beyond its code. Never a value and never a token. */
export interface ZstashErrorDetails {
  /** The Redis key that the operation was about. */
  readonly key?: string | undefined;
  /** The Redis keys that the operation was about, where there are several. */
  readonly keys?: readonly string[] | undefined;
  /** The field of the hash that the operation was about. */
  readonly field?: string | undefined;
  /** Zero-based number of the frame in the input. */
  readonly frame?: number | undefined;
  /** The byte offset in the input at which the fault was found. */
  readonly offset?: number | undefined;
  /** The dictionary id that the frame asks for. */
  readonly dictionaryId?: number | undefined;
  /** The error code of libzstd (zstd_errors.h), where libzstd reported one. */
  readonly zstdCode?: number | undefined;
  /** The HTTP status of the response, where there was one. */
  readonly status?: number | undefined;
  /**
   * What became of the command: "none" if it has certainly changed nothing, "unknown" if it may have run, "done" if it
   * has run and its reply was too large. Absent if no request was sent, and if the server itself answered the command.
   */
  readonly effect?: Effect | undefined;
  /** True if what came was no reply of Redis: a proxy's page, or an empty body. */
  readonly noReply?: boolean | undefined;
  /** The underlying error. */
  readonly cause?: unknown;
}

/** Marks the errors of every copy of this module: a bundle or a module graph often holds several copies. */
const mark: unique symbol = Symbol.for("zstash.ZstashError");

/**
 * The one error class of zstash. A caller's mistake is a TypeError or a RangeError instead.
 *
 * `instanceof` works across copies of the package, such as a bundled copy beside one in node_modules.
 *
 * @example
 * ```ts
 * try {
 *   zstd.decompress(frame.subarray(0, 10));
 * } catch (error) {
 *   if (!(error instanceof ZstashError)) throw error;
 *   error.code; // → "TRUNCATED"
 * }
 * ```
 */
export class ZstashError extends Error {
  /** Always "ZstashError", also in a bundle that renames the class. */
  override readonly name = "ZstashError";
  /** What went wrong: docs/errors.md describes every code. */
  readonly code: ZstashErrorCode;
  /** The Redis key that the operation was about. */
  declare readonly key?: string;
  /** The Redis keys that the operation was about, where there are several. */
  declare readonly keys?: readonly string[];
  /** The field of the hash that the operation was about. */
  declare readonly field?: string;
  /** Zero-based number of the frame in the input. */
  declare readonly frame?: number;
  /** The byte offset in the input at which the fault was found. */
  declare readonly offset?: number;
  /** The dictionary id that the frame asks for. */
  declare readonly dictionaryId?: number;
  /** The error code of libzstd (zstd_errors.h), where libzstd reported one. */
  declare readonly zstdCode?: number;
  /** The HTTP status of the response, where there was one. */
  declare readonly status?: number;
  /**
   * What became of the command: "none" if it has certainly changed nothing, "unknown" if it may have run, "done" if it
   * has run and its reply was too large. Absent if no request was sent, and if the server itself answered the command.
   */
  declare readonly effect?: Effect;
  /** True if what came was no reply of Redis: a proxy's page, or an empty body. */
  declare readonly noReply?: boolean;

  /**
   * Makes an error. `message` should hold no value and no token; of `details` those that are undefined are left out.
   */
  constructor(code: ZstashErrorCode, message: string, { cause, ...details }: ZstashErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    for (const [name, value] of Object.entries(details)) {
      if (value !== undefined) Object.assign(this, { [name]: value });
    }
  }

  /**
   * Returns the same fault as a new error, with more or other details or another message. Everything else stays, the
   * cause too. Its stack trace begins at this call.
   *
   * @example
   * ```ts
   * const error = new ZstashError("CORRUPT", "Cannot decode: a block is damaged", { offset: 12 });
   * const named = error.with({ key: "report", message: `Cannot read "report": ${error.message}` });
   * [named.code, named.offset, named.key]; // → ["CORRUPT", 12, "report"]
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

// Defined outside of the class: bundlers rename a class that refers to itself, and people see that name.
Object.defineProperty(ZstashError.prototype, mark, { value: true });
Object.defineProperty(ZstashError, Symbol.hasInstance, {
  value(this: unknown, value: unknown): boolean {
    // A subclass is recognized by its prototype, like any class.
    if (this !== ZstashError) return Function.prototype[Symbol.hasInstance].call(this as () => void, value);
    return typeof value === "object" && value !== null && mark in value;
  },
});
