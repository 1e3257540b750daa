/** Plans the reads of a seekable file that a range of its content takes. */
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX } from "../format/frame.ts";
import type { SeekTable, SeekTableFrame } from "../format/seek-table.ts";

/**
 * One read: bytes `[start, end)` of the file, which hold the frames `[first, last)`, or the header of one of which the
 * table says that it holds nothing, and which is too long to be read for that.
 */
export interface FrameRead {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

/** Sizes of reads and frames, in bytes. */
export interface ReadSettings {
  /** The most bytes in one read; a single larger frame is a read of its own. */
  readonly readSize: number;
  /** The most bytes a frame may have, compressed and decompressed. */
  readonly maxFrameSize: number;
}

/** A frame without content is read whole up to this size, in bytes: a request costs as much. */
const EMPTY_WHOLE = 65536;

/**
 * The reads that `[start, end)` of the content takes, `end` at most the content's size: every frame that holds a byte
 * of it, and all that the table says hold nothing between them and at the range's ends, so that none of these is left
 * out unseen. Neighbours are in one read, which holds at most `maxFrameSize` of content. Pure, and lazy: a plan of a
 * million reads takes no memory, and a read of a million frames a few steps.
 *
 * @throws {ZstashError} SIZE_LIMIT, CORRUPT (content in a frame of no bytes): when the frame is reached, before it is read
 */
export function* planReads(
  table: SeekTable,
  start: number,
  end: number,
  settings: ReadSettings,
): Generator<FrameRead, void, undefined> {
  // A range that is empty because the content ends there has to see that it does.
  if (start === end && start < table.size) return;
  const beyond = endOf(table, end);
  for (let first = beginOf(table, start); first < beyond;) {
    const last = lastTogether(table, first, beyond, settings);
    const { start: from, contentStart } = table.frame(first);
    const { end: to, contentEnd } = table.frame(last - 1);
    if (from === to && contentStart < contentEnd) {
      const index = table.find(contentStart);
      requireSizes(table.frame(index), index, settings.maxFrameSize);
    }
    if (from < to) {
      const isHeader = isLongEmpty(table.frame(first), settings.readSize);
      yield { start: from, end: isHeader ? from + FRAME_HEADER_SIZE_MAX : to, first, last };
    }
    first = last;
  }
}

/** Returns true for a frame of which only the header is read. */
export function isLongEmpty(frame: SeekTableFrame, readSize: number): boolean {
  return frame.contentStart === frame.contentEnd && frame.end - frame.start > Math.max(readSize, EMPTY_WHOLE);
}

/** The first frame of a range: empty ones stand before the one that holds its first byte. */
function beginOf(table: SeekTable, start: number): number {
  if (start === 0) return 0;
  const before = table.find(start - 1);
  return table.frame(before).contentEnd > start ? before : before + 1;
}

/** The frame that follows a range. */
function endOf(table: SeekTable, end: number): number {
  if (end >= table.size) return table.frameCount;
  const index = table.find(end);
  return table.frame(index).contentStart === end ? index : index + 1;
}

/** The frame after the last one that one read holds together with `first`; found by halving, for a table may list millions. */
function lastTogether(
  table: SeekTable,
  first: number,
  beyond: number,
  { readSize, maxFrameSize }: ReadSettings,
): number {
  const { start, contentStart } = table.frame(first);
  const most = Math.min(readSize, maxFrameSize);
  let low = first;
  let high = beyond;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const { end, contentEnd } = table.frame(middle);
    if (end - start <= most && contentEnd - contentStart <= maxFrameSize) low = middle + 1;
    else high = middle;
  }
  if (low > first) return low;
  const frame = table.frame(first);
  if (frame.contentStart < frame.contentEnd) requireSizes(frame, first, maxFrameSize);
  return first + 1;
}

function requireSizes(
  { start, end, contentStart, contentEnd }: SeekTableFrame,
  index: number,
  maxFrameSize: number,
): void {
  const contentSize = contentEnd - contentStart;
  if (start === end) {
    throw new ZstashError(
      "CORRUPT",
      `Cannot read frame ${index}: the seek table says that no bytes hold ${contentSize}`,
      { frame: index, offset: start },
    );
  }
  const size = Math.max(end - start, contentSize);
  if (size > maxFrameSize) {
    throw new ZstashError(
      "SIZE_LIMIT",
      `Cannot read frame ${index}: the limit is ${maxFrameSize} bytes a frame, got ${size}`,
      { frame: index, offset: start },
    );
  }
}
