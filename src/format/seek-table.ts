/**
 * The seek table of the Zstandard Seekable Format 0.1.0: a skippable frame at the end of a file, which lists the
 * compressed and the decompressed size of every frame before it. A decoder that does not know it skips it.
 *
 *     skippable header  0x184D2A5E u32 · payload size u32
 *     entries           compressed size u32 · decompressed size u32 [· checksum u32]
 *     footer            number of frames u32 · descriptor u8 · 0x8F92EAB1 u32
 */
import { ZstashError } from "../errors.ts";

/** Magic of the skippable frame that holds the table. */
export const SEEK_TABLE_MAGIC = 0x184d2a5e;
/** Magic that ends the table, and with it the file. */
export const SEEKABLE_MAGIC = 0x8f92eab1;
/** Bytes of the footer. */
export const SEEK_TABLE_FOOTER_SIZE = 9;
/**
 * The longest table that is written or read, in bytes: 8.3 million frames. Parsed it takes twice that, so a file that
 * consists only of a table costs its reader at most 192 MiB.
 */
export const SEEK_TABLE_SIZE_MAX: number = 64 << 20;

/** Entries that are summed at once: this takes a millisecond. */
const ENTRIES_AT_ONCE: number = 1 << 17;

export const HEADER_SIZE = 8;
export const ENTRY_SIZE = 8;
const CHECKSUM_SIZE = 4;
/** Bit 7 of the descriptor: entries have checksums. Bits 6…2 are reserved and 0; bits 1…0 are ignored. */
const CHECKSUM_FLAG = 0x80;
const RESERVED_BITS = 0x7c;

/** One frame in the table. */
export interface SeekTableEntry {
  /** Bytes of the whole frame. */
  readonly compressedSize: number;
  /** Bytes that it decodes to; 0 for a skippable frame. */
  readonly decompressedSize: number;
}

/**
 * The position of a frame in the file, `[start, end)`, and of its content in the whole content, `[contentStart,
 * contentEnd)`.
 */
export interface SeekTableFrame {
  /** The offset of its first byte in the file. */
  readonly start: number;
  /** The offset after its last byte in the file. */
  readonly end: number;
  /** The offset of its first decompressed byte in the content. */
  readonly contentStart: number;
  /** The offset after its last decompressed byte; equal to `contentStart` for a skippable frame. */
  readonly contentEnd: number;
}

/** A parsed seek table. Everything in it is a claim of its writer. */
export interface SeekTable {
  /** The number of frames that the table lists, skippable ones included. */
  readonly frameCount: number;
  /** Decompressed bytes of all frames. */
  readonly size: number;
  /** Bytes of all frames, which is also the offset of the table itself. */
  readonly compressedSize: number;
  /**
   * Returns the index of the frame that holds the byte at `offset` of the content; never an empty frame.
   *
   * @throws {RangeError} unless 0 ≤ offset < size
   * @example
   * ```ts
   * table.find(200_000); // → 3
   * ```
   */
  find(offset: number): number;
  /**
   * Returns the place of a frame in the file and in the content, by its number from 0; skippable frames that the table
   * lists count too.
   *
   * @throws {RangeError} unless 0 ≤ index < frameCount
   * @example
   * ```ts
   * const { contentStart, contentEnd } = table.frame(3);
   * [contentStart, contentEnd]; // → [196_608, 250_000]
   * ```
   */
  frame(index: number): SeekTableFrame;
}

/**
 * Reads the size of the seek table at the end of a file of `sourceSize` bytes from its last bytes. Undefined if the
 * file does not end with a table. `tail` must have at least 9 bytes, or all bytes of a shorter file.
 *
 * @throws {ZstashError} CORRUPT (reserved bits, a table longer than the file), SIZE_LIMIT (over 64 MiB)
 */
export function seekTableSize(tail: Uint8Array, sourceSize: number = tail.length): number | undefined {
  const footer = readFooter(tail, sourceSize);
  return footer === undefined ? undefined : footer.tableSize;
}

/**
 * Parses the seek table at the end of `tail`, the last bytes of a file. Undefined if there is none, so that the last
 * four bytes are not its magic number. After a valid magic number, anything invalid is CORRUPT.
 *
 * With `sourceSize`, the size of the whole file in bytes, the table also has to account for every byte before it.
 *
 * @throws {ZstashError} CORRUPT with the offset in the file, SIZE_LIMIT (over 64 MiB)
 * @throws {RangeError} if `tail` is a part of the file that does not hold the whole table
 * @example
 * ```ts
 * const table = parseSeekTable(file);
 * table?.size; // → 250_000
 * ```
 */
export function parseSeekTable(tail: Uint8Array, sourceSize?: number): SeekTable | undefined {
  const steps = parseSeekTableInSteps(tail, sourceSize);
  for (;;) {
    const { done, value } = steps.next();
    if (done !== true) continue;
    if (value !== undefined && sourceSize !== undefined) {
      requireAllFrames(value, sourceSize - seekTableSize(tail, sourceSize)!);
    }
    return value;
  }
}

/**
 * Requires that a table accounts for every byte of the file before it.
 *
 * @throws {ZstashError} CORRUPT if the table, which begins at `tableStart`, lists fewer bytes or more
 */
export function requireAllFrames({ compressedSize }: SeekTable, tableStart: number): void {
  if (compressedSize === tableStart) return;
  throw corrupt(
    `its frames end at byte ${compressedSize}, but the table begins at ${tableStart}: of joined files it is that of the last`,
    tableStart,
  );
}

/**
 * Parses as `parseSeekTable` does, whether the frames account for the whole file or only for its end, and pauses after
 * every 131,072 entries: a hostile writer may make eight million.
 */
export function* parseSeekTableInSteps(
  tail: Uint8Array,
  sourceSize?: number,
): Generator<undefined, SeekTable | undefined, undefined> {
  if (sourceSize !== undefined && !(Number.isSafeInteger(sourceSize) && sourceSize >= tail.length)) {
    throw new RangeError(
      `"sourceSize" must be a whole number of at least ${tail.length} bytes, got ${sourceSize}`,
    );
  }
  const footer = readFooter(tail, sourceSize ?? tail.length);
  if (footer === undefined) return undefined;
  const { frameCount, entrySize, tableSize } = footer;
  if (tableSize > tail.length) {
    throw new RangeError(`"tail" must hold the whole seek table of ${tableSize} bytes, got ${tail.length}`);
  }
  const base = (sourceSize ?? tail.length) - tail.length;
  const at = tail.length - tableSize;
  const view = viewOf(tail);
  if (view.getUint32(at, true) !== SEEK_TABLE_MAGIC) {
    throw corrupt("no skippable frame begins where its footer says", base + at);
  }
  const declared = view.getUint32(at + 4, true);
  if (declared !== tableSize - HEADER_SIZE) {
    throw corrupt(`its header says ${declared} bytes, its footer ${tableSize - HEADER_SIZE}`, base + at + 4);
  }
  // The size was computed from the number of entries, so they fill it exactly.
  const framesEnd = sourceSize === undefined ? undefined : base + at;
  return yield* readEntries({ view, first: at + HEADER_SIZE, frameCount, entrySize, base, framesEnd });
}

interface Footer {
  readonly frameCount: number;
  readonly entrySize: number;
  readonly tableSize: number;
}

function readFooter(tail: Uint8Array, sourceSize: number): Footer | undefined {
  if (tail.length < SEEK_TABLE_FOOTER_SIZE) return undefined;
  const view = viewOf(tail);
  const at = tail.length - SEEK_TABLE_FOOTER_SIZE;
  const offset = sourceSize - SEEK_TABLE_FOOTER_SIZE;
  if (view.getUint32(at + 5, true) !== SEEKABLE_MAGIC) return undefined;
  const descriptor = view.getUint8(at + 4);
  if ((descriptor & RESERVED_BITS) !== 0)
    throw corrupt("reserved bits of its descriptor are set", offset + 4);
  const entrySize = ENTRY_SIZE + ((descriptor & CHECKSUM_FLAG) === 0 ? 0 : CHECKSUM_SIZE);
  const frameCount = view.getUint32(at, true);
  // At most 12 · 2^32, which a number holds exactly.
  const tableSize = HEADER_SIZE + frameCount * entrySize + SEEK_TABLE_FOOTER_SIZE;
  if (tableSize > sourceSize) {
    throw corrupt(`it claims ${frameCount} frames, more than ${sourceSize} bytes can hold`, offset);
  }
  if (tableSize > SEEK_TABLE_SIZE_MAX) throw tooLong("read", tableSize, offset);
  return { frameCount, entrySize, tableSize };
}

/** The entries of a table in the last bytes of a file. */
interface Entries {
  readonly view: DataView;
  /** The offset of the first entry in `view`. */
  readonly first: number;
  readonly frameCount: number;
  readonly entrySize: number;
  /** The offset of `view` in the file. */
  readonly base: number;
  /** The offset in the file at which the frames must end; undefined if the file's size is unknown. */
  readonly framesEnd: number | undefined;
}

/** Sums both sizes up, frame by frame. */
function* readEntries({
  view,
  first,
  frameCount,
  entrySize,
  base,
  framesEnd,
}: Entries): Generator<undefined, SeekTable, undefined> {
  const starts = new Float64Array(frameCount + 1);
  const contentStarts = new Float64Array(frameCount + 1);
  let start = 0;
  let contentStart = 0;
  for (let frame = 0, at = first; frame < frameCount; frame++, at += entrySize) {
    start += view.getUint32(at, true);
    contentStart += view.getUint32(at + 4, true);
    // The limit on frames keeps both sums below 2^55; this check keeps them exact.
    if (start > Number.MAX_SAFE_INTEGER || contentStart > Number.MAX_SAFE_INTEGER) {
      throw corrupt("the sizes of its frames add up past 2^53", base + at, frame);
    }
    if (framesEnd !== undefined && start > framesEnd) {
      throw corrupt(`its frame ends at byte ${start}, inside the table at ${framesEnd}`, base + at, frame);
    }
    starts[frame + 1] = start;
    contentStarts[frame + 1] = contentStart;
    if (frame % ENTRIES_AT_ONCE === ENTRIES_AT_ONCE - 1) yield;
  }
  return {
    frameCount,
    size: contentStart,
    compressedSize: start,
    find(offset) {
      if (!Number.isInteger(offset) || offset < 0 || offset >= contentStart) {
        throw new RangeError(`"offset" must be a whole number in [0, ${contentStart}), got ${offset}`);
      }
      return lastAtMost(contentStarts, offset);
    },
    frame(index) {
      if (!Number.isInteger(index) || index < 0 || index >= frameCount) {
        throw new RangeError(`"index" must be a whole number in [0, ${frameCount}), got ${index}`);
      }
      return {
        start: starts[index]!,
        end: starts[index + 1]!,
        contentStart: contentStarts[index]!,
        contentEnd: contentStarts[index + 1]!,
      };
    },
  };
}

/** The index of the last element that is at most `value`, in ascending `sums` that start at 0. */
function lastAtMost(sums: Float64Array, value: number): number {
  let low = 0;
  let high = sums.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (sums[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function tooLong(verb: "read" | "write", size: number, offset?: number): ZstashError {
  return new ZstashError(
    "SIZE_LIMIT",
    `Cannot ${verb} the seek table: it is longer than ${SEEK_TABLE_SIZE_MAX} bytes, got ${size}`,
    { offset },
  );
}

function corrupt(reason: string, offset: number, frame?: number): ZstashError {
  return new ZstashError("CORRUPT", `Cannot read the seek table: ${reason}`, { offset, frame });
}
