/** Feeding and draining of transform streams. Pure web platform, so that conformance cases may use it too. */
import type { Random } from "./random.ts";

type Bytes = Uint8Array;
type Transform = TransformStream<Uint8Array, Uint8Array>;

export function concat(parts: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A source that makes its chunks on demand. */
export function sourceOf(chunks: Iterable<Bytes>): ReadableStream<Bytes> {
  const iterator = chunks[Symbol.iterator]();
  return new ReadableStream<Bytes>(
    {
      pull(controller) {
        const { done, value } = iterator.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** All chunks that a stream yields; rejects with its error. */
export async function chunksOf(readable: ReadableStream<Bytes>): Promise<Bytes[]> {
  const chunks: Bytes[] = [];
  const reader = readable.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return chunks;
    chunks.push(value);
  }
}

/** What a transform makes of some chunks; rejects with its error. */
export async function through(transform: Transform, chunks: Iterable<Bytes>): Promise<Bytes> {
  return concat(await chunksOf(sourceOf(chunks).pipeThrough(transform)));
}

/** What came out before the error, and the error; `error` undefined where the stream ended well. */
export async function outcome(
  transform: Transform,
  chunks: Iterable<Bytes>,
): Promise<{ bytes: Bytes; error: unknown }> {
  const parts: Bytes[] = [];
  const reader = sourceOf(chunks).pipeThrough(transform).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: concat(parts), error: undefined };
      parts.push(value);
    }
  } catch (error) {
    return { bytes: concat(parts), error };
  }
}

/** Each byte a chunk. */
export function* byteByByte(data: Bytes): Generator<Bytes> {
  for (let at = 0; at < data.length; at++) yield data.subarray(at, at + 1);
}

/** Chunks of random lengths up to `most`, some of them empty. */
export function splitAtRandom(data: Bytes, random: Random, most: number = data.length): Bytes[] {
  const chunks: Bytes[] = [];
  for (let at = 0; at < data.length;) {
    if (random.below(5) === 0) chunks.push(new Uint8Array(0));
    const end = Math.min(data.length, at + random.logUniform(1, Math.max(1, most)));
    chunks.push(data.subarray(at, end));
    at = end;
  }
  return chunks;
}

/** Block headers of the frame at `start`, and where it ends; an independent reading of RFC 8878 §3.1.1. */
export function blocksOf(
  data: Bytes,
  start = 0,
): { blocks: { type: number; size: number; stored: number }[]; end: number } {
  const descriptor = data[start + 4]!;
  const single = (descriptor >> 5) & 1;
  const sizes = [single, 2, 4, 8];
  let at = start + 6 - single + [0, 1, 2, 4][descriptor & 3]! + sizes[descriptor >> 6]!;
  const blocks: { type: number; size: number; stored: number }[] = [];
  for (let last = 0; last === 0;) {
    if (at + 3 > data.length) throw new Error(`the frame at ${start} ends inside a block header`);
    const header = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16);
    last = header & 1;
    const type = (header >> 1) & 3;
    const size = header >> 3;
    const stored = 3 + (type === 1 ? 1 : size);
    blocks.push({ type, size, stored });
    at += stored;
  }
  return { blocks, end: at + ((descriptor & 4) !== 0 ? 4 : 0) };
}

/** A skippable frame (RFC 8878 §3.1.2) around a payload. */
export function skippable(payload: Bytes, variant = 0): Bytes {
  const frame = new Uint8Array(8 + payload.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x184d2a50 + variant, true);
  view.setUint32(4, payload.length, true);
  frame.set(payload, 8);
  return frame;
}
