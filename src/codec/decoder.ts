/** The public `Decoder`, and the half of it that holds whole values. */
import { requireBytes } from "../check.ts";
import type { DecodePlan, DecoderEngine } from "../engine/engine.ts";
import { ZstashError } from "../errors.ts";
import type { DictionaryLookup } from "../format/dictionary.ts";
import { walkFrame, type FrameExtent } from "../format/frame.ts";
import type { ByteStream, ByteTransform } from "../streams.ts";
import {
  readDecompressOptions,
  readTextOptions,
  type DecompressOptions,
  type DecompressStreamOptions,
  type RangeOptions,
  type RangeSource,
} from "./decompress-options.ts";
import { dictionaryUnknown, withRegistered, type Dictionaries } from "./dictionaries.ts";

/** Decompression over one engine. All methods are synchronous; one that throws leaves the decoder usable. */
export interface Decoder {
  /**
   * Decodes every frame of `data`, to its exact end; skippable frames are passed over.
   *
   * @throws {ZstashError} NOT_ZSTD, TRUNCATED (also for no bytes at all), CORRUPT (also for bytes after the last
   * frame), CHECKSUM_MISMATCH, SIZE_LIMIT, WINDOW_LIMIT (a window that no 32-bit decoder has: over 2 GiB),
   * DICTIONARY_UNKNOWN, OUT_OF_MEMORY
   * @throws {TypeError} for bytes whose buffer was transferred
   * @example
   * ```ts
   * const bytes = zstd.decompress(frame, { maxSize: 64 << 20 });
   * ```
   */
  decompress<Memory extends ArrayBufferLike = ArrayBuffer>(
    data: Uint8Array,
    options?: DecompressOptions<Memory>,
  ): Uint8Array<Memory>;
  /**
   * Decodes as `decompress` does, to a string straight out of WebAssembly memory. A byte order mark stays in the string.
   *
   * @throws {ZstashError} what `decompress` throws, and NOT_TEXT if the content is not UTF-8
   * @example
   * ```ts
   * const value = JSON.parse(zstd.decompressText(frame));
   * ```
   */
  decompressText(data: Uint8Array, options?: Omit<DecompressOptions, "into">): string;
  /**
   * A stream that decodes frames and skippable frames in any order, with backpressure inside a chunk. Truncated input
   * is an error at its end, never a short result.
   *
   * @throws {ZstashError} in the stream: what `decompress` throws, WINDOW_LIMIT, TIMEOUT (no context within 30 s)
   * @example
   * ```ts
   * const text = await new Response(body.pipeThrough(zstd.decompressStream())).text();
   * ```
   */
  decompressStream(options?: DecompressStreamOptions): ByteTransform;
  /**
   * Decompressed bytes `[start, end)` of a seekable file, reading only the frames that hold them; `end` defaults to the
   * end and is clamped to it. A file without a seek table is read from its start.
   *
   * @throws {ZstashError} in the stream: what `decompressStream` throws, with frame and offset in the file; RangeError
   * if `start` lies past the end
   * @example
   * ```ts
   * const page = zstd.decompressRange(source, 1_000_000, 1_001_000);
   * ```
   */
  decompressRange(source: RangeSource, start: number, end?: number, options?: RangeOptions): ByteStream;
}

/** Makes the half of a decoder that holds whole values. */
export function createOneShotDecoder(
  engine: Pick<DecoderEngine, "decompress" | "decompressText">,
  registered: Dictionaries,
): Pick<Decoder, "decompress" | "decompressText"> {
  const lookup = (own: DictionaryLookup | undefined): DictionaryLookup =>
    own === undefined ? registered : withRegistered(own, registered);
  return {
    decompress(data, options) {
      const { maxSize, into, prefix, dictionaries } = readDecompressOptions(options);
      requireBytes(data, "data");
      return engine.decompress(planDecode(data, maxSize, lookup(dictionaries), prefix), into);
    },
    decompressText(data, options) {
      const { maxSize, prefix, dictionaries } = readTextOptions(options);
      requireBytes(data, "data");
      return engine.decompressText(planDecode(data, maxSize, lookup(dictionaries), prefix));
    },
  };
}

/**
 * Finds the frames of `data` and proves the size of their output before anything is allocated for it: the claimed
 * content size where there is one, never more than the blocks can hold, never more than `maxSize`.
 */
export function planDecode(
  data: Uint8Array,
  maxSize: number,
  dictionaries: DictionaryLookup,
  prefix?: Uint8Array,
): DecodePlan {
  if (data.length === 0) {
    throw new ZstashError("TRUNCATED", "Cannot decompress: the input is empty", { frame: 0, offset: 0 });
  }
  const first = walkFrame(data, 0, 0);
  let capacity = 0;
  let claimed = 0;
  let frame = 0;
  let extent = first;
  for (;;) {
    const { header, start, end, bound } = extent;
    if (header.type === "frame") {
      if (header.dictionaryId !== 0 && dictionaries.get(header.dictionaryId, header) === undefined) {
        throw dictionaryUnknown(header.dictionaryId, frame, start);
      }
      // Frames that claim nothing may hold less than their blocks could, so only claims prove too much.
      claimed += header.contentSize ?? 0;
      if (claimed > maxSize) {
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
  return { data, frames: frame === 0 ? [first] : walkFrames(data), capacity, dictionaries, prefix };
}

/** Walks again rather than keep a list: 32 MiB of empty skippable frames would make four million entries. */
function* walkFrames(data: Uint8Array): Generator<FrameExtent> {
  for (let start = 0, frame = 0; start < data.length; frame++) {
    const extent = walkFrame(data, start, frame);
    yield extent;
    start = extent.end;
  }
}
