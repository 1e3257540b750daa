/** Writes replies as the body of a response: as JSON, as JSON with strings in base64, or as RESP2. */
import { concatenate } from "../bytes.ts";
import { encodeBase64 } from "../format/base64.ts";
import type { RespValue } from "../rest/resp.ts";
import { toText, utf8 } from "./text.ts";

/** The format of replies: JSON, JSON with strings in base64, or RESP2 as Redis sends it. */
export type ReplyFormat = "json" | "base64" | "resp2";

/**
 * One reply as Upstash's JSON: `{"result":…}` or `{"error":…}`. In base64 mode every string is encoded, except errors
 * and a status OK at the top level, which clients compare without decoding it. In plain JSON, bytes that are not
 * UTF-8 become U+FFFD. Integers beyond 2^53 become strings.
 */
export function writeJson(reply: RespValue, format: "json" | "base64"): string {
  if (reply.kind === "error") return writeError(reply.text);
  const topLevelOk = reply.kind === "status" && reply.text === "OK";
  return `{"result":${topLevelOk ? '"OK"' : writeResult(reply, format === "base64")}}`;
}

/** Several replies as one JSON array, in order; failed commands stand among them as `{"error":…}`. */
export function writeJsonArray(replies: readonly RespValue[], format: "json" | "base64"): string {
  return `[${replies.map((reply) => writeJson(reply, format)).join(",")}]`;
}

/** An error as Upstash's JSON. */
export function writeError(text: string): string {
  return `{"error":${JSON.stringify(text)}}`;
}

function writeResult(reply: RespValue, base64: boolean): string {
  const writeText = (text: string): string =>
    base64 ? `"${encodeBase64(utf8(text))}"` : JSON.stringify(text);
  switch (reply.kind) {
    case "integer":
      return typeof reply.value === "bigint" ? writeText(reply.value.toString()) : `${reply.value}`;
    case "bulk":
      if (reply.bytes === null) return "null";
      return base64 ? `"${encodeBase64(reply.bytes)}"` : JSON.stringify(toText(reply.bytes));
    case "array":
      return reply.items === null
        ? "null"
        : `[${reply.items.map((item) => writeResult(item, base64)).join(",")}]`;
    // The JSON has no form for an error inside an array (of EXEC, or of a script): there it is a string.
    case "status":
    case "error":
      return writeText(reply.text);
  }
}

const CRLF = new Uint8Array([13, 10]);

/** Replies as RESP2, one after another, as parts of a body. Bulk strings are not copied. */
export function writeResp2(replies: readonly RespValue[]): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const reply of replies) pushResp2(reply, parts);
  return parts;
}

function pushResp2(reply: RespValue, parts: Uint8Array[]): void {
  switch (reply.kind) {
    case "status":
      parts.push(utf8(`+${oneLine(reply.text)}\r\n`));
      return;
    case "error":
      parts.push(utf8(`-${oneLine(reply.text)}\r\n`));
      return;
    case "integer":
      parts.push(utf8(`:${reply.value}\r\n`));
      return;
    case "bulk":
      if (reply.bytes === null) parts.push(utf8("$-1\r\n"));
      else parts.push(utf8(`$${reply.bytes.length}\r\n`), reply.bytes, CRLF);
      return;
    case "array":
      parts.push(utf8(`*${reply.items === null ? -1 : reply.items.length}\r\n`));
      for (const item of reply.items ?? []) pushResp2(item, parts);
  }
}

function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ");
}

/** The bytes of a reply's strings, which the response limit counts in every format. Errors count nothing. */
export function replySize(reply: RespValue): number {
  switch (reply.kind) {
    case "error":
      return 0;
    case "status":
      return reply.text.length;
    case "integer":
      return 8;
    case "bulk":
      return reply.bytes?.length ?? 0;
    case "array":
      return (reply.items ?? []).reduce((size, item) => size + replySize(item), 0);
  }
}

/** Bodies of at least this size are streams, so that they are not copied as a whole. */
const STREAM_SIZE_MIN = 1024 * 1024;
/** A stream's chunks have about this size: larger parts are sliced, smaller ones joined. */
const CHUNK_SIZE = 256 * 1024;

/** Makes a response's body of the parts, in order, and tells its size in bytes. */
export function toBody(parts: readonly Uint8Array[]): {
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
  readonly size: number;
} {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  return { body: size < STREAM_SIZE_MIN ? concatenate(parts) : stream(chunks(parts)), size };
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

function* chunks(parts: readonly Uint8Array[]): Generator<Uint8Array, undefined> {
  let small: Uint8Array[] = [];
  let waiting = 0;
  for (const part of parts) {
    if (waiting + part.length > CHUNK_SIZE && waiting > 0) {
      yield concatenate(small);
      [small, waiting] = [[], 0];
    }
    if (part.length > CHUNK_SIZE) {
      for (let at = 0; at < part.length; at += CHUNK_SIZE) yield part.subarray(at, at + CHUNK_SIZE);
    } else {
      small.push(part);
      waiting += part.length;
    }
  }
  if (waiting > 0) yield concatenate(small);
  return undefined;
}
