/** Decodes whole frames that lie one behind the other in a chunk of a stream with one call into WebAssembly. */
import type { DecompressionContext } from "../engine/engine.ts";
import { walkFrameIfWhole, type FrameExtent, type FrameHeader } from "../format/frame.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";

/** Input that one call takes, in bytes. Its output is at most one block. */
const INPUT_MAX = 65536;

/** Frames that lie one behind the other, skippable ones among them. */
export interface FrameRun {
  /** Bytes of input that they take; 0 where there is none. */
  readonly end: number;
  readonly headers: readonly FrameHeader[];
  /** What they hold; undefined where the engine could not decode them in one call, and where there is none. */
  readonly output: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Decodes the frames at the start of `data` that are whole, declare their sizes and hold at most `room` bytes together. The run
 * ends before a frame that `accepts` refuses and before one that is damaged. What is wrong with frames that cannot be
 * decoded is found step by step, and so is how much of them is right.
 */
export function decodeRun(
  context: Pick<DecompressionContext, "decodeRun">,
  data: Uint8Array,
  room: number,
  accepts: (header: FrameHeader) => boolean,
): FrameRun {
  const headers: FrameHeader[] = [];
  const most = data.subarray(0, INPUT_MAX);
  let left = Math.min(room, BLOCK_SIZE_MAX);
  const size = left;
  let end = 0;
  while (end < most.length) {
    const extent = nextFrame(most, end, accepts);
    if (extent === undefined) break;
    const { header } = extent;
    if (header.type === "frame") {
      const { contentSize = Infinity } = header;
      if (contentSize > left) break;
      left -= contentSize;
    }
    headers.push(header);
    end = extent.end;
  }
  const output = end === 0 ? undefined : context.decodeRun?.(most.subarray(0, end), size - left);
  return { end, headers, output };
}

/** The frame at `start`; undefined where it is not whole, not accepted or damaged, of which an error comes with its step. */
function nextFrame(
  data: Uint8Array,
  start: number,
  accepts: (header: FrameHeader) => boolean,
): FrameExtent | undefined {
  try {
    const extent = walkFrameIfWhole(data, start, 0);
    return extent?.header.type === "frame" && !accepts(extent.header) ? undefined : extent;
  } catch {
    return undefined;
  }
}
