/** Gathers the samples of a training: bytes or texts, from anything that can be iterated, within limits. */
import { ByteBuffer } from "../byte-buffer.ts";
import { isBytes } from "../bytes.ts";
import { describe, requireBytes } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { utf8Encoder } from "../text.ts";
import type { Samples } from "./trainer.ts";

/** The most bytes of all samples together, and the most samples: training takes about a quarter of a GiB for that. */
const SIZE_MAX: number = 64 << 20;
const COUNT_MAX: number = 1 << 20;
/** The bytes of a sample that are used: a dictionary helps the first block, and zstd's own trainer stops there too. */
export const SAMPLE_SIZE_MAX: number = 128 << 10;

/** Anything that yields samples one after another. */
export type SampleSource = Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

/** Throws unless the argument can be iterated, and is not itself one sample. */
export function requireSamples(samples: unknown): asserts samples is SampleSource {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = Object(samples) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  const isOne = typeof samples === "string" || ArrayBuffer.isView(samples);
  if (!isOne && (typeof sync === "function" || typeof async === "function")) return;
  throw new TypeError(
    `"samples" must be an iterable of Uint8Arrays or strings, got ${isOne ? "one " : ""}${describe(samples)}`,
  );
}

/** Copies all samples one after another. SIZE_LIMIT for more than 64 MiB or 1,048,576 of them. */
export async function gatherSamples(source: SampleSource, signal: AbortSignal | undefined): Promise<Samples> {
  const buffer = new ByteBuffer(SIZE_MAX, SAMPLE_SIZE_MAX);
  const ends: number[] = [];
  // The loop closes an iterator that it leaves before the end.
  for await (const sample of source) {
    signal?.throwIfAborted();
    const bytes = toBytes(sample);
    if (buffer.length + bytes.length > SIZE_MAX) throw tooMany(`${SIZE_MAX} bytes`);
    if (ends.length === COUNT_MAX) throw tooMany(`${COUNT_MAX} samples`);
    buffer.append(bytes);
    ends.push(buffer.length);
  }
  return { bytes: buffer.bytes, ends };
}

function toBytes(sample: unknown): Uint8Array {
  if (typeof sample === "string") {
    return utf8Encoder.encode(sample.slice(0, SAMPLE_SIZE_MAX)).subarray(0, SAMPLE_SIZE_MAX);
  }
  if (!isBytes(sample)) {
    throw new TypeError(`"samples" must give Uint8Arrays or strings, got ${describe(sample)}`);
  }
  requireBytes(sample, "samples");
  return sample.subarray(0, SAMPLE_SIZE_MAX);
}

function tooMany(limit: string): ZstashError {
  return new ZstashError(
    "SIZE_LIMIT",
    `Cannot train: there are more than ${limit}; give a part of them, such as every tenth`,
  );
}
