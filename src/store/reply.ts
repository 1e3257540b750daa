/** Checks the reply of a command, takes its result, and adds the key to errors. */
import { ZstashError, type ZstashErrorCode } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import { cleanServerText, serverErrorCode } from "../rest/server-error.ts";

/** The error for a command's own failure, with the key: `Cannot X "key": what the server said`. */
export function commandError(text: string, what: string, key: string): ZstashError {
  const message = `Cannot ${what} ${JSON.stringify(key)}: ${cleanServerText(text)}`;
  return new ZstashError(serverErrorCode(text), message, { key });
}

/** The reply, unless the command failed. */
export function requireReply(
  reply: RespValue,
  what: string,
  key: string,
): Exclude<RespValue, { readonly kind: "error" }> {
  if (reply.kind === "error") throw commandError(reply.text, what, key);
  return reply;
}

/** The number in a reply. */
export function requireNumber(reply: RespValue, what: string, key: string): number {
  const { kind, ...rest } = requireReply(reply, what, key);
  const value = (rest as { value?: unknown }).value;
  if (kind === "integer" && typeof value === "number") return value;
  throw unexpected(what, key);
}

/** The bytes in a reply; null for none. */
export function requireBulk(reply: RespValue, what: string, key: string): Uint8Array | null {
  const value = requireReply(reply, what, key);
  if (value.kind === "bulk") return value.bytes;
  throw unexpected(what, key);
}

/** The items of a list in a reply. */
export function requireItems(reply: RespValue, what: string, key: string): readonly RespValue[] {
  const value = requireReply(reply, what, key);
  if (value.kind === "array" && value.items !== null) return value.items;
  throw unexpected(what, key);
}

function unexpected(what: string, key: string): ZstashError {
  const message = `Cannot ${what} ${JSON.stringify(key)}: the reply is of another kind`;
  return new ZstashError("REDIS", message, { key });
}

/** The error for a value that could not be stored, with the key: `Cannot store "key": reason`. */
export function cannotStore(key: string, reason: string, code: ZstashErrorCode = "REDIS"): ZstashError {
  return new ZstashError(code, `Cannot store ${JSON.stringify(key)}: ${reason}`, { key });
}

/** The same error with the key, if it has none; its message names it in what could not be done: `Cannot read the value of "key": …`. */
export function withKey(error: unknown, key: string): unknown {
  if (!(error instanceof ZstashError) || error.key !== undefined) return error;
  const { message } = error;
  const name = JSON.stringify(key);
  const named = message.includes(name)
    ? message
    : message.replace(/the value\b|: |$/, (at) => (at.length > 2 ? `${at} of ${name}` : ` for ${name}${at}`));
  return error.with({ key, message: named, cause: error.cause ?? error });
}
