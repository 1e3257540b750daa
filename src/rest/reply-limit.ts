/**
 * Limits the length of a reply by the commands of its request: a server cannot make a client hold more than was asked
 * for.
 */
import { REPLY_SIZE_MAX } from "../limits.ts";
import type { RestCommand } from "./rest-command.ts";

/** Bytes of a reply without data: a status, an integer, or an error with its text. */
const SMALL = 65_536;

/** Commands whose reply is a status, an integer or a short text, whatever Redis holds. */
const smallReplies: ReadonlySet<string> = new Set(
  (
    "SETNX SETEX PSETEX MSET MSETNX APPEND SETRANGE STRLEN INCR INCRBY DECR DECRBY DEL UNLINK EXISTS TYPE RENAME " +
    "RENAMENX COPY EXPIRE PEXPIRE EXPIREAT PEXPIREAT PERSIST TTL PTTL DIGEST HSET HSETNX HMSET HSETEX HDEL HLEN HEXISTS " +
    "LPUSH LPUSHX RPUSH RPUSHX LLEN LSET LREM LTRIM SADD SREM SCARD SISMEMBER ZADD ZREM ZCARD PUBLISH"
  ).split(" "),
);

/**
 * The most bytes of a reply in RESP2. `data` is the size that the caller expects; without it the limit follows from
 * the commands, and is 1 GiB if it is unknown.
 */
export function replyLimit(commands: readonly RestCommand[], data: number | undefined): number {
  let size = SMALL;
  if (data !== undefined) size += data;
  else for (const command of commands) size += dataOf(command) + SMALL;
  return Math.min(size, REPLY_SIZE_MAX);
}

/** Bytes of data in the reply of a command; Infinity if unknown. */
function dataOf(command: RestCommand): number {
  const name = String(command[0]).toUpperCase();
  if (name === "SET") {
    const asksForValue = command.some((option, index) => index > 2 && String(option).toUpperCase() === "GET");
    return asksForValue ? Infinity : 0;
  }
  if (name === "GETRANGE") return rangeSize(Number(command[2]), Number(command[3]));
  return smallReplies.has(name) ? 0 : Infinity;
}

/** Bytes of a GETRANGE range. Infinity if one end counts from the start and the other from the end of the string. */
export function rangeSize(first: number, last: number): number {
  return first < 0 === last < 0 ? Math.max(0, last - first + 1) : Infinity;
}
