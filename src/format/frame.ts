/** Reads frame headers and finds the ends of frames, without decoding anything (RFC 8878 §3.1). */
import { requireBytes } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";

/** Zstandard frame magic, little-endian 28 B5 2F FD (RFC 8878 §3.1.1). */
export const FRAME_MAGIC = 0xfd2fb528;
/** First of the sixteen skippable frame magics 0x184D2A50…5F (RFC 8878 §3.1.2). */
export const SKIPPABLE_MAGIC = 0x184d2a50;

/** The longest frame header, magic included (RFC 8878 §3.1.1.1). */
export const FRAME_HEADER_SIZE_MAX = 18;

/** The header of a frame (RFC 8878 §3.1.1.1 and §3.1.2). Everything in it is a claim of its writer. */
export interface FrameHeader {
  /** "frame" for a zstd frame, "skippable" for one that holds no content (RFC 8878 §3.1.2), such as a seek table. */
  readonly type: "frame" | "skippable";
  /**
   * Decompressed bytes of the frame, or bytes of a skippable frame's payload; undefined if the frame does not declare
   * it. Exact up to 2^53.
   */
  readonly contentSize: number | undefined;
  /** Bytes of history that a decoder needs; 0 for a skippable frame. */
  readonly windowSize: number;
  /** The id of the dictionary that the frame was made with; 0 if there was none or if the frame does not name it. */
  readonly dictionaryId: number;
  /** True if four bytes of XXH64 follow the last block. */
  readonly checksum: boolean;
  /** The size of the header in bytes, magic number included: 2…18; 8 for a skippable frame. */
  readonly headerSize: number;
}

/** The position of a frame in its input, `[start, end)`, and the most bytes that its blocks can decode to. */
export interface FrameExtent {
  /** The offset of its first byte. */
  readonly start: number;
  /** The offset after its last byte, the checksum included. */
  readonly end: number;
  /** What its header declares. */
  readonly header: FrameHeader;
  /**
   * An upper bound of the decompressed size, from the blocks and not from the declared size; 0 for a skippable frame.
   */
  readonly bound: number;
}

/**
 * Reads the header of the frame that starts at `data[0]`, without decoding anything.
 *
 * @throws {ZstashError} NOT_ZSTD, TRUNCATED, CORRUPT (reserved bit)
 * @example
 * ```ts
 * const { type, contentSize, checksum } = readFrameHeader(frame);
 * [type, contentSize, checksum]; // → ["frame", 12, true]
 * ```
 */
export function readFrameHeader(data: Uint8Array): FrameHeader {
  requireBytes(data, "data");
  return readFrameHeaderAt(data, 0, 0);
}

/** Reads the header at any offset; `frame` is the number of the frame in errors. */
export function readFrameHeaderAt(data: Uint8Array, start: number, frame: number): FrameHeader {
  return readFrameHeaderIfWhole(data, start, frame) ?? raise(truncated(frame, data.length));
}

/**
 * The header at any offset; undefined where the data end inside it.
 *
 * @throws {ZstashError} NOT_ZSTD, CORRUPT
 */
export function readFrameHeaderIfWhole(
  data: Uint8Array,
  start: number,
  frame: number,
): FrameHeader | undefined {
  const available = data.length - start;
  if (available < 4) return couldBegin(data.subarray(start)) ? undefined : raise(wrongMagic(frame, start));
  const magic = readUint32(data, start);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) {
    if (available < 8) return undefined;
    return {
      type: "skippable",
      contentSize: readUint32(data, start + 4),
      windowSize: 0,
      dictionaryId: 0,
      checksum: false,
      headerSize: 8,
    };
  }
  if (magic !== FRAME_MAGIC) throw wrongMagic(frame, start);
  if (available < 5) return undefined;

  const descriptor = data[start + 4]!;
  if ((descriptor & 0x08) !== 0) {
    throw new ZstashError("CORRUPT", "Cannot read the frame: its reserved header bit is set", {
      frame,
      offset: start + 4,
    });
  }
  const singleSegment = (descriptor & 0x20) !== 0;
  const dictionaryIdSize = [0, 1, 2, 4][descriptor & 3]!;
  const contentSizeSize = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const headerSize = 5 + (singleSegment ? 0 : 1) + dictionaryIdSize + contentSizeSize;
  if (available < headerSize) return undefined;

  let at = start + 5;
  let windowSize = 0;
  if (!singleSegment) {
    const windowDescriptor = data[at]!;
    const base = 2 ** (10 + (windowDescriptor >> 3));
    windowSize = base + (base / 8) * (windowDescriptor & 7);
    at += 1;
  }
  const dictionaryId = readUint(data, at, dictionaryIdSize);
  at += dictionaryIdSize;
  let contentSize: number | undefined;
  if (contentSizeSize > 0) {
    contentSize = readUint(data, at, contentSizeSize) + (contentSizeSize === 2 ? 256 : 0);
    if (singleSegment) windowSize = contentSize;
  }
  return {
    type: "frame",
    contentSize,
    windowSize,
    dictionaryId,
    checksum: (descriptor & 4) !== 0,
    headerSize,
  };
}

/**
 * Finds the end of the frame that starts at `start` from its block headers, without decoding.
 *
 * @throws {ZstashError} NOT_ZSTD, TRUNCATED, CORRUPT (reserved block type, block over 128 KiB, a content size that
 * the blocks cannot hold)
 */
export function walkFrame(data: Uint8Array, start: number, frame: number): FrameExtent {
  return walkFrameIfWhole(data, start, frame) ?? raise(truncated(frame, data.length));
}

/**
 * Finds the end as `walkFrame` does; undefined where the data end inside the frame.
 *
 * @throws {ZstashError} NOT_ZSTD, CORRUPT
 */
export function walkFrameIfWhole(data: Uint8Array, start: number, frame: number): FrameExtent | undefined {
  const header = readFrameHeaderIfWhole(data, start, frame);
  if (header === undefined) return undefined;
  if (header.type === "skippable") {
    const end = start + 8 + header.contentSize!;
    return end > data.length ? undefined : { start, end, header, bound: 0 };
  }
  let at = start + header.headerSize;
  // Block_Maximum_Size (RFC 8878 §3.1.1.2.4). libzstd accepts larger blocks for whole values, but not in streams.
  const most = Math.min(header.windowSize, BLOCK_SIZE_MAX);
  let bound = 0;
  for (let last = false; !last;) {
    if (data.length - at < 3) return undefined;
    const blockHeader = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    last = (blockHeader & 1) !== 0;
    const type = (blockHeader >> 1) & 3;
    const size = blockHeader >> 3;
    if (type === 3 || size > most) {
      const reason =
        type === 3 ? "a block has the reserved type" : `a block says ${size} bytes, over ${most}`;
      throw new ZstashError("CORRUPT", `Cannot read the frame: ${reason}`, { frame, offset: at });
    }
    bound += type === 2 ? most : size;
    at += 3 + (type === 1 ? 1 : size);
  }
  if (header.checksum) at += 4;
  if (at > data.length) return undefined;
  if (header.contentSize !== undefined && header.contentSize > bound) {
    throw new ZstashError(
      "CORRUPT",
      `Cannot read the frame: it claims ${header.contentSize} bytes, but its blocks hold at most ${bound}`,
      { frame, offset: start },
    );
  }
  return { start, end: at, header, bound };
}

function readUint32(data: Uint8Array, at: number): number {
  return (data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24)) >>> 0;
}

/** Reads a little-endian integer of 0…8 bytes. */
function readUint(data: Uint8Array, at: number, size: number): number {
  let value = 0;
  for (let index = size - 1; index >= 0; index--) value = value * 256 + data[at + index]!;
  return value;
}

function truncated(frame: number, offset: number): ZstashError {
  return new ZstashError("TRUNCATED", `Cannot read the frame: the input ends inside it, at byte ${offset}`, {
    frame,
    offset,
  });
}

/** Whether fewer than four bytes could begin a magic number: a truncated frame then, and otherwise not zstd. */
function couldBegin(rest: Uint8Array): boolean {
  const starts = (magic: readonly number[]): boolean =>
    rest.every((byte, index) => (index === 0 && magic[0] === 0x50 ? byte & 0xf0 : byte) === magic[index]);
  return starts([0x28, 0xb5, 0x2f]) || starts([0x50, 0x2a, 0x4d]);
}

function raise(error: ZstashError): never {
  throw error;
}

/** The error for a wrong magic number: at the start the bytes are not zstd; after a whole frame they are damaged. */
function wrongMagic(frame: number, offset: number): ZstashError {
  return frame === 0
    ? new ZstashError(
        "NOT_ZSTD",
        "Cannot read the frame: the input does not start with a zstd magic number",
        {
          frame,
          offset,
        },
      )
    : new ZstashError("CORRUPT", `Cannot read the input: bytes that are no frame follow frame ${frame - 1}`, {
        frame,
        offset,
      });
}
