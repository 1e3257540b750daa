/** The parser of RESP2, the format of Redis' replies: bytes in, replies out, every length limited. */
import { ByteBuffer } from "../byte-buffer.ts";
import { ZstashError } from "../errors.ts";
import { REPLY_SIZE_MAX } from "../limits.ts";
import { utf8Lossy } from "../text.ts";

/**
 * One RESP2 reply. Bulk strings are bytes and stay bytes; `null` is the null bulk (`$-1`) or the null array (`*-1`).
 * Integers are signed 64-bit: a number if that is exact, otherwise a bigint.
 */
export type RespValue =
  | { readonly kind: "status"; readonly text: string }
  | { readonly kind: "error"; readonly text: string }
  | { readonly kind: "integer"; readonly value: number | bigint }
  | { readonly kind: "bulk"; readonly bytes: Uint8Array | null }
  | { readonly kind: "array"; readonly items: readonly RespValue[] | null };

/** Limits of a RespParser. Exceeding one is SIZE_LIMIT, before anything is allocated. */
export interface RespLimits {
  /** The most bytes of one top-level reply, as sent. Default 1 GiB: a Redis string is at most 512 MiB. */
  readonly maxSize?: number;
  /** The most arrays a value may be nested in. Default 64. */
  readonly maxDepth?: number;
  /** The most bytes of a status or an error line, CRLF included. Default 64 KiB. */
  readonly maxLineLength?: number;
}

const CR = 13;
const LF = 10;
const STATUS = 0x2b;
const ERROR = 0x2d;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;

/** Sign, 19 digits, type byte and CRLF. */
const MAX_NUMBER_LINE = 23;
/** The shortest elements: `:0\r\n` and `*0\r\n`. An array of n elements takes at least n times this. */
const MIN_ELEMENT_SIZE = 4;
/** Bytes allocated at first for a line or a bulk string that is split between chunks. */
const FIRST_LINE_BUFFER = 64;
const FIRST_BULK_BUFFER = 65_536;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

interface OpenArray {
  readonly items: RespValue[];
  readonly length: number;
}

interface OpenBulk {
  readonly length: number;
  /** The bytes so far, if they come in several chunks. */
  buffer: ByteBuffer | undefined;
  /** All bytes, once they have arrived. */
  bytes: Uint8Array | undefined;
  /** Bytes of the closing CRLF seen so far. */
  terminator: number;
}

/**
 * An incremental RESP2 parser: give it the chunks of a connection or of an HTTP body, split anywhere, and it returns
 * the replies that are complete. Replies own their bytes; chunks may be reused. A bulk string that comes in one chunk
 * is copied once; a split one also costs the doubling of its buffer, so the cost is always linear.
 *
 * Malformed input is a ZstashError: REDIS for bytes that are not RESP2, SIZE_LIMIT past a limit, TRUNCATED from
 * end(). After an error the parser stays failed and throws the same error again; complete replies before the fault,
 * in the same chunk, are not returned.
 *
 * @example
 * ```ts
 * const parser = new RespParser();
 * for await (const chunk of response.body) for (const reply of parser.push(chunk)) use(reply);
 * parser.end();
 * ```
 */
export class RespParser {
  readonly #maxSize: number;
  readonly #maxDepth: number;
  readonly #maxLineLength: number;
  readonly #open: OpenArray[] = [];
  /** The start of a line that continues in the next chunk. */
  #line: ByteBuffer | undefined;
  #bulk: OpenBulk | undefined;
  /** Bytes consumed since the parser was made, which is also the offset of the next byte. */
  #offset = 0;
  /** The offset at which the current top-level reply began. */
  #start = 0;
  #failure: ZstashError | undefined;

  constructor(limits: RespLimits = {}) {
    this.#maxSize = limits.maxSize ?? REPLY_SIZE_MAX;
    this.#maxDepth = limits.maxDepth ?? 64;
    this.#maxLineLength = limits.maxLineLength ?? 65_536;
  }

  /** True between replies: nothing of the next one has been read. */
  get idle(): boolean {
    return this.#offset === this.#start;
  }

  /** Reads a chunk and returns the replies that it completes, in order. */
  push(chunk: Uint8Array): RespValue[] {
    if (this.#failure !== undefined) throw this.#failure;
    const done: RespValue[] = [];
    const base = this.#offset;
    let at = 0;
    try {
      while (at < chunk.length) {
        at =
          this.#bulk === undefined
            ? this.#readLine(chunk, at, done)
            : this.#readBulk(this.#bulk, chunk, at, done);
        this.#offset = base + at;
        if (this.#open.length === 0 && this.#bulk === undefined && this.#line === undefined)
          this.#start = this.#offset;
      }
    } catch (error) {
      if (error instanceof ZstashError) this.#failure = error;
      throw error;
    }
    return done;
  }

  /** Ends the input. Throws TRUNCATED if it ends inside a reply. */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.idle) return;
    const got = this.#offset - this.#start;
    const message = `Cannot read the reply: the input ends inside it, got ${got} bytes`;
    throw new ZstashError("TRUNCATED", message, { offset: this.#offset, noReply: true });
  }

  /** Consumes a line up to its LF, or keeps the rest of the chunk for later. Returns the next position. */
  #readLine(chunk: Uint8Array, at: number, done: RespValue[]): number {
    const limit = this.#lineLimit(this.#line?.bytes[0] ?? chunk[at]);
    const newline = chunk.indexOf(LF, at);
    const end = newline === -1 ? chunk.length : newline + 1;
    const length = (this.#line?.length ?? 0) + end - at;
    if (length > limit || (length === limit && newline === -1)) {
      throw this.#tooLarge(`a line has at most ${limit} bytes, got more`);
    }
    this.#require(this.#offset + end - at, "a line", length);
    const piece = chunk.subarray(at, end);
    if (newline === -1 || this.#line !== undefined) {
      this.#line ??= new ByteBuffer(limit, FIRST_LINE_BUFFER);
      this.#line.append(piece);
    }
    if (newline === -1) return end;
    const line = this.#line?.bytes ?? piece;
    this.#line = undefined;
    this.#takeLine(line, piece.length, done);
    return end;
  }

  /** The length limit of a line of this type; throws REDIS if no reply begins with the byte. */
  #lineLimit(type: number | undefined): number {
    switch (type) {
      case STATUS:
      case ERROR:
        return this.#maxLineLength;
      case INTEGER:
      case BULK:
      case ARRAY:
        return MAX_NUMBER_LINE;
      default:
        throw this.#malformed(
          `a type byte is one of + - : $ *, got 0x${(type ?? 0).toString(16).padStart(2, "0")}`,
        );
    }
  }

  #takeLine(line: Uint8Array, consumed: number, done: RespValue[]): void {
    if (line[line.length - 2] !== CR) throw this.#malformed("a line ends in CRLF, got LF alone");
    const body = line.subarray(1, line.length - 2);
    const after = this.#offset + consumed;
    switch (line[0]) {
      case STATUS:
        return this.#complete({ kind: "status", text: utf8Lossy(body) }, done);
      case ERROR:
        return this.#complete({ kind: "error", text: utf8Lossy(body) }, done);
      case INTEGER:
        return this.#complete({ kind: "integer", value: this.#integer(body) }, done);
      case BULK: {
        const length = this.#length(body);
        if (length === -1) return this.#complete({ kind: "bulk", bytes: null }, done);
        this.#require(after + length + 2, "a bulk string", length);
        this.#bulk = { length, buffer: undefined, bytes: undefined, terminator: 0 };
        return;
      }
      default: {
        const length = this.#length(body);
        if (length === -1) return this.#complete({ kind: "array", items: null }, done);
        if (length === 0) return this.#complete({ kind: "array", items: [] }, done);
        if (this.#open.length >= this.#maxDepth) {
          throw this.#tooLarge(`arrays nest at most ${this.#maxDepth} deep, got more`);
        }
        this.#require(after + length * MIN_ELEMENT_SIZE, "an array", length);
        this.#open.push({ items: [], length });
      }
    }
  }

  /** Consumes what the chunk holds of a bulk string and its CRLF. Returns the next position. */
  #readBulk(bulk: OpenBulk, chunk: Uint8Array, at: number, done: RespValue[]): number {
    if (bulk.bytes === undefined) at += takeBulk(bulk, chunk, at);
    while (bulk.bytes !== undefined && bulk.terminator < 2 && at < chunk.length) {
      if (chunk[at] !== (bulk.terminator === 0 ? CR : LF)) {
        throw this.#malformed("a bulk string ends in CRLF after its length, got other bytes");
      }
      bulk.terminator++;
      at++;
    }
    if (bulk.bytes !== undefined && bulk.terminator === 2) {
      this.#bulk = undefined;
      this.#complete({ kind: "bulk", bytes: bulk.bytes }, done);
    }
    return at;
  }

  #complete(value: RespValue, done: RespValue[]): void {
    for (let array = this.#open.at(-1); array !== undefined; array = this.#open.at(-1)) {
      array.items.push(value);
      if (array.items.length < array.length) return;
      this.#open.pop();
      value = { kind: "array", items: array.items };
    }
    done.push(value);
  }

  #length(body: Uint8Array): number {
    const length = this.#integer(body);
    if (typeof length !== "number" || length < -1)
      throw this.#malformed("a length is −1 or more, got another number");
    return length;
  }

  #integer(body: Uint8Array): number | bigint {
    const text = String.fromCharCode(...body);
    if (!/^[+-]?[0-9]{1,19}$/.test(text))
      throw this.#malformed("an integer has 1 to 19 digits, got other bytes");
    const value = Number(text);
    if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
    const exact = BigInt(text.startsWith("+") ? text.slice(1) : text);
    if (exact < INT64_MIN || exact > INT64_MAX) throw this.#malformed("an integer has 64 bits, got more");
    return exact;
  }

  /** Refuses a part that would make the reply longer than allowed, before anything of it is kept. */
  #require(end: number, what: string, length: number): void {
    if (end - this.#start <= this.#maxSize) return;
    throw this.#tooLarge(`it has at most ${this.#maxSize} bytes, got ${what} of ${length}`);
  }

  #tooLarge(reason: string): ZstashError {
    return new ZstashError("SIZE_LIMIT", `Cannot read the reply: ${reason}`, { offset: this.#offset });
  }

  #malformed(reason: string): ZstashError {
    const details = { offset: this.#offset, noReply: true };
    return new ZstashError("REDIS", `Cannot read the reply as RESP2: ${reason}`, details);
  }
}

/** Takes the string's bytes that the chunk holds and returns their number. */
function takeBulk(bulk: OpenBulk, chunk: Uint8Array, at: number): number {
  const part = chunk.subarray(at, at + bulk.length - (bulk.buffer?.length ?? 0));
  if (part.length === bulk.length) {
    // A copy for any kind of array: the slice of a Buffer is a view.
    bulk.bytes = new Uint8Array(part);
    return part.length;
  }
  bulk.buffer ??= new ByteBuffer(bulk.length, FIRST_BULK_BUFFER);
  bulk.buffer.append(part);
  if (bulk.buffer.length === bulk.length) bulk.bytes = bulk.buffer.bytes;
  return part.length;
}

/**
 * Reads a whole RESP2 message that holds exactly one reply. Throws as RespParser does, TRUNCATED for an empty
 * input, and REDIS for bytes after the reply.
 */
export function readResp(data: Uint8Array, limits: RespLimits = {}): RespValue {
  const parser = new RespParser(limits);
  const replies = parser.push(data);
  parser.end();
  const [reply] = replies;
  if (reply === undefined)
    throw new ZstashError("TRUNCATED", "Cannot read the reply: the input is empty, got 0 bytes");
  if (replies.length > 1)
    throw new ZstashError("REDIS", `Cannot read the reply: one was asked for, got ${replies.length}`);
  return reply;
}
