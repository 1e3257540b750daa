/** The public `Decoder`, and its half for whole values. */
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
import { contentTooLarge } from "./frame-errors.ts";

/** Decompression with one engine. All methods are synchronous; the decoder stays usable after one that throws. */
export interface Decoder {
  /**
   * Decodes every frame of `data`, to its exact end; skippable frames are skipped.
   *
   * @throws {ZstashError} NOT_ZSTD, TRUNCATED (also for no bytes at all), CORRUPT (also for bytes after the last
   * frame), CHECKSUM_MISMATCH, SIZE_LIMIT, WINDOW_LIMIT (a window that no 32-bit decoder has: over 2 GiB),
   * DICTIONARY_UNKNOWN, OUT_OF_MEMORY
   * @throws {TypeError} for bytes whose buffer was transferred
   * @example
   * ```ts
   * const bytes = zstd.decompress(frame, { maxSize: 64 << 20 });
   * new TextDecoder().decode(bytes); // → '{"visits":3}'
   * ```
   */
  decompress<Memory extends ArrayBufferLike = ArrayBuffer>(
    data: Uint8Array,
    options?: DecompressOptions<Memory>,
  ): Uint8Array<Memory>;
  /**
   * Decodes as `decompress` does, to a string directly from WebAssembly memory. A byte order mark stays in the
   * string.
   *
   * @throws {ZstashError} as `decompress`, and NOT_TEXT if the content is not UTF-8
   * @example
   * ```ts
   * const value = JSON.parse(zstd.decompressText(frame));
   * value.visits; // → 3
   * ```
   */
  decompressText(data: Uint8Array, options?: Omit<DecompressOptions, "into">): string;
  /**
   * Makes a stream that decodes frames and skippable frames in any order, with backpressure inside a chunk. Truncated
   * input is an error at its end, never a short result.
   *
   * @throws {ZstashError} in the stream: as `decompress`, WINDOW_LIMIT, TIMEOUT (no context within 30 s)
   * @example
   * ```ts
   * const body = new Blob([frame]).stream();
   * await new Response(body.pipeThrough(zstd.decompressStream())).text(); // → '{"visits":3}'
   * ```
   */
  decompressStream(options?: DecompressStreamOptions): ByteTransform;
  /**
   * Streams the decompressed bytes `[start, end)` of a seekable file, and reads only the frames that hold them. `end`
   * defaults to the end and is clamped to it. A file without a seek table is read from its start, and so is one made of
   * several files that were joined.
   *
   * @throws {ZstashError} in the stream: as `decompressStream`, with frame and offset in the file; RangeError if
   * `start` is past the end
   * @example
   * ```ts
   * const part = zstd.decompressRange(source, 200_000, 200_010);
   * await new Response(part).text(); // → "0123456789"
   * ```
   */
  decompressRange(source: RangeSource, start: number, end?: number, options?: RangeOptions): ByteStream;
}

/** Makes the half of a decoder for whole values. */
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
 * Finds the frames of `data` and proves the size of their output before anything is allocated for it: the declared
 * content size if there is one, but never more than the blocks can hold, and never more than `maxSize`.
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
  let shared: number | undefined;
  let differ = false;
  for (;;) {
    const { header, start, end, bound } = extent;
    if (header.type === "frame") {
      shared ??= header.dictionaryId;
      differ ||= header.dictionaryId !== shared;
      if (header.dictionaryId !== 0 && dictionaries.get(header.dictionaryId, header) === undefined) {
        throw dictionaryUnknown(header.dictionaryId, frame, start);
      }
      // Frames that declare nothing may hold less than their blocks could, so only declared sizes prove too much.
      claimed += header.contentSize ?? 0;
      if (claimed > maxSize) {
        throw contentTooLarge(maxSize, { frame, offset: start });
      }
      capacity = Math.min(maxSize, capacity + (header.contentSize ?? bound));
    }
    if (end === data.length) break;
    frame += 1;
    extent = walkFrame(data, end, frame);
  }
  if (frame === 0) return { data, frames: [first], capacity, dictionaries, prefix };
  const sharedDictionary = differ ? undefined : (shared ?? 0);
  return { data, frames: walkFrames(data), sharedDictionary, capacity, dictionaries, prefix };
}

/** Parses again instead of keeping a list: 32 MiB of empty skippable frames would make four million entries. */
function* walkFrames(data: Uint8Array): Generator<FrameExtent> {
  for (let start = 0, frame = 0; start < data.length; frame++) {
    const extent = walkFrame(data, start, frame);
    yield extent;
    start = extent.end;
  }
}
