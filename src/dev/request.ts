/** Reads a request: its target, its body, the command or commands in it, and the format that it wants replies in. */
import { concatenate } from "../bytes.ts";
import { ZstashError } from "../errors.ts";
import type { CommandBytes } from "./backend.ts";
import type { ReplyFormat } from "./reply.ts";
import { fromBinary, toText, utf8 } from "./text.ts";

/** Refuses a request before any command of it runs: the error text, and the HTTP status to send with it. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * The target of a request, as it was sent: percent-encoded, with one character U+0000…U+00FF for each byte. No URL
 * parser has seen it, because removing `..` and empty segments would change the command.
 */
export interface Target {
  /** Begins with a slash. */
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  /** The host of an absolute-form target. */
  readonly authority?: string | undefined;
}

/** The status and the text for a request that failed: it was refused, the backend failed (502), or the server has a fault (500). */
export function failureOf(thrown: unknown): readonly [status: number, text: string] {
  if (thrown instanceof Refusal) return [thrown.status, thrown.message];
  if (thrown instanceof ZstashError) return [502, `ERR ${thrown.message}`];
  return [500, `ERR internal error: ${thrown instanceof Error ? thrown.name : "not an Error"}`];
}

const EMPTY_COMMAND = "ERR empty command";

/**
 * Reads the target of a request line: `/path?query`, `http://host/path?query` as sent to a proxy, or `*`, which
 * OPTIONS uses.
 *
 * @throws {Refusal} 400 for anything else
 */
export function readTarget(text: string, method: string): Target {
  if (text === "*" && method === "OPTIONS") return { path: "/", query: "" };
  const [, authority, rest] = /^http:\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  const local = rest === undefined || rest.startsWith("/") ? (rest ?? text) : `/${rest}`;
  if (!local.startsWith("/") || local.includes("#"))
    throw new Refusal(400, "ERR the target of a request is a path that begins with a slash");
  return { ...splitQuery(local), authority };
}

/** The target of a Request. Its platform has normalised the URL, and what that removed is lost. */
export function readUrl(url: string): Target {
  const { pathname, search } = new URL(url);
  return splitQuery(pathname + search);
}

function splitQuery(text: string): Target {
  const mark = text.indexOf("?");
  return mark === -1 ? { path: text, query: "" } : { path: text.slice(0, mark), query: text.slice(mark + 1) };
}

/** Upstash's error text for a request or a response above its limit. */
export function sizeExceeded(limit: number, actual: number): string {
  return (
    `ERR max request size exceeded. Limit: ${limit} bytes, Actual: ${actual} bytes. ` +
    "See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details"
  );
}

/**
 * Reads a body of at most `limit` bytes. A larger one is still read to its end and dropped: the client continues to
 * send, and would otherwise see a reset connection instead of the error.
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
  const declared = declaredLength(request) ?? 0;
  const reader = request.body.getReader();
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      size += piece.value.length;
      if (size <= limit && declared <= limit) pieces.push(piece.value);
      else pieces.length = 0;
    }
  } finally {
    reader.releaseLock();
  }
  if (size > limit) throw new Refusal(400, sizeExceeded(limit, size));
  return concatenate(pieces);
}

/** The length of the body that the headers declare; undefined if they declare none. */
export function declaredLength(request: Request): number | undefined {
  const header = request.headers.get("content-length") ?? "";
  return /^[0-9]{1,15}$/.test(header) ? Number(header) : undefined;
}

/**
 * The reply format that the headers ask for. `Upstash-Response-Format` is ignored if the endpoint does not support
 * it.
 */
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
 * Reads a command in the path: `/set/key/value?EX=100`. Its arguments are the segments, then the body unless it is
 * empty, then the query's names and values in their order. A name without `=` has no value. Segments are taken
 * literally: `..` is an argument. One slash at the end is not counted.
 */
export function readPathCommand(target: Target, body: Uint8Array): CommandBytes {
  const segments = target.path.slice(1).replace(/\/$/, "").split("/");
  if (segments[0] === "") throw new Refusal(400, EMPTY_COMMAND);
  const options = queryPairs(target).filter(([name]) => name !== "_token");
  return [
    ...segments.map((segment) => percentDecode(segment)),
    ...(body.length > 0 ? [body] : []),
    ...options.flatMap(([name, value]) => [name, value].filter((part) => part !== undefined)).map(fromForm),
  ];
}

/** The `_token` of the query; undefined if there is none. */
export function queryToken(target: Target): string | undefined {
  const value = queryPairs(target).find(([name]) => name === "_token")?.[1];
  return value === undefined ? undefined : toText(fromForm(value));
}

function queryPairs({ query }: Target): (readonly [name: string, value: string | undefined])[] {
  return query
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

/** The bytes of a percent-encoded text with a character for each byte, UTF-8 or not. A `%` without two hexadecimal digits stays as it is. */
function percentDecode(text: string): Uint8Array {
  const source = fromBinary(text);
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

/** The byte of two hexadecimal digits; −1 if they are not digits. */
function hexByte(high: number | undefined, low: number | undefined): number {
  const text = String.fromCharCode(high ?? 0, low ?? 0);
  return /^[0-9a-fA-F]{2}$/.test(text) ? Number.parseInt(text, 16) : -1;
}
