/** Writes frames without compressing, for content that must be in a frame although no codec is loaded. */
import { BLOCK_SIZE_MAX } from "../limits.ts";
import { FRAME_MAGIC } from "./frame.ts";

/** Content of at least this size declares its size in two bytes, minus this (RFC 8878 §3.1.1.1.4). */
const TWO_BYTE_BIAS = 256;

/**
 * Writes a frame that holds `content` unchanged in raw blocks: a single segment with its content size and without a
 * checksum. It needs no codec, and every zstd decoder reads it (RFC 8878 §3.1.1).
 *
 * @example
 * ```ts
 * writeRawBlocks(new TextEncoder().encode("plain")).length; // 14
 * ```
 */
export function writeRawBlocks(content: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = content.length;
  const contentSizeFlag =
    size < TWO_BYTE_BIAS ? 0 : size < 65536 + TWO_BYTE_BIAS ? 1 : size < 2 ** 32 ? 2 : 3;
  const contentSizeSize = 1 << contentSizeFlag;
  const blocks = Math.max(1, Math.ceil(size / BLOCK_SIZE_MAX));
  const frame = new Uint8Array(5 + contentSizeSize + blocks * 3 + size);

  writeUint(frame, 0, FRAME_MAGIC, 4);
  frame[4] = (contentSizeFlag << 6) | 0x20;
  writeUint(frame, 5, contentSizeFlag === 1 ? size - TWO_BYTE_BIAS : size, contentSizeSize);
  let at = 5 + contentSizeSize;
  for (let block = 0; block < blocks; block++) {
    const part = content.subarray(block * BLOCK_SIZE_MAX, (block + 1) * BLOCK_SIZE_MAX);
    const last = block === blocks - 1 ? 1 : 0;
    // Bit 0: the last block; bits 1 and 2: type 0, raw; then the size (§3.1.1.2).
    writeUint(frame, at, (part.length << 3) | last, 3);
    frame.set(part, at + 3);
    at += 3 + part.length;
  }
  return frame;
}

/** Writes a little-endian integer of 1…8 bytes; exact up to 2^53. */
function writeUint(target: Uint8Array, at: number, value: number, size: number): void {
  let rest = value;
  for (let index = 0; index < size; index++) {
    target[at + index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}
