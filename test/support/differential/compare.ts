/** Compares two replies to a command, apart from what Redis leaves open: orders, and the clock. */
import type { RespValue } from "../../../src/rest/resp.ts";
import type { Argument } from "./draw.ts";

/** What Redis answers in an order of its own. */
const UNORDERED = new Set([
  "HKEYS",
  "HVALS",
  "KEYS",
  "SMEMBERS",
  "SINTER",
  "SUNION",
  "SDIFF",
  "SPOP",
  "SRANDMEMBER",
]);
/** Searches for places, whose results have an order only if one is asked for. */
const SEARCHES = /^GEO(SEARCH|RADIUS|RADIUS_RO|RADIUSBYMEMBER|RADIUSBYMEMBER_RO)$/;
const PAIRS = new Set(["HGETALL"]);
const SCANS = new Set(["SCAN", "HSCAN", "SSCAN", "ZSCAN"]);
/** Draws of all members: in a random order, with their scores or values if the last argument asks for them. */
const DRAWS = new Set(["HRANDFIELD", "ZRANDMEMBER"]);
/**
 * With other arguments these would answer at random, reach a second database, which the keyspace has not, or be as in a
 * newer Redis.
 */
export const FIXED_ARGUMENTS = new Set([...DRAWS, "SPOP", "SRANDMEMBER", "COPY", "ZRANK", "ZREVRANK"]);
/** Answers that follow the clock, and by how much they may differ. */
const CLOCK: Readonly<Record<string, number>> = {
  TTL: 60,
  PTTL: 60_000,
  EXPIRETIME: 60,
  PEXPIRETIME: 60_000,
};

export function show(reply: RespValue): string {
  switch (reply.kind) {
    case "bulk":
      return reply.bytes === null ? "$null" : JSON.stringify(Buffer.from(reply.bytes).toString("latin1"));
    case "array":
      return reply.items === null ? "*null" : `[${reply.items.map(show).join(" ")}]`;
    case "integer":
      return `:${reply.value}`;
    default:
      return `${reply.kind} ${reply.text}`;
  }
}

const sorted = (reply: RespValue, size: number): RespValue => {
  if (reply.kind !== "array" || reply.items === null) return reply;
  const groups: string[] = [];
  for (let at = 0; at < reply.items.length; at += size)
    groups.push(
      reply.items
        .slice(at, at + size)
        .map(show)
        .join(" "),
    );
  return { kind: "status", text: groups.sort().join(" ") };
};

/** The times since an entry was delivered, and since a consumer was seen, which follow the clock. */
function withoutTimes(name: string, reply: RespValue): RespValue {
  if (reply.kind !== "array" || reply.items === null) return reply;
  const [first, second, third, fourth] = reply.items;
  if (name === "XPENDING" && reply.items.length === 4 && third?.kind === "integer")
    return { kind: "array", items: [first, second, fourth].filter((item) => item !== undefined) };
  const at = reply.items.findIndex((item) => show(item) === '"idle"');
  if (name === "XINFO" && at !== -1) return { kind: "array", items: reply.items.toSpliced(at, 2) };
  return { kind: "array", items: reply.items.map((item) => withoutTimes(name, item)) };
}

/** A reply as a text that must be equal on both sides. */
function comparable(command: readonly Argument[], reply: RespValue): string {
  const name = String(command[0]).toUpperCase();
  if (name === "XPENDING" || name === "XINFO") return show(withoutTimes(name, reply));
  if (DRAWS.has(name)) return show(sorted(reply, command.length === 4 ? 2 : 1));
  if (SEARCHES.test(name) && !command.some((word) => /^(asc|desc|count)$/i.test(String(word))))
    return show(sorted(reply, 1));
  if (UNORDERED.has(name)) return show(sorted(reply, 1));
  if (PAIRS.has(name)) return show(sorted(reply, 2));
  if (SCANS.has(name) && reply.kind === "array") {
    const [cursor, items] = reply.items ?? [];
    if (cursor === undefined || items === undefined) throw new Error("a scan's reply has a cursor and items");
    return `${show(cursor)} ${show(sorted(items, name === "HSCAN" || name === "ZSCAN" ? 2 : 1))}`;
  }
  const tolerance = CLOCK[name];
  if (tolerance !== undefined && reply.kind === "integer" && reply.value > 0) {
    return `about ${Math.round(Number(reply.value) / tolerance / 2)}`;
  }
  return show(reply);
}

export function equal(command: readonly Argument[], a: RespValue, b: RespValue): boolean {
  const tolerance = CLOCK[String(command[0]).toUpperCase()];
  if (tolerance !== undefined && a.kind === "integer" && b.kind === "integer" && a.value > 0 && b.value > 0) {
    return Math.abs(Number(a.value) - Number(b.value)) <= tolerance;
  }
  return comparable(command, a) === comparable(command, b);
}
