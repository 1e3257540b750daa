/** Says what to do about a request or a reply that exceeds the limit of a server, by its commands. */
import { replyLimit } from "../../rest/reply-limit.ts";
import type { RestCommand } from "../../rest/rest-command.ts";
import { utf8Length } from "../../text.ts";
import type { Outgoing } from "../plan.ts";

/** What makes the reply of a command shorter. */
const replies: readonly (readonly [advice: string, names: string])[] = [
  ["ask for fewer keys at once", "MGET EXISTS SUNION SINTER SDIFF ZUNION ZINTER ZDIFF JSON.MGET"],
  ["ask for fewer fields at once", "HMGET"],
  ["read it in parts with HSCAN, or ask for single fields with HMGET", "HGETALL HVALS HKEYS"],
  ["read it in parts with SSCAN", "SMEMBERS"],
  ["read it in parts with SCAN", "KEYS"],
  ["ask for a shorter range", "LRANGE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX GETRANGE"],
  [
    "ask for fewer at once, with COUNT",
    "SCAN HSCAN SSCAN ZSCAN XRANGE XREVRANGE XREAD HRANDFIELD SRANDMEMBER ZRANDMEMBER",
  ],
  ["let the script return less", "EVAL_RO EVALSHA_RO FCALL_RO"],
  ["read it with a store of zstash/store, which reads values of any size in pieces", "GET"],
];
/**
 * What commands that change something and return it have left behind when their reply is too large, and what to do in
 * their place.
 */
const changes: readonly (readonly [advice: string, names: string])[] = [
  [
    "the value that it took is gone from Redis: ask for STRLEN first, and read a large value with a store of zstash/store before you DEL it",
    "GETDEL",
  ],
  [
    "the old value is gone from Redis: ask for STRLEN first, and read a large value with a store of zstash/store before you SET another",
    "GETSET SET",
  ],
  [
    "the fields that it took are gone from Redis: ask for HSTRLEN first, and HMGET fewer fields at once before you HDEL them",
    "HGETDEL",
  ],
  [
    "the elements that it took are gone from Redis: read them with LRANGE before you take them, and take fewer at once",
    "LPOP RPOP LMPOP BLPOP BRPOP BLMPOP",
  ],
  [
    "the members that it took are gone from Redis: read them with SRANDMEMBER before you SREM them, and take fewer at once",
    "SPOP",
  ],
  [
    "the members that it took are gone from Redis: read them with ZRANGE before you take them, and take fewer at once",
    "ZPOPMIN ZPOPMAX ZMPOP BZPOPMIN BZPOPMAX BZMPOP",
  ],
  ["the element is at its new place: read it there", "LMOVE RPOPLPUSH BLMOVE BRPOPLPUSH"],
  [
    "the entries are pending for the consumer: find them with XPENDING, read them with XRANGE, and ask for fewer at once, with COUNT",
    "XREADGROUP XAUTOCLAIM XCLAIM",
  ],
  [
    "the value is still in Redis, with its new time to live: read it with a store of zstash/store, which reads values of any size in pieces",
    "GETEX",
  ],
  ["the fields are still in Redis, with their new time to live: HMGET fewer fields at once", "HGETEX"],
  ["what the script wrote is in Redis: let it return less", "EVAL EVALSHA FCALL"],
];
const STORE = "store it with zstash/store, which writes values of any size in pieces";
/** What makes a command shorter. */
const requests: readonly (readonly [advice: string, names: string])[] = [
  ["write fewer keys at once", "MSET MSETNX MSETEX"],
  ["write fewer fields at once", "HSET HMSET HSETEX"],
  ["write fewer elements at once", "LPUSH RPUSH LPUSHX RPUSHX SADD ZADD XADD PFADD"],
  [STORE, "SET SETEX PSETEX SETNX GETSET"],
];
/** One value alone, which no smaller number of fields or elements makes shorter. */
const ALONE = `one value alone is too large: ${STORE}, under a key of its own`;
/** The most bytes that a command's name, its key and its options count for. */
const OVERHEAD = 64;
/** The limit of a reply that is a status, an integer or a short text. */
const SHORT_REPLY = replyLimit([["DEL"]], undefined);

type Commands = Outgoing["commands"];

function nameOf(command: Commands[number] | undefined): string {
  return String(command?.[0]).toUpperCase();
}

function find(table: typeof replies, name: string): string | undefined {
  return table.find(([, names]) => names.split(" ").includes(name))?.[0];
}

/** What to do about commands whose reply is too large; for those that write, what has become of their data, too. */
export function replyAdvice(commands: Commands): string {
  // A transaction of a SET and one GET is too large by the GET alone.
  const long = commands.filter((command) => replyLimit([command as RestCommand], undefined) > SHORT_REPLY);
  if (long.length > 1 || (commands.length > 1 && long.length === 0))
    return "send fewer commands at once, and read in parts what is too large alone";
  const name = nameOf(long[0] ?? commands[0]);
  return find(changes, name) ?? find(replies, name) ?? "ask for less at once";
}

/** What to do about commands whose request is larger than a limit, which the server may not have named. */
export function requestAdvice(commands: Commands, limit: number | undefined): string {
  if (commands.length > 1) {
    const large = commands.find((command) => jsonSize(command) > (limit ?? Infinity));
    return large === undefined ? "send fewer commands at once" : requestAdvice([large], limit);
  }
  const command = commands[0]!;
  const advice = find(requests, nameOf(command));
  if (advice === STORE) return advice;
  const sizes = command.slice(1).map((one) => (one instanceof Uint8Array ? one.length : jsonSize(one)));
  const [largest, all] = [Math.max(0, ...sizes), sizes.reduce((sum, size) => sum + size, 0)];
  // Without a limit, one that is nearly everything is the reason.
  const alone = limit === undefined ? largest > 0.9 * all : largest + OVERHEAD > limit;
  if (alone && advice !== undefined) return ALONE;
  return advice ?? "send less at once";
}

/** The size of an argument or a command as JSON, in bytes. */
export function jsonSize(value: unknown): number {
  return utf8Length(JSON.stringify(value));
}

/** The size of a request's body in bytes: that of the bytes that are sent alone, or of its JSON. */
export function bodySize({ commands }: Pick<Outgoing, "commands">, alone: boolean): number {
  const bytes = commands[0]!.find((argument) => argument instanceof Uint8Array) as Uint8Array | undefined;
  return bytes?.length ?? jsonSize(alone ? commands[0] : commands);
}

/** The limit that a server's text names, in bytes. */
export function limitIn(text: string): number | undefined {
  const digits = /limit: (\d{1,15}) bytes/i.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
