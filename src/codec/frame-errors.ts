/** The errors of frames that do not keep to what they claim, or to the limits of a call. */
import type { FrameAt } from "../engine/zstd-errors.ts";
import { ZstashError } from "../errors.ts";

/** SIZE_LIMIT for content over `maxSize`. */
export function contentTooLarge(maxSize: number, at: FrameAt): ZstashError {
  return new ZstashError(
    "SIZE_LIMIT",
    `Cannot decompress: the content is larger than the limit of ${maxSize} bytes`,
    at,
  );
}

/** WINDOW_LIMIT for a frame that asks for more than a stream's windows may have. */
export function windowTooLarge(windowSize: number, maxWindowLog: number, at: FrameAt): ZstashError {
  return new ZstashError(
    "WINDOW_LIMIT",
    `Cannot decompress: frame ${at.frame} needs a window of ${windowSize} bytes, over 2^${maxWindowLog}`,
    at,
  );
}

/** CORRUPT for a frame whose content has another size than its header says. */
export function notAsClaimed(at: FrameAt): ZstashError {
  return new ZstashError(
    "CORRUPT",
    `Cannot decompress: frame ${at.frame} does not hold as many bytes as its header claims`,
    at,
  );
}
