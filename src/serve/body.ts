/** The streams that bodies are made of: begun before the response is, cut where the value is, read whole where it is small. */
import { concatenate } from "../bytes.ts";
import { chunksOf, createPullStream, createReaderStream } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { FirstFrame } from "../format/first-frame.ts";
import type { ByteReader, ByteStream } from "../streams.ts";

/** The body of a response: bytes, or a stream of them. */
export type Body = Uint8Array<ArrayBuffer> | ByteStream;

/** A body, and its bytes where they are known before they are sent. */
export interface SizedBody {
  readonly body: Body;
  readonly size: number | undefined;
}

/** What is known of a frame before it is read. */
export interface Expected {
  /** Its bytes. */
  readonly size: number;
  /** Throws if its last four bytes are those of another one. */
  check(end: Uint8Array): void;
}

/** A stream whose first chunk is there: what is wrong with the beginning is known before a response begins. */
export async function begun(stream: ByteStream): Promise<ByteStream> {
  const reader = stream.getReader();
  const { done, value } = await reader.read();
  return done ? streamOf(new Uint8Array(0)) : prepend(reader, value);
}

/**
 * The only frame of a stream, to its end; an error if it is cut off, or if something follows it. Where its size is expected, an
 * error comes before the last of these bytes: a host that counts them may have ended the response with it.
 */
export function onlyFrame(stream: ByteStream, expected: Expected | undefined): ByteStream {
  const frame = new FirstFrame();
  return createReaderStream(stream.getReader(), async function* pass(reader) {
    let size = 0;
    let last: Uint8Array = new Uint8Array(0);
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      frame.push(next.value);
      if (frame.end !== undefined && frame.end < size)
        throw new ZstashError(
          "UNSUPPORTED",
          "Cannot send the stream as it is: something follows its first frame, which clients of HTTP do not read",
        );
      last = concatenate([last, next.value.subarray(-4)]).subarray(-4);
      if (expected !== undefined && size >= expected.size) {
        if (frame.end === undefined) throw cutOff();
        expected.check(last);
      }
      yield next.value;
    }
    if (frame.end === undefined) throw cutOff();
  });
}

/**
 * A stream of content whose size the client is told. The chunk that fills it waits for the stream's end: a checksum that is
 * wrong shows after the last byte, where the client would take it for the whole.
 */
export function ofSize(stream: ByteStream, expected: number): ByteStream {
  return createReaderStream(stream.getReader(), async function* counted(reader) {
    let size = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (size > expected || (size === expected && !(await reader.read()).done)) throw otherSize();
      yield next.value;
      if (size === expected) return;
    }
    if (size !== expected) throw otherSize();
  });
}

function otherSize(): ZstashError {
  return new ZstashError("VALUE_CHANGED", "Cannot send the content: it has another size than was declared");
}

function cutOff(): ZstashError {
  return new ZstashError("TRUNCATED", "Cannot send the frame: it is cut off");
}

export function prepend(reader: ByteReader, head: Uint8Array): ByteStream {
  return createReaderStream(reader, async function* all() {
    if (head.length > 0) yield head;
    yield* chunksOf(reader);
  });
}

export function streamOf(bytes: Uint8Array): ByteStream {
  return createPullStream(async function* given() {
    if (bytes.length > 0) yield bytes;
  });
}

/**
 * All of a stream that is at most so long. A value in base64 is one that a client for text wrote: 32 MiB are more than any such
 * request may have.
 */
export async function readWhole(stream: ByteStream, most: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > most) {
      reader.cancel().catch(() => undefined);
      throw new ZstashError("SIZE_LIMIT", `Cannot send the value: it has over ${most} bytes`);
    }
    chunks.push(next.value);
  }
  return asOwn(concatenate(chunks));
}

/** Bytes that are known to lie in a buffer of their own. */
export function asOwn(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
