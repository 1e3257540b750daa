/** Feeding transform streams and draining them, on the web platform alone. */
import { concat, randomOf } from "./data.ts";

type Transform = TransformStream<Uint8Array, Uint8Array>;

/** What came out, and the error that ended it; undefined where the stream ended well. */
export interface Outcome {
  readonly chunks: readonly Uint8Array[];
  readonly bytes: Uint8Array;
  readonly error: unknown;
}

/** Runs chunks through a transform; both sides at once, as a pipe does. */
export async function pipe(
  { readable, writable }: Transform,
  input: readonly Uint8Array[],
): Promise<Outcome> {
  const fed = feed(writable.getWriter(), input);
  const outcome = await drain(readable);
  await fed;
  return outcome;
}

/** Reads a stream to its end, or to its error. */
export async function drain(readable: ReadableStream<Uint8Array>): Promise<Outcome> {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  const reader = readable.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
    }
  } catch (reason) {
    error = reason;
  }
  return { chunks, bytes: concat(chunks), error };
}

/** What stops a write reaches the reader too: it is looked at there. */
async function feed(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  input: readonly Uint8Array[],
): Promise<void> {
  try {
    for (const chunk of input) await writer.write(chunk);
    await writer.close();
  } catch {
    await writer.closed.catch(() => {});
  }
}

/** The output of a transform; throws the stream's error. */
export async function through(transform: Transform, input: readonly Uint8Array[]): Promise<Uint8Array> {
  const { bytes, error } = await pipe(transform, input);
  if (error !== undefined) throw error;
  return bytes;
}

/** Chunks of up to `most` bytes, a sixth of them empty. */
export function splitAt(data: Uint8Array, seed: number, most: number): Uint8Array[] {
  const random = randomOf(seed);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < data.length;) {
    const size = random() % 6 === 0 ? 0 : 1 + (random() % most);
    chunks.push(data.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Each byte a chunk. */
export function bytewise(data: Uint8Array): Uint8Array[] {
  return Array.from(data, (_, at) => data.subarray(at, at + 1));
}
