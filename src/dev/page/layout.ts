/** Lists the frames of a stored value and the blocks in them, without decoding anything. */
import { readFrameHeaderAt, walkFrame } from "../../format/frame.ts";
import type { FrameExtent } from "../../format/frame.ts";
import { SEEK_TABLE_MAGIC } from "../../format/seek-table.ts";
import { VERSION_MAGIC } from "../../format/version-frame.ts";
import { messageOf } from "./facts.ts";
import type { BlockLayout, FrameLayout, ValueLayout } from "./protocol.ts";

/** The most frames that are listed, besides the last one. */
const FRAMES_MAX = 64;
/** The most blocks of a frame that are listed. */
const BLOCKS_MAX = 64;
const BLOCK_HEADER = 3;
const BLOCK_TYPES = ["raw", "rle", "compressed"] as const;

/**
 * The layout of a value's frames. A value that was read only in part, or is damaged, is listed up to there, and
 * `fault` says what is wrong.
 */
export function readLayout(data: Uint8Array, fileSize: number = data.length): ValueLayout {
  const frames: FrameLayout[] = [];
  let frameCount = 0;
  let last: FrameLayout | undefined;
  try {
    for (let at = 0; at < data.length;) {
      const extent = walkFrame(data, at, frameCount);
      last = describeFrame(data, extent);
      if (frameCount++ < FRAMES_MAX) frames.push(last);
      at = extent.end;
    }
  } catch (error) {
    const beginning = frameCount === 0 ? readBeginning(data) : undefined;
    const listed = beginning === undefined ? frames : [beginning];
    const cut = data.length < fileSize;
    return {
      fileSize,
      frameCount: frameCount + (cut ? 1 : 0),
      frames: listed,
      fault: cut ? null : messageOf(error),
    };
  }
  if (last !== undefined && frameCount > FRAMES_MAX) frames.push(last);
  return { fileSize, frameCount, frames, fault: null };
}

/** The header of a frame that is truncated, or damaged after its header. */
function readBeginning(data: Uint8Array): FrameLayout | undefined {
  try {
    const header = readFrameHeaderAt(data, 0, 0);
    return {
      ...describeFrame(data, { start: 0, end: data.length, header, bound: 0 }, true),
      role: header.type === "frame" ? "frame" : "skippable",
    };
  } catch {
    return undefined;
  }
}

function describeFrame(data: Uint8Array, { start, end, header }: FrameExtent, broken = false): FrameLayout {
  const isFrame = header.type === "frame";
  const { blocks, count } =
    isFrame && !broken ? listBlocks(data, start + header.headerSize) : { blocks: [], count: 0 };
  return {
    role: isFrame ? "frame" : roleOf(data, start),
    start,
    end,
    headerSize: header.headerSize,
    contentSize: header.contentSize ?? null,
    windowSize: header.windowSize,
    dictionaryId: header.dictionaryId,
    checksum: header.checksum,
    blockCount: count,
    blocks,
  };
}

function roleOf(data: Uint8Array, start: number): FrameLayout["role"] {
  const magic = new DataView(data.buffer, data.byteOffset + start, 4).getUint32(0, true);
  return magic === SEEK_TABLE_MAGIC ? "seek table" : magic === VERSION_MAGIC ? "version" : "skippable";
}

/** The blocks of a complete frame (RFC 8878 §3.1.1.2). */
function listBlocks(
  data: Uint8Array,
  first: number,
): { readonly blocks: BlockLayout[]; readonly count: number } {
  const blocks: BlockLayout[] = [];
  let count = 0;
  for (let at = first, last = false; !last;) {
    const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    last = (header & 1) !== 0;
    const type = BLOCK_TYPES[(header >> 1) & 3] ?? "compressed";
    const storedSize = BLOCK_HEADER + (type === "rle" ? 1 : header >> 3);
    if (count++ < BLOCKS_MAX) blocks.push({ type, start: at, storedSize });
    at += storedSize;
  }
  return { blocks, count };
}
