import type { DecodePlan, Engine } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import { walkFrame, type FrameExtent } from "../format/frame.ts";
import { readDecompressOptions, requireBytes, type DecompressOptions } from "./parameters.ts";

/** Decompression over one engine. All methods are synchronous; one that throws leaves the decoder usable. */
export interface Decoder {
  /**
   * Decodes every frame of `data`, to its exact end; skippable frames are passed over.
   *
   * @throws {ZstashError} NOT_ZSTD, TRUNCATED (also for no bytes at all), CORRUPT (also for bytes after the last
   * frame), CHECKSUM_MISMATCH, SIZE_LIMIT, DICTIONARY_UNKNOWN, OUT_OF_MEMORY
   * @example
   * ```ts
   * const bytes = zstd.decompress(frame, { maxSize: 64 << 20 });
   * ```
   */
  decompress(data: Uint8Array, options?: DecompressOptions): Uint8Array;
  /**
   * As `decompress`, to a string straight out of WebAssembly memory. A byte order mark stays in the string.
   *
   * @throws {ZstashError} as `decompress`, and NOT_TEXT where the content is not UTF-8
   * @example
   * ```ts
   * const value = JSON.parse(zstd.decompressText(frame));
   * ```
   */
  decompressText(data: Uint8Array, options?: Omit<DecompressOptions, "into">): string;
}

/** A decoder over an engine. */
export function createDecoder(engine: Engine): Decoder {
  return {
    decompress(data, options) {
      requireBytes(data, "data");
      const { maxSize, into } = readDecompressOptions(options);
      return engine.decompress(planDecode(data, maxSize), into);
    },
    decompressText(data, options) {
      requireBytes(data, "data");
      return engine.decompressText(planDecode(data, readDecompressOptions(options).maxSize));
    },
  };
}

/**
 * Finds the frames of `data` and proves the size of their output before anything is allocated for it: the claimed
 * content size where there is one, never more than the blocks can hold, never more than `maxSize`.
 */
export function planDecode(data: Uint8Array, maxSize: number): DecodePlan {
  if (data.length === 0) {
    throw new ZstashError("TRUNCATED", "Cannot decompress: the input is empty", { frame: 0, offset: 0 });
  }
  const first = walkFrame(data, 0, 0);
  let capacity = 0;
  let frame = 0;
  let extent = first;
  for (;;) {
    const { header, start, end, bound } = extent;
    if (header.type === "frame") {
      if (header.dictionaryId !== 0) throw dictionaryUnknown(header.dictionaryId, frame, start);
      if (header.contentSize !== undefined && header.contentSize > maxSize - capacity) {
        throw new ZstashError(
          "SIZE_LIMIT",
          `Cannot decompress: the content is larger than the limit of ${maxSize} bytes`,
          { frame, offset: start },
        );
      }
      capacity = Math.min(maxSize, capacity + (header.contentSize ?? bound));
    }
    if (end === data.length) break;
    frame += 1;
    extent = walkFrame(data, end, frame);
  }
  return { data, frames: frame === 0 ? contentFrames([first]) : contentFrames(walkFrames(data)), capacity };
}

/** Walks again rather than keep a list: 32 MiB of empty skippable frames would make four million entries. */
function* walkFrames(data: Uint8Array): Generator<FrameExtent> {
  for (let start = 0, frame = 0; start < data.length; frame++) {
    const extent = walkFrame(data, start, frame);
    yield extent;
    start = extent.end;
  }
}

function* contentFrames(extents: Iterable<FrameExtent>): Generator<FrameExtent> {
  for (const extent of extents) if (extent.header.type === "frame") yield extent;
}

function dictionaryUnknown(dictionaryId: number, frame: number, offset: number): ZstashError {
  return new ZstashError(
    "DICTIONARY_UNKNOWN",
    `Cannot decompress: the frame needs dictionary ${dictionaryId}, which is not registered`,
    { dictionaryId, frame, offset },
  );
}
