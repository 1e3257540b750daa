/**
 * The two carriers, which are the forms in which Redis holds a frame, text and raw bytes, and how they are
 * recognized.
 */
import { ZstashError } from "../errors.ts";
import { base64Length, decodeBase64, encodeBase64 } from "../format/base64.ts";
import { FRAME_HEADER_SIZE_MAX } from "../format/frame.ts";

/** The prefix of a frame's base64 in the text carrier. */
const TEXT_PREFIX = "zs1:";
/**
 * The first characters of every text value of ours: the first 30 bits of the frame magic 28 B5 2F FD are `KLUv/` in
 * base64. The last two bits and the next byte of the frame make the tenth character, which is one of 16.
 */
const TEXT_MAGIC = "zs1:KLUv/";
const TENTH_CHARACTER = /^[Q-Za-f]?$/;

/** The form in which Redis holds a frame: "text" is base64 after the prefix `zs1:`, "raw" is the frame's own bytes. */
export type Carrier = "text" | "raw";

/** What Redis holds for a value: a text, or the bytes of a frame. */
export type Stored = string | Uint8Array;

const BYTE_ORDER_MARK = 0xfeff;
const REPLACEMENT = 0xfffd;

/** The size in Redis of a frame of so many bytes in the text carrier, in bytes. */
export function textCarrierSize(frameSize: number): number {
  return TEXT_PREFIX.length + base64Length(frameSize);
}

/** The number of characters before the base64 in the text carrier, all of them ASCII. */
export const TEXT_PREFIX_SIZE: number = TEXT_PREFIX.length;
/** The number of bytes at the start of a stored value that show its carrier. */
export const CARRIER_HEAD_SIZE: number = TEXT_MAGIC.length + 1;

/** Writes a frame as stored text. */
export function toTextCarrier(frame: Uint8Array): string {
  return encodeBase64(frame, TEXT_PREFIX);
}

/**
 * Returns true if a stored text is a frame in the text carrier, by its complete magic; zstash's commands for values
 * have written no other text like it. A text that ends within its magic is a truncated frame.
 */
export function isTextCarrier(stored: string): boolean {
  return stored.startsWith(TEXT_MAGIC) && TENTH_CHARACTER.test(stored.charAt(TEXT_MAGIC.length));
}

/**
 * Returns true if stored bytes are a frame in the raw carrier, by its magic number (RFC 8878 §3.1.1). No text starts
 * like it, because no character in UTF-8 begins with B5.
 */
export function isRawCarrier(stored: Uint8Array): boolean {
  return stored[0] === 0x28 && stored[1] === 0xb5 && stored[2] === 0x2f && stored[3] === 0xfd;
}

/**
 * Returns true if a stored value is not the user's plain string: it has to be decoded, or cannot be. Bytes are always
 * a frame in the raw carrier.
 */
export function isEncoded(stored: Stored): boolean {
  return typeof stored !== "string" || isTextCarrier(stored) || isDestroyedFrame(stored);
}

/**
 * Reads the frame from a stored text.
 *
 * @throws {ZstashError} CORRUPT if the prefix is not followed by canonical base64
 */
export function fromTextCarrier(stored: string): Uint8Array {
  const frame = decodeBase64(stored, TEXT_PREFIX.length);
  if (frame === undefined) {
    throw new ZstashError("CORRUPT", `Cannot read the value: ${stored.length} characters are not base64`);
  }
  return frame;
}

/** The first bytes of a stored frame, as many as the longest header has; empty if they are not base64. */
export function headOf(stored: Stored): Uint8Array {
  if (typeof stored !== "string") return stored.subarray(0, FRAME_HEADER_SIZE_MAX);
  const end = TEXT_PREFIX.length + base64Length(FRAME_HEADER_SIZE_MAX);
  return decodeBase64(stored.slice(0, end), TEXT_PREFIX.length) ?? new Uint8Array(0);
}

/**
 * Returns true if a text is a raw frame whose bytes were read as UTF-8: of 28 B5 2F FD, the two bytes that are not
 * UTF-8 turn into U+FFFD, and so do lone surrogates on their way to Redis.
 */
export function isDestroyedFrame(text: string, at = 0): boolean {
  return (
    text.charCodeAt(at) === 0x28 &&
    isReplaced(text, at + 1) &&
    text.charCodeAt(at + 2) === 0x2f &&
    isReplaced(text, at + 3)
  );
}

/** Returns true if the character becomes U+FFFD in UTF-8, provided that no high surrogate stands before it. */
function isReplaced(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === REPLACEMENT || (code & 0xfc00) === 0xdc00) return true;
  return (code & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00;
}

/**
 * Returns true if a user's string would be taken for a frame when it is read back, so that it has to be wrapped in
 * one in every mode. Nine characters are compared, because readers before 0.2 look at no more. Clients that decode
 * UTF-8 with the platform's defaults drop a byte order mark first.
 */
export function isReserved(text: string): boolean {
  const at = startsWithByteOrderMark(text) ? 1 : 0;
  return text.startsWith(TEXT_MAGIC, at) || isDestroyedFrame(text, at);
}

/** Returns true if a text starts with U+FEFF, which the SDK drops when it reads it back. */
export function startsWithByteOrderMark(text: string): boolean {
  return text.charCodeAt(0) === BYTE_ORDER_MARK;
}
