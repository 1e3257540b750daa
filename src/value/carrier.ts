import { ZstashError } from "../errors.ts";
import { base64Length, decodeBase64, encodeBase64 } from "../format/base64.ts";

/** What stands before the base64 of a frame in the text carrier. */
const TEXT_PREFIX = "zs1:";
/** How every value of ours starts: the frame magic 28 B5 2F FD is `KLUv/` in base64. */
const TEXT_MAGIC = "zs1:KLUv/";

/** How every raw frame starts (RFC 8878 §3.1.1); no text does, because B5 begins no character in UTF-8. */
const RAW_MAGIC = [0x28, 0xb5, 0x2f, 0xfd] as const;

/** How a frame lies in Redis: as base64 behind a prefix, or as it is. */
export type Carrier = "text" | "raw";

/** What lies in Redis for a value: a text, or the bytes of a frame. */
export type Stored = string | Uint8Array;

const BYTE_ORDER_MARK = 0xfeff;
const REPLACEMENT = 0xfffd;

/** Bytes in Redis of a frame of so many bytes in the text carrier. */
export function textCarrierSize(frameSize: number): number {
  return TEXT_PREFIX.length + base64Length(frameSize);
}

/** Characters before the base64 in the text carrier, all of them ASCII. */
export const TEXT_PREFIX_SIZE: number = TEXT_PREFIX.length;
/** Bytes at the start of a stored value that tell its carrier. */
export const CARRIER_HEAD_SIZE: number = TEXT_MAGIC.length;

/** The stored text of a frame. */
export function toTextCarrier(frame: Uint8Array): string {
  return encodeBase64(frame, TEXT_PREFIX);
}

/** Whether a stored text is a frame in the text carrier; all else was stored without zstash. */
export function isTextCarrier(stored: string): boolean {
  return stored.startsWith(TEXT_MAGIC);
}

/** Whether stored bytes are a frame in the raw carrier. */
export function isRawCarrier(stored: Uint8Array): boolean {
  return RAW_MAGIC.every((byte, index) => stored[index] === byte);
}

/**
 * The frame of a stored text.
 *
 * @throws {ZstashError} CORRUPT where what follows the prefix is not canonical base64
 */
export function fromTextCarrier(stored: string): Uint8Array {
  const frame = decodeBase64(stored, TEXT_PREFIX.length);
  if (frame === undefined) {
    throw new ZstashError("CORRUPT", `Cannot read the value: ${stored.length} characters are not base64`);
  }
  return frame;
}

/**
 * Whether a text is what becomes of a raw frame when its bytes are read as UTF-8: of 28 B5 2F FD the two that are no
 * UTF-8 turn into U+FFFD, as do lone surrogates on their way to Redis.
 */
export function isDestroyedFrame(text: string, at = 0): boolean {
  return (
    text.charCodeAt(at) === 0x28 &&
    isReplaced(text, at + 1) &&
    text.charCodeAt(at + 2) === 0x2f &&
    isReplaced(text, at + 3)
  );
}

/** Whether the character becomes U+FFFD in UTF-8; what stands before it is no high surrogate. */
function isReplaced(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code === REPLACEMENT || (code & 0xfc00) === 0xdc00) return true;
  return (code & 0xfc00) === 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) !== 0xdc00;
}

/**
 * Whether a user's string would be taken for a frame when it is read back, so that it has to be wrapped in one
 * whatever the mode. Clients that decode UTF-8 with the platform's defaults drop a byte order mark first.
 */
export function isReserved(text: string): boolean {
  const at = startsWithByteOrderMark(text) ? 1 : 0;
  return text.startsWith(TEXT_MAGIC, at) || isDestroyedFrame(text, at);
}

/** Whether a text starts with U+FEFF, which the SDK drops when it reads it back. */
export function startsWithByteOrderMark(text: string): boolean {
  return text.charCodeAt(0) === BYTE_ORDER_MARK;
}
