/** Turns libzstd's error results, traps and foreign text into ZstashErrors. */
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import { isUtf8 } from "../text.ts";

/** libzstd's error codes (zstd_errors.h) that a caller's input or memory can cause, and what they mean here. */
const reasons: Readonly<Record<number, readonly [ZstashErrorCode, string]>> = {
  10: ["NOT_ZSTD", "the input is no zstd frame"],
  12: ["UNSUPPORTED", "the frame is of a zstd version before 0.8"],
  14: ["CORRUPT", "the frame header is not valid"],
  16: ["WINDOW_LIMIT", "the frame needs a window larger than the limit"],
  20: ["CORRUPT", "the data is corrupt"],
  22: ["CHECKSUM_MISMATCH", "the content does not match its checksum"],
  24: ["CORRUPT", "a literals header is not valid"],
  // These are the frame's own tables: those of a dictionary are checked when it is digested.
  30: ["CORRUPT", "the data is corrupt"],
  32: ["DICTIONARY_UNKNOWN", "the frame was made with another dictionary"],
  34: ["DICTIONARY_INVALID", "the dictionary cannot be loaded"],
  64: ["OUT_OF_MEMORY", "WebAssembly memory is exhausted"],
  70: ["SIZE_LIMIT", "the output is larger than the limit"],
  // The engine gets only complete frames, so the sizes inside a block are wrong.
  72: ["CORRUPT", "the sizes inside a block are wrong"],
};

const CORRUPTION_DETECTED = -20;
export const DST_SIZE_TOO_SMALL = -70;

/** The place of a frame, for an error's details. */
export interface FrameAt {
  readonly frame: number;
  readonly offset: number;
}

/** Returns true if a result of libzstd, as WebAssembly's signed i32, is an error (ZSTD_isError: the last 120 values). */
export function isZstdError(result: number): boolean {
  return result < 0 && result > -120;
}

/** The ZstashError for an error result; codes outside the table are INTERNAL: no input should cause them. */
export function toZstashError(result: number, operation: string, frame?: FrameAt): ZstashError {
  const zstdCode = -result;
  const [code, reason] = reasons[zstdCode] ?? ["INTERNAL", `zstd error ${zstdCode}`];
  return new ZstashError(code, `Cannot ${operation}: ${reason}`, { zstdCode, ...frame });
}

/**
 * The ZstashError for an error result of decompression. `fits` is true if the output had all the room that the frame
 * may take: a frame that needs more is corrupt, and a larger limit would not help.
 */
export function toDecodeError(result: number, fits: boolean, frame?: FrameAt): ZstashError {
  const cause = fits && result === DST_SIZE_TOO_SMALL ? CORRUPTION_DETECTED : result;
  return toZstashError(cause, "decompress", frame);
}

/** The error for a trap: the C heap is in an unknown state, and the instance is dropped. */
export function trapped(cause: WebAssembly.RuntimeError): ZstashError {
  return new ZstashError("INTERNAL", "Cannot go on: the WebAssembly module trapped", { cause });
}

/** The error for content that should be text and is not UTF-8. */
export function notText(): ZstashError {
  return new ZstashError("NOT_TEXT", "Cannot decompress to text: the content is not UTF-8");
}

/** The error for text with more characters than a string of this platform can hold. */
export function textTooLong(): ZstashError {
  return new ZstashError(
    "SIZE_LIMIT",
    "Cannot decompress to text: the content is longer than a string may be; decompress it to bytes or as a stream",
  );
}

/**
 * The error for bytes that could not be read as text. If they are shorter than the shortest limit of strings (V8's,
 * 2^29 − 24), they are not text.
 */
export function unreadText(bytes: Uint8Array): ZstashError {
  return bytes.length > 2 ** 29 - 25 && isUtf8(bytes) ? textTooLong() : notText();
}
