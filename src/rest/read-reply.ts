/** Decodes the body of a response into replies: RESP2, base64 in JSON or plain JSON. */
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import { decodeBase64 } from "../format/base64.ts";
import { REPLY_SIZE_MAX } from "../limits.ts";
import { utf8Encoder, utf8Lossy } from "../text.ts";
import type { HttpReply } from "./exchange.ts";
import { RespParser, type RespValue } from "./resp.ts";
import type { ByteStream } from "../streams.ts";

/** The form in which a reply is requested. */
export type ReplyFormat = "resp2" | "base64";

/** A bulk string whose bytes are read as they arrive. */
export interface BulkReply {
  readonly kind: "stream";
  /** The size of the string in bytes. */
  readonly size: number;
  /** Errors with TRUNCATED or REDIS if the reply ends early; cancelling it ends the request. */
  readonly stream: ByteStream;
}

/** A reply, the replies of a batch, or a bulk string that is still arriving. */
export type Received = RespValue | readonly RespValue[] | BulkReply;

/** Returns true if a reply, or one of several, contains a string at any depth. */
export function holdsStrings(received: Received): boolean {
  if (!("kind" in received)) return received.some(holdsStrings);
  if (received.kind === "array") return received.items?.some(holdsStrings) ?? false;
  return received.kind === "stream" || (received.kind === "bulk" && received.bytes !== null);
}

/** Reads a RESP2 body that begins with `first`: whole, up to `maxSize` bytes, or a bulk string as it arrives. */
export type Resp2Reader = (
  reply: HttpReply,
  first: Uint8Array,
  maxSize: number,
) => Promise<RespValue | BulkReply>;

/** A reply as it was received. */
export interface ReceivedReply {
  /** True if it was RESP2. */
  readonly resp2: boolean;
  /** True if bytes may have been lost: it came as plain text that contains U+FFFD. */
  readonly lossy: boolean;
  readonly received: Received;
}

const REPLACEMENT = "\uFFFD";
/** The first bytes of JSON and of pages: `{`, `[`, white space, `<`. RESP2 starts with none of them. */
const jsonStarts: readonly number[] = [0x7b, 0x5b, 0x20, 0x09, 0x0a, 0x0d, 0x3c];

/** The most bytes that JSON takes for one byte of data: an escape such as `\ufffd`. */
const JSON_FACTOR = 6;

/** After this many failures of RESP2, each followed by a success of base64, RESP2 is no longer requested. */
const FAILURES_MAX = 2;

/**
 * Chooses the form in which a server is asked to reply: RESP2, which carries bytes unchanged, once it has answered in
 * it; otherwise base64 in JSON. RESP2 is tried only with commands that can be sent again, because a reply in plain
 * JSON has lost bytes.
 */
export class ReplyFormats {
  #resp2: boolean | undefined;
  #failures = 0;

  /**
   * The form for the attempt with this index. A second attempt asks for base64 until RESP2 is known to work: a
   * browser may refuse the header in a way that looks like a failed connection.
   */
  choose(single: boolean, repeatable: () => boolean, index: number): ReplyFormat {
    if (!single || this.#resp2 === false) return "base64";
    return this.#resp2 === true || (index === 0 && repeatable()) ? "resp2" : "base64";
  }

  /** True until RESP2 support is known; a refusal may be about the format. */
  get unknown(): boolean {
    return this.#resp2 === undefined;
  }

  /**
   * Notes a reply that came in RESP2, or in JSON though RESP2 was requested. Returns true if that ends the use of
   * RESP2.
   */
  learn(resp2: boolean): boolean {
    const ends = !resp2 && this.#resp2 !== false;
    this.#resp2 = resp2;
    return ends;
  }

  /**
   * Notes that a request succeeded in base64 after it had failed in RESP2. Returns true if that ends the use of
   * RESP2.
   */
  fellBack(): boolean {
    return this.#resp2 === undefined && ++this.#failures >= FAILURES_MAX && this.learn(false);
  }
}

/**
 * Reads a reply in whatever form it comes. The first byte tells the form, because servers that do not know RESP2
 * answer in JSON. `readResp2` parses RESP2 as it arrives. Strings in JSON are base64 if that was requested, otherwise
 * text. `maxSize` is the most bytes of a reply in RESP2; JSON may have six times as many.
 *
 * @throws {ZstashError} REDIS, TRUNCATED, SIZE_LIMIT for a body that is not a reply
 */
export async function readReply(
  reply: HttpReply,
  asked: ReplyFormat,
  readResp2: Resp2Reader = readWhole,
  maxSize: number = REPLY_SIZE_MAX,
): Promise<ReceivedReply> {
  const first = await reply.read();
  if (first === undefined) throw cannotRead("TRUNCATED", "it is empty, got 0 bytes");
  if (!jsonStarts.includes(first[0]!)) {
    return { resp2: true, lossy: false, received: await readResp2(reply, first, maxSize) };
  }
  const most = Math.min(REPLY_SIZE_MAX, maxSize * JSON_FACTOR);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk: Uint8Array | undefined = first; chunk !== undefined; chunk = await next(reply)) {
    size += chunk.length;
    if (size > most) {
      throw cannotRead("SIZE_LIMIT", `it has at most ${most} bytes, got more`);
    }
    chunks.push(chunk);
  }
  const text = utf8Lossy(chunks.length === 1 ? first : concatenate(chunks));
  const received = readJsonReplies(text, asked === "base64");
  return { resp2: false, lossy: asked === "resp2" && text.includes(REPLACEMENT), received };
}

/**
 * Reads a RESP2 body that begins with `head` to its end: at most `maxSize` bytes, by default 1 GiB.
 *
 * @throws {ZstashError} REDIS, TRUNCATED, SIZE_LIMIT for a body that is not a reply
 */
export async function readWhole(
  reply: HttpReply,
  head: Uint8Array,
  maxSize: number = REPLY_SIZE_MAX,
): Promise<RespValue> {
  const short = reply.ended === true && head.length <= maxSize ? readShort(head) : undefined;
  if (short !== undefined) return short;
  const parser = new RespParser({ maxSize });
  const values = parser.push(head);
  for (let chunk = await next(reply); chunk !== undefined; chunk = await next(reply)) {
    values.push(...parser.push(chunk));
  }
  parser.end();
  const [value] = values;
  if (value !== undefined && values.length === 1) return value;
  throw cannotRead("REDIS", `one was asked for, got ${values.length}`);
}

const [CR, LF, PLUS, DOLLAR] = [0x0d, 0x0a, 0x2b, 0x24];
const OK: RespValue = { kind: "status", text: "OK" };

/**
 * Reads a complete message that is `+OK`, a bulk string or its null, in a tenth of the parser's time: most replies
 * are one of these. Undefined for all others and for malformed ones, which the parser judges.
 */
export function readShort(message: Uint8Array): RespValue | undefined {
  const end = message.length - 2;
  if (message[end] !== CR || message[end + 1] !== LF) return undefined;
  if (end === 3 && message[0] === PLUS && message[1] === 0x4f && message[2] === 0x4b) return OK;
  if (message[0] !== DOLLAR) return undefined;
  if (end === 3 && message[1] === 0x2d && message[2] === 0x31) return { kind: "bulk", bytes: null };
  let length = 0;
  let at = 1;
  // At most ten digits, so that the number is exact.
  for (; at <= 10 && isDigit(message[at]!); at++) length = length * 10 + message[at]! - 0x30;
  const start = at + 2;
  if (at === 1 || message[at] !== CR || message[at + 1] !== LF || start + length !== end) return undefined;
  return { kind: "bulk", bytes: new Uint8Array(message.subarray(start, end)) };
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

/** The next chunk of a body; undefined at once for a body that has ended. */
function next(reply: HttpReply): Promise<Uint8Array | undefined> | undefined {
  return reply.ended === true ? undefined : reply.read();
}

/** Reads a body in JSON: one reply, or an array of them. With `base64`, strings are decoded to their bytes. */
export function readJsonReplies(text: string, base64: boolean): RespValue | readonly RespValue[] {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformedJson("it is not JSON");
  }
  return Array.isArray(body) ? body.map((one) => readJsonReply(one, base64)) : readJsonReply(body, base64);
}

function readJsonReply(body: unknown, base64: boolean): RespValue {
  if (typeof body !== "object" || body === null) throw malformedJson("a reply is an object");
  const { result, error } = body as { result?: unknown; error?: unknown };
  if (typeof error === "string") return { kind: "error", text: error };
  if (!("result" in body)) throw malformedJson("a reply has a result or an error");
  return toValue(result, base64);
}

function toValue(result: unknown, base64: boolean): RespValue {
  switch (typeof result) {
    case "string":
      // The server does not encode `OK`. Other text that is not valid base64 was not encoded either.
      if (result === "OK") return { kind: "status", text: result };
      return {
        kind: "bulk",
        bytes: (base64 ? decodeBase64(result) : undefined) ?? utf8Encoder.encode(result),
      };
    case "number":
      return { kind: "integer", value: result };
    case "boolean":
      return { kind: "integer", value: Number(result) };
    default:
      if (result === null) return { kind: "bulk", bytes: null };
      if (Array.isArray(result)) return { kind: "array", items: result.map((item) => toValue(item, base64)) };
      // Some servers return a map instead of a list.
      return {
        kind: "array",
        items: Object.entries(result as object).flatMap(([field, value]) => [
          { kind: "bulk" as const, bytes: utf8Encoder.encode(field) },
          toValue(value, base64),
        ]),
      };
  }
}

/** Throws unless a single command got one reply, and a batch as many as it has commands. */
export function requireShape(received: Received, batch: number | undefined): void {
  if ("kind" in received) {
    if (batch === undefined) return;
    throw unreadable("one came for all commands");
  }
  if (batch === undefined) throw unreadable("one was asked for, got a list");
  if (received.length !== batch) throw unreadable(`${batch} commands, got ${received.length} replies`);
}

/** The error for replies that cannot be matched to what was sent. */
export function unreadable(reason: string): ZstashError {
  return new ZstashError("REDIS", `Cannot read the replies: ${reason}`, { effect: "unknown" });
}

/** The error for a body that is not a reply. */
export function cannotRead(code: "REDIS" | "TRUNCATED" | "SIZE_LIMIT", reason: string): ZstashError {
  const noReply = code === "SIZE_LIMIT" ? undefined : true;
  return new ZstashError(code, `Cannot read the reply: ${reason}`, { effect: "unknown", noReply });
}

function malformedJson(reason: string): ZstashError {
  return cannotRead("REDIS", `${reason}, got something else`);
}
