/** Reads a request: its body, the command or commands in it, and the format that it wants replies in. */
import { concatenate } from "../bytes.ts";
import type { CommandBytes } from "./backend.ts";
import type { ReplyFormat } from "./reply.ts";
import { toText, utf8 } from "./text.ts";

/** Refuses a request before any command of it runs: the error text, and the HTTP status to send with it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const EMPTY_COMMAND = "ERR empty command";

/** Upstash's error text for a request or a response above its limit. */
export function sizeExceeded(limit: number, actual: number): string {
  return (
    `ERR max request size exceeded. Limit: ${limit} bytes, Actual: ${actual} bytes. ` +
    "See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details"
  );
}

/**
 * Read a body of at most `limit` bytes. A larger one is still read to its end, and dropped: the client goes on sending,
 * and would see a reset connection instead of the error.
 */
export async function readBody(request: Request, limit: number): Promise<Uint8Array> {
  if (request.body === null) return new Uint8Array(0);
  // Firefox has no Request.body. In a page the body is in memory already.
  if (request.body === undefined) {
    const whole = new Uint8Array(await request.arrayBuffer());
    if (whole.length > limit) throw new Refusal(400, sizeExceeded(limit, whole.length));
    return whole;
  }
  const pieces: Uint8Array[] = [];
  let size = 0;
  const reader = request.body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      size += piece.value.length;
      if (size <= limit) pieces.push(piece.value);
      else pieces.length = 0;
    }
  } finally {
    reader.releaseLock();
  }
  if (size > limit) throw new Refusal(400, sizeExceeded(limit, size));
  return concatenate(pieces);
}

/** The format that the headers ask for. `Upstash-Response-Format` is ignored where the endpoint does not allow it. */
export function readFormat(request: Request, allowsResponseFormat: boolean): ReplyFormat {
  const base64 = request.headers.get("upstash-encoding")?.trim().toLowerCase() === "base64";
  const header = allowsResponseFormat ? request.headers.get("upstash-response-format") : null;
  const format = header?.trim().toLowerCase() ?? "json";
  if (format !== "json" && format !== "resp2")
    throw new Refusal(400, "ERR invalid Upstash-Response-Format: json or resp2 is expected");
  if (format === "json") return base64 ? "base64" : "json";
  if (base64)
    throw new Refusal(400, "ERR Upstash-Encoding cannot be combined with Upstash-Response-Format: resp2");
  return "resp2";
}

/** A JSON body that is one command: `["SET", "key", "value", "EX", 100]`. */
export function readCommand(body: Uint8Array): CommandBytes {
  return toCommand(parseJson(body, "ERR failed to parse command"), "ERR failed to parse command");
}

/** A JSON body that is a list of commands. */
export function readCommands(body: Uint8Array): CommandBytes[] {
  const failure = "ERR failed to parse pipeline request";
  const value = parseJson(body, failure);
  if (!Array.isArray(value)) throw new Refusal(400, failure);
  if (value.length === 0) throw new Refusal(400, "ERR empty pipeline request");
  return value.map((command: unknown) => toCommand(command, failure));
}

function parseJson(body: Uint8Array, failure: string): unknown {
  try {
    return JSON.parse(toText(body));
  } catch {
    throw new Refusal(400, failure);
  }
}

/** Strings, numbers and booleans become arguments, as their JSON text; anything else is refused. */
function toCommand(value: unknown, failure: string): CommandBytes {
  if (!Array.isArray(value)) throw new Refusal(400, failure);
  if (value.length === 0) throw new Refusal(400, EMPTY_COMMAND);
  return value.map((argument: unknown) => {
    if (typeof argument === "string") return utf8(argument);
    if (typeof argument === "number" || typeof argument === "boolean") return utf8(String(argument));
    throw new Refusal(400, failure);
  });
}

/**
 * A command in the path: `/set/key/value?EX=100`. Its arguments are the segments, then the body unless it is empty,
 * then the query's names and values in their order. A name without `=` has no value.
 */
export function readPathCommand(url: URL, body: Uint8Array): CommandBytes {
  const segments = url.pathname.replace(/^\/+/, "").replace(/\/$/, "").split("/");
  if (segments.length === 1 && segments[0] === "") throw new Refusal(400, EMPTY_COMMAND);
  const options = queryPairs(url).filter(([name]) => name !== "_token");
  return [
    ...segments.map((segment) => percentDecode(segment)),
    ...(body.length > 0 ? [body] : []),
    ...options.flatMap(([name, value]) => [name, value].filter((part) => part !== undefined)).map(fromForm),
  ];
}

/** The `_token` of the query; undefined where there is none. */
export function queryToken(url: URL): string | undefined {
  const value = queryPairs(url).find(([name]) => name === "_token")?.[1];
  return value === undefined ? undefined : toText(fromForm(value));
}

function queryPairs(url: URL): (readonly [name: string, value: string | undefined])[] {
  return url.search
    .slice(1)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=");
      return equals === -1 ? [pair, undefined] : [pair.slice(0, equals), pair.slice(equals + 1)];
    });
}

/** Query strings are form-encoded: a plus is a space. */
function fromForm(text: string): Uint8Array {
  return percentDecode(text.replaceAll("+", " "));
}

/** The bytes of a percent-encoded text, UTF-8 or not. A `%` without two hexadecimal digits stays as it is. */
function percentDecode(text: string): Uint8Array {
  const source = utf8(text);
  const bytes = new Uint8Array(source.length);
  let length = 0;
  for (let at = 0; at < source.length; at++) {
    const code = source[at] === 0x25 ? hexByte(source[at + 1], source[at + 2]) : -1;
    if (code === -1) bytes[length++] = source[at] ?? 0;
    else {
      bytes[length++] = code;
      at += 2;
    }
  }
  return bytes.subarray(0, length);
}

/** The byte of two hexadecimal digits, −1 if they are none. */
function hexByte(high: number | undefined, low: number | undefined): number {
  const text = String.fromCharCode(high ?? 0, low ?? 0);
  return /^[0-9a-fA-F]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
