import { ZstashError } from "../errors.ts";
import type { HttpReply } from "./exchange.ts";
import { RespParser, type RespValue } from "./resp.ts";

/** A bulk string whose bytes are read as they arrive. */
export interface BulkReply {
  readonly kind: "stream";
  /** Bytes of the string. */
  readonly size: number;
  /** Errors with TRUNCATED or REDIS where the reply ends early; its cancel ends the request. */
  readonly stream: ReadableStream<Uint8Array>;
}

/** The longest first line: `$`, 19 digits and CRLF are 22 bytes; errors are lines of their own. */
const HEAD_MAX = 24;
const DOLLAR = 0x24;
const LF = 10;

/**
 * Reads a RESP2 body that begins with `first`: with `stream`, a bulk string only up to its length; all else to its end.
 *
 * @throws {ZstashError} REDIS, TRUNCATED, SIZE_LIMIT for what is no reply
 */
export async function openBulk(
  reply: HttpReply,
  first: Uint8Array,
  stream: boolean,
): Promise<BulkReply | RespValue> {
  if (!stream) return readWhole(reply, first);
  let head = first;
  while (head[0] === DOLLAR && !head.subarray(0, HEAD_MAX).includes(LF) && head.length < HEAD_MAX) {
    const chunk = await reply.read();
    if (chunk === undefined) break;
    const grown = new Uint8Array(head.length + chunk.length);
    grown.set(head);
    grown.set(chunk, head.length);
    head = grown;
  }
  const size = bulkSize(head);
  if (size === undefined) return readWhole(reply, head);
  return { kind: "stream", size, stream: streamOf(reply, head.subarray(head.indexOf(LF) + 1), size) };
}

/** The length in a bulk string's first line; undefined for another reply, a null, or a line that is none. */
function bulkSize(head: Uint8Array): number | undefined {
  const end = head.indexOf(LF);
  if (head[0] !== DOLLAR || end === -1 || end > HEAD_MAX) return undefined;
  const text = String.fromCharCode(...head.subarray(1, end + 1));
  const size = /^\d{1,15}\r\n$/.test(text) ? Number(text) : undefined;
  return size;
}

async function readWhole(reply: HttpReply, head: Uint8Array): Promise<RespValue> {
  const parser = new RespParser();
  const values = parser.push(head);
  for (let chunk = await reply.read(); chunk !== undefined; chunk = await reply.read()) {
    values.push(...parser.push(chunk));
  }
  parser.end();
  const [value] = values;
  if (value === undefined || values.length > 1) {
    throw new ZstashError("REDIS", `Cannot read the reply: one was asked for, got ${values.length}`);
  }
  return value;
}

function streamOf(reply: HttpReply, first: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let rest: Uint8Array | undefined = first;
  let left = size;
  /** What is left of a chunk behind the string must be CRLF, which may come in two. */
  let terminator = 0;
  const takeEnd = (bytes: Uint8Array): void => {
    for (const byte of bytes) {
      if (terminator > 1 || byte !== (terminator === 0 ? 13 : LF)) {
        throw new ZstashError("REDIS", "Cannot read the reply: a bulk string ends in CRLF, got other bytes");
      }
      terminator += 1;
    }
  };
  return new ReadableStream<Uint8Array>(
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
            throw new ZstashError("TRUNCATED", `Cannot read the reply: ${left} of ${size} bytes are missing`);
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
}
