import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { REPLY_SIZE_MAX } from "../limits.ts";
import { openBulk, type BulkReply } from "./bulk-reply.ts";
import type { HttpReply } from "./exchange.ts";
import { readJsonReplies } from "./json-reply.ts";
import type { RespValue } from "./resp.ts";

/** In what form a reply is asked for. */
export type ReplyFormat = "resp2" | "base64";

/** A reply, the replies of a batch, or a bulk string that is still arriving. */
export type Received = RespValue | readonly RespValue[] | BulkReply;

/** What came, and how. */
export interface ReceivedReply {
  /** Whether it was RESP2. */
  readonly resp2: boolean;
  /** Whether bytes may have been lost: it came as plain text that holds U+FFFD. */
  readonly lossy: boolean;
  readonly received: Received;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const REPLACEMENT = "\uFFFD";

/**
 * Reads a reply in whatever form it comes: by its first byte, because servers that know nothing of RESP2 answer in
 * JSON. RESP2 is parsed as it arrives. Strings in JSON are base64 where that was asked for, else text.
 *
 * @throws {ZstashError} REDIS, TRUNCATED, SIZE_LIMIT for what is no reply
 */
export async function readReply(
  reply: HttpReply,
  asked: ReplyFormat,
  stream: boolean,
): Promise<ReceivedReply> {
  const first = await reply.read();
  if (first === undefined)
    throw new ZstashError("TRUNCATED", "Cannot read the reply: it is empty, got 0 bytes");
  if (!startsJson(first)) {
    const bulk = await openBulk(reply, first, stream);
    return { resp2: true, lossy: false, received: bulk };
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk: Uint8Array | undefined = first; chunk !== undefined; chunk = await reply.read()) {
    size += chunk.length;
    if (size > REPLY_SIZE_MAX) {
      throw new ZstashError(
        "SIZE_LIMIT",
        `Cannot read the reply: it has at most ${REPLY_SIZE_MAX} bytes, got more`,
      );
    }
    chunks.push(chunk);
  }
  const text = decoder.decode(chunks.length === 1 ? first : concatenate(chunks));
  const received = readJsonReplies(text, asked === "base64");
  return { resp2: false, lossy: asked === "resp2" && text.includes(REPLACEMENT), received };
}

/** Whether a body is JSON, or a page; RESP2 starts with none of these: `{`, `[`, white space, `<`. */
function startsJson(chunk: Uint8Array): boolean {
  return [0x7b, 0x5b, 0x20, 0x09, 0x0a, 0x0d, 0x3c].includes(chunk[0]!);
}
