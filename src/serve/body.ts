/**
 * The streams that bodies are made of: they are begun before the response is, fail where the value is cut, and are
 * read whole if they are small.
 */
import { concatenate } from "../bytes.ts";
import { chunksOf, createPullStream, createReaderStream } from "../codec/pull-stream.ts";
import { ZstashError } from "../errors.ts";
import { FirstFrame } from "../format/first-frame.ts";
import type { ByteReader, ByteStream } from "../streams.ts";

/** The body of a response: bytes, or a stream of them. */
export type Body = Uint8Array<ArrayBuffer> | ByteStream;

/** A body, and its size if that is known before it is sent. */
export interface SizedBody {
  readonly body: Body;
  readonly size: number | undefined;
}

/** What is known about a frame before it is read. */
export interface Expected {
  /** Its size in bytes. */
  readonly size: number;
  /** Throws if its last four bytes are those of another value. */
  check(end: Uint8Array): void;
}

/** Returns a stream whose first chunk has been read: a fault at the beginning is known before a response begins. */
export async function begun(stream: ByteStream): Promise<ByteStream> {
  const reader = stream.getReader();
  const { done, value } = await reader.read();
  return done ? streamOf(new Uint8Array(0)) : prepend(reader, value);
}

/**
 * The only frame of a stream, to its end; an error if it is truncated, or if something follows it. If its size is
 * expected, an error comes before the last of these bytes: a host that counts them may have ended the response with
 * it.
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
 * A stream of content whose size the client is told. The last chunk waits for the stream's end: a wrong checksum
 * shows only after the last byte, when the client would already take the content for complete.
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
 * Reads all of a stream that has at most so many bytes. A value in base64 was written by a client for text: 32 MiB is
 * more than any such request may have.
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

/** Types bytes that are known to have a buffer of their own. */
export function asOwn(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
