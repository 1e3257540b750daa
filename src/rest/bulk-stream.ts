/** Reads a bulk string of RESP2 as it arrives, for values that are too large to hold in memory. */
import { concatenate } from "../bytes.ts";
import type { ByteStream } from "../streams.ts";
import type { HttpReply } from "./exchange.ts";
import { cannotRead, readWhole, type BulkReply } from "./read-reply.ts";
import type { RespValue } from "./resp.ts";

/** The longest first line of a bulk string: `$`, 19 digits and CRLF are 22 bytes; errors are lines of their own. */
const HEAD_MAX = 24;
const DOLLAR = 0x24;
const CR = 13;
const LF = 10;

/**
 * Reads a RESP2 body that begins with `first`. A bulk string is read as it arrives; any other reply to its end.
 *
 * @throws {ZstashError} REDIS, TRUNCATED, SIZE_LIMIT for a body that is not a reply
 */
export async function openBulk(
  reply: HttpReply,
  first: Uint8Array,
  maxSize?: number,
): Promise<BulkReply | RespValue> {
  let head = first;
  while (head[0] === DOLLAR && !head.subarray(0, HEAD_MAX).includes(LF) && head.length < HEAD_MAX) {
    const chunk = await reply.read();
    if (chunk === undefined) break;
    head = concatenate([head, chunk]);
  }
  const size = bulkSize(head);
  if (size === undefined) return readWhole(reply, head, maxSize);
  return { kind: "stream", size, stream: streamOf(reply, head.subarray(head.indexOf(LF) + 1), size) };
}

/** Does the same, and reads a bulk string whole if it is here already: it needs no stream. */
export function readBulk(
  reply: HttpReply,
  first: Uint8Array,
  maxSize?: number,
): Promise<BulkReply | RespValue> {
  const size = bulkSize(first);
  const isWhole = size !== undefined && first.length >= first.indexOf(LF) + 1 + size;
  return isWhole ? readWhole(reply, first, maxSize) : openBulk(reply, first, maxSize);
}

/** The length in a bulk string's first line; undefined for another reply, a null, or a malformed length. */
function bulkSize(head: Uint8Array): number | undefined {
  const end = head.indexOf(LF);
  if (head[0] !== DOLLAR || end === -1 || end > HEAD_MAX) return undefined;
  const text = String.fromCharCode(...head.subarray(1, end + 1));
  return /^\d{1,15}\r\n$/.test(text) ? Number(text) : undefined;
}

function streamOf(reply: HttpReply, first: Uint8Array, size: number): ByteStream {
  let rest: Uint8Array | undefined = first;
  let left = size;
  /** Bytes of the closing CRLF seen so far; they may come in two chunks. */
  let terminator = 0;
  const takeEnd = (bytes: Uint8Array): void => {
    for (const byte of bytes) {
      if (terminator > 1 || byte !== (terminator === 0 ? CR : LF)) {
        throw cannotRead("REDIS", "a bulk string ends in CRLF, got other bytes");
      }
      terminator += 1;
    }
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const chunk = rest !== undefined && rest.length > 0 ? rest : await reply.read();
            rest = undefined;
            if (chunk === undefined) break;
            const part = chunk.subarray(0, left);
            takeEnd(chunk.subarray(part.length));
            left -= part.length;
            if (part.length > 0) return controller.enqueue(part);
          }
          if (left > 0 || terminator < 2) {
            throw cannotRead("TRUNCATED", `${left} of ${size} bytes are missing`);
          }
          controller.close();
        } catch (error) {
          reply.close();
          throw error;
        }
      },
      cancel: () => reply.close(),
    },
    { highWaterMark: 0 },
  );
  return stream as unknown as ByteStream;
}
