/** Says what to do about a request or a reply that exceeds the limit of a server, by its commands. */
import { utf8Length } from "../../text.ts";
import type { Outgoing } from "../plan.ts";

/** What makes the reply of a command shorter. */
const replies: readonly (readonly [advice: string, names: string])[] = [
  ["ask for fewer keys at once", "MGET EXISTS SUNION SINTER SDIFF ZUNION ZINTER ZDIFF JSON.MGET"],
  ["ask for fewer fields at once", "HMGET HGETDEL HGETEX"],
  ["read it in parts with HSCAN, or ask for single fields with HMGET", "HGETALL HVALS HKEYS"],
  ["read it in parts with SSCAN", "SMEMBERS"],
  ["read it in parts with SCAN", "KEYS"],
  ["ask for a shorter range", "LRANGE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZRANGEBYLEX GETRANGE"],
  [
    "ask for fewer at once, with COUNT",
    "SCAN HSCAN SSCAN ZSCAN XRANGE XREVRANGE XREAD XREADGROUP LPOP RPOP SPOP HRANDFIELD SRANDMEMBER ZRANDMEMBER",
  ],
  ["let the script return less", "EVAL EVAL_RO EVALSHA EVALSHA_RO FCALL FCALL_RO"],
  [
    "read it with a store of zstash/store, which reads values of any size in pieces",
    "GET GETEX GETDEL GETSET",
  ],
];
/** What makes a command shorter. */
const requests: readonly (readonly [advice: string, names: string])[] = [
  ["write fewer keys at once", "MSET MSETNX MSETEX"],
  ["write fewer fields at once", "HSET HMSET HSETEX"],
  ["write fewer elements at once", "LPUSH RPUSH LPUSHX RPUSHX SADD ZADD XADD PFADD"],
  ["store it with zstash/store, which writes values of any size in pieces", "SET SETEX PSETEX SETNX GETSET"],
];

function find(table: typeof replies, name: string): string | undefined {
  return table.find(([, names]) => names.split(" ").includes(name))?.[0];
}

/** What to do about the commands of a request that is too large, or whose reply is. */
export function adviceFor({ commands }: Pick<Outgoing, "commands">, what: "request" | "reply"): string {
  if (commands.length > 1) return "send fewer commands at once";
  const name = String(commands[0]?.[0]).toUpperCase();
  if (what === "reply") return find(replies, name) ?? "ask for less at once";
  return find(requests, name) ?? "send less at once";
}

/** The size of a request's body in bytes: that of the bytes that are sent alone, or of its JSON. */
export function bodySize({ commands }: Pick<Outgoing, "commands">, alone: boolean): number {
  const bytes = commands[0]!.find((argument) => argument instanceof Uint8Array) as Uint8Array | undefined;
  return bytes?.length ?? utf8Length(JSON.stringify(alone ? commands[0] : commands));
}

/** The limit that a server's text names, in bytes. */
export function limitIn(text: string): number | undefined {
  const digits = /limit: (\d{1,15}) bytes/i.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
