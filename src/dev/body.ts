import { concatenate } from "../bytes.ts";

/** From this size on a body is a stream, so that it is not copied as a whole. */
const STREAM_FROM = 1024 * 1024;
/** What a stream hands on at a time: larger parts in slices, smaller ones together. */
const PIECE_SIZE = 256 * 1024;

/** A response's body of the parts, in order, and how many bytes it has. */
export function toBody(parts: readonly Uint8Array[]): {
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly size: number;
} {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return { body: size < STREAM_FROM ? concatenate(parts) : stream(pieces(parts)), size };
}

function stream(source: Iterator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      const { done, value } = source.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
  });
}

function* pieces(parts: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  let small: Uint8Array[] = [];
  let waiting = 0;
  for (const part of parts) {
    if (waiting + part.length > PIECE_SIZE && waiting > 0) {
      yield concatenate(small);
      [small, waiting] = [[], 0];
    }
    if (part.length > PIECE_SIZE) {
      for (let at = 0; at < part.length; at += PIECE_SIZE) yield part.subarray(at, at + PIECE_SIZE);
    } else {
      small.push(part);
      waiting += part.length;
    }
  }
  if (waiting > 0) yield concatenate(small);
  return undefined;
}
