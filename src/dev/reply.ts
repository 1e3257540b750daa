import type { RespValue } from "../rest/resp.ts";
import { encodeBase64 } from "../format/base64.ts";
import { toText, utf8 } from "./text.ts";

/** How a request wants its replies: JSON, JSON with strings in base64, or RESP2 as Redis sends it. */
export type ReplyFormat = "json" | "base64" | "resp2";

/**
 * One reply as Upstash's JSON: `{"result":…}` or `{"error":…}`. In base64 every string is encoded except a status
 * OK at the top level, which clients compare as it is; errors never are. In plain JSON what is not UTF-8 becomes
 * U+FFFD. Integers beyond 2^53 are strings.
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

/** A request's failure as JSON. */
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
    // An error inside an array (EXEC, or a script's table) has no place of its own in the JSON.
    case "status":
    case "error":
      return writeText(reply.text);
  }
}

const CRLF = utf8("\r\n");

/** Replies as RESP2, one after the other: the parts of a body. Bulk strings are the replies' own bytes. */
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

/** Bytes of a reply's strings: what the response limit counts, whatever the format makes of them. Errors pass. */
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
