/** Declares the content size of a frame whose header was written before the size was known. */
import { ZstashError } from "../errors.ts";
import { readFrameHeaderAt } from "./frame.ts";

/** Bytes of a content size field with flag 3 (RFC 8878 §3.1.1.1.4): any size fits. */
export const CONTENT_SIZE_FIELD = 8;
/** The offset of the frame header descriptor, after the magic number. */
const DESCRIPTOR = 4;
const CONTENT_SIZE_FLAG = 0xc0;

/** A frame's first bytes with room for its content size. */
export interface ReservedHeader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the 8 bytes in `bytes`. */
  readonly at: number;
}

/**
 * Adds a field of 8 bytes for a content size to the header in the first bytes of a frame: the size of a streamed
 * value is known only at its end. Undefined if the header has a content size already.
 *
 * @throws {ZstashError} INTERNAL if `head` does not hold the whole header
 */
export function reserveContentSize(head: Uint8Array): ReservedHeader | undefined {
  const { type, contentSize, headerSize } = readFrameHeaderAt(head, 0, 0);
  if (type !== "frame")
    throw new ZstashError("INTERNAL", "Cannot reserve a content size: no frame begins here");
  if (contentSize !== undefined) return undefined;
  // Without a content size the header ends where the field goes (§3.1.1.1).
  const bytes = new Uint8Array(head.length + CONTENT_SIZE_FIELD);
  bytes.set(head.subarray(0, headerSize));
  bytes.set(head.subarray(headerSize), headerSize + CONTENT_SIZE_FIELD);
  bytes[DESCRIPTOR]! |= CONTENT_SIZE_FLAG;
  return { bytes, at: headerSize };
}

/** Writes a content size into the field that was reserved for it. Exact up to 2^53. */
export function writeContentSize({ bytes, at }: ReservedHeader, contentSize: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, CONTENT_SIZE_FIELD);
  view.setUint32(0, contentSize % 2 ** 32, true);
  view.setUint32(4, Math.floor(contentSize / 2 ** 32), true);
}

/** The bytes as they were before the field was added, for a frame whose size will not be declared. */
export function releaseContentSize({ bytes, at }: ReservedHeader): Uint8Array<ArrayBuffer> {
  const original = new Uint8Array(bytes.length - CONTENT_SIZE_FIELD);
  original.set(bytes.subarray(0, at));
  original.set(bytes.subarray(at + CONTENT_SIZE_FIELD), at);
  original[DESCRIPTOR]! &= ~CONTENT_SIZE_FLAG;
  return original;
}
