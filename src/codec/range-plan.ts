/** Plans the reads of a seekable file that a range of its content takes. */
import { ZstashError } from "../errors.ts";
import type { SeekTable, SeekTableFrame } from "../format/seek-table.ts";

/** One read: bytes `[start, end)` of the file, which hold the frames `[first, last)`. */
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

/**
 * The reads that `[start, end)` of the content takes, `end` at most the content's size: every frame that holds a byte
 * of it and as few others as lie between, neighbours in one read. Pure, and lazy: a plan of a million reads takes no
 * memory.
 *
 * @throws {ZstashError} SIZE_LIMIT, CORRUPT (content in a frame of no bytes): when the frame is reached, before it is read
 */
export function* planReads(
  table: SeekTable,
  start: number,
  end: number,
  { readSize, maxFrameSize }: ReadSettings,
): Generator<FrameRead, void, undefined> {
  if (start >= end) return;
  let read: FrameRead | undefined;
  // From frame to frame that has content: of empty ones a table may have millions.
  for (let at = start; at < end;) {
    const index = table.find(at);
    const frame = table.frame(index);
    at = frame.contentEnd;
    requireSizes(frame, index, maxFrameSize);
    if (read !== undefined && frame.end - read.start <= readSize) {
      read = { ...read, end: frame.end, last: index + 1 };
      continue;
    }
    if (read !== undefined) yield read;
    read = { start: frame.start, end: frame.end, first: index, last: index + 1 };
  }
  if (read !== undefined) yield read;
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
