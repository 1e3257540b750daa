/** Seekable files written by hand, sources that count, and ranges with their errors. */
import type { Decoder, RangeOptions, RangeSource, Zstd } from "../../src/index.ts";
import { littleEndian } from "./build-frame.ts";
import { concat } from "./data.ts";
import { drain } from "./pipe.ts";
import type { Outcome } from "./pipe.ts";

/** A source that keeps what it is asked for. */
export interface CountedSource extends RangeSource {
  readonly reads: (readonly [start: number, end: number])[];
}

/** `answer` may break the source's word: it gets the right bytes and the number of the read. */
export function counted(
  bytes: Uint8Array,
  answer: (good: Uint8Array, number: number) => unknown = (good) => good,
): CountedSource {
  const reads: [number, number][] = [];
  return {
    size: bytes.length,
    reads,
    async read(start, end) {
      reads.push([start, end]);
      await Promise.resolve();
      return answer(bytes.slice(start, end), reads.length - 1) as Uint8Array;
    },
  };
}

/** What the table says of a frame. */
export type Entry = readonly [compressedSize: number, contentSize: number];

/** The seek table of the Zstandard Seekable Format 0.1.0; with `checksums` each entry has four more bytes. */
export function tableOf(entries: readonly Entry[], checksums: boolean = false): Uint8Array {
  const payload = concat(
    entries.flatMap(([compressed, content]) => [
      littleEndian(compressed, 4),
      littleEndian(content, 4),
      new Uint8Array(checksums ? 4 : 0),
    ]),
    littleEndian(entries.length, 4),
    Uint8Array.of(checksums ? 0x80 : 0),
    littleEndian(0x8f92eab1, 4),
  );
  return concat(littleEndian(0x184d2a5e, 4), littleEndian(payload.length, 4), payload);
}

export interface SeekableFile {
  readonly frames: Uint8Array;
  readonly entries: readonly Entry[];
  /** The frames and their table. */
  readonly file: Uint8Array;
}

/** One-shot frames of `frameSize` bytes of content each. */
export function seekableFile(zstd: Zstd, content: Uint8Array, frameSize: number): SeekableFile {
  const frames: Uint8Array[] = [];
  const entries: Entry[] = [];
  for (let at = 0; at < content.length; at += frameSize) {
    const part = content.subarray(at, at + frameSize);
    const frame = zstd.compress(part);
    frames.push(frame);
    entries.push([frame.length, part.length]);
  }
  return { frames: concat(frames), entries, file: concat(frames, tableOf(entries)) };
}

/** A range, or its error: misuse may be thrown at once or end the stream. */
export async function rangeOf(
  decoder: Decoder,
  source: RangeSource,
  start: number,
  end?: number,
  options?: RangeOptions,
): Promise<Outcome> {
  try {
    return await drain(decoder.decompressRange(source, start, end, options));
  } catch (error) {
    return { chunks: [], bytes: new Uint8Array(0), error };
  }
}

/** The bytes of a range; throws its error. */
export async function bytesOf(...parameters: Parameters<typeof rangeOf>): Promise<Uint8Array> {
  const { bytes, error } = await rangeOf(...parameters);
  if (error !== undefined) throw error;
  return bytes;
}
