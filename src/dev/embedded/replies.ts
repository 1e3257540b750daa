/** The replies of the embedded keyspace: how each kind is made, and the error texts of Redis. */
import type { RespValue } from "../../rest/resp.ts";

/** An error reply that a command throws, and that its caller turns into a reply. */
export class ErrorReply extends Error {
  override readonly name = "ErrorReply";
}

export const OK: RespValue = { kind: "status", text: "OK" };
export const NULL: RespValue = { kind: "bulk", bytes: null };
export const NULL_ARRAY: RespValue = { kind: "array", items: null };

export function status(text: string): RespValue {
  return { kind: "status", text };
}

/** An error, which is one line: line breaks at its ends are removed, others become spaces. */
export function error(text: string): RespValue {
  return { kind: "error", text: text.replace(/^[\r\n]+|[\r\n]+$/g, "").replaceAll(/[\r\n]/g, " ") };
}

/** An integer: a number if that is exact, otherwise a bigint, as from the RESP parser. */
export function integer(value: number | bigint | boolean): RespValue {
  const number = Number(value);
  return { kind: "integer", value: Number.isSafeInteger(number) ? number : BigInt(value) };
}

/** A bulk string; the null one for undefined. */
export function bulk(bytes: Uint8Array | undefined): RespValue {
  return bytes === undefined ? NULL : { kind: "bulk", bytes };
}

export function array(items: readonly RespValue[]): RespValue {
  return { kind: "array", items };
}

export function bulks(items: Iterable<Uint8Array | undefined>): RespValue {
  return array(Array.from(items, bulk));
}

export const SYNTAX_ERROR = "ERR syntax error";
export const NOT_AN_INTEGER = "ERR value is not an integer or out of range";
export const NOT_A_FLOAT = "ERR value is not a valid float";
export const WOULD_OVERFLOW = "ERR increment or decrement would overflow";
export const WOULD_BE_INFINITE = "ERR increment would produce NaN or Infinity";
export const NOT_POSITIVE = "ERR value is out of range, must be positive";
export const WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
export const NO_SUCH_KEY = "ERR no such key";
/** Upstash's text for a string that is longer than the plan allows. */
export const RECORD_TOO_LARGE = "ERR max single record size exceeded";
