/** Plans the reads that a range of a seekable file's content needs. */
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX } from "../format/frame.ts";
import type { SeekTable, SeekTableFrame } from "../format/seek-table.ts";

/**
 * One read: the bytes `[start, end)` of the file, which hold the frames `[first, last)`; or only the header of one
 * frame that the table lists as empty and that is too long to be read whole.
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
  /** The most bytes of a frame, both compressed and decompressed. */
  readonly maxFrameSize: number;
}

/** A frame without content is read whole up to this size, in bytes: a request costs as much. */
const EMPTY_WHOLE = 65536;

/**
 * Plans the reads for `[start, end)` of the content; `end` is at most the content's size. They cover every frame that
 * holds a byte of the range, and all frames that the table lists as empty between them and at the ends of the range,
 * so that none of these goes unchecked. Neighbouring frames share one read, which holds at most `maxFrameSize` of
 * content. The plan is lazy: a million reads take no memory, and a read of a million frames a few steps.
 *
 * @throws {ZstashError} SIZE_LIMIT, CORRUPT (content in a frame of no bytes), when the plan reaches the frame and
 * before it is read
 */
export function* planReads(
  table: SeekTable,
  start: number,
  end: number,
  settings: ReadSettings,
): Generator<FrameRead, void, undefined> {
  // A range that is empty because the content ends there has to check that it does.
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

/** The index of the first frame of a range: empty frames stand before the one that holds its first byte. */
function beginOf(table: SeekTable, start: number): number {
  if (start === 0) return 0;
  const before = table.find(start - 1);
  return table.frame(before).contentEnd > start ? before : before + 1;
}

/** The index of the frame after a range. */
function endOf(table: SeekTable, end: number): number {
  if (end >= table.size) return table.frameCount;
  const index = table.find(end);
  return table.frame(index).contentStart === end ? index : index + 1;
}

/**
 * The index after the last frame that one read holds together with `first`; by binary search, because a table may
 * list millions.
 */
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
