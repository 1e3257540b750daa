/** Commands about the members of one sorted set: their scores, their ranks, and removing them. */
import type { RespValue } from "../../rest/resp.ts";
import { fromBinary, toBinary, utf8 } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { formatDouble, parseDouble } from "./doubles.ts";
import { readPop } from "./shared-arguments.ts";
import type { Keyspace } from "./keyspace.ts";
import {
  array,
  bulk,
  bulks,
  ErrorReply,
  integer,
  NOT_A_FLOAT,
  NOT_POSITIVE,
  NULL,
  NULL_ARRAY,
} from "./replies.ts";
import { readCursor, readScanOptions, scanReply } from "./scan.ts";
import { SortedSet } from "./sorted-set.ts";
import type { Scored } from "./sorted-set.ts";

/** The sorted set of a key; undefined if there is none. */
export function readSortedSet(keyspace: Keyspace, key: Uint8Array): SortedSet | undefined {
  return keyspace.read(key, "zset")?.zset;
}

function read(keyspace: Keyspace, args: Arguments): SortedSet | undefined {
  return readSortedSet(keyspace, args.bytes(1));
}

/** A score as a bulk string. */
export function scoreReply(score: number): RespValue {
  return bulk(utf8(formatDouble(score)));
}

/** Members, each followed by its score if that is asked for. */
export function entriesReply(entries: readonly Scored[], withScores: boolean): RespValue {
  return array(
    entries.flatMap(({ member, score }) =>
      withScores ? [bulk(fromBinary(member)), scoreReply(score)] : [bulk(fromBinary(member))],
    ),
  );
}

/** Removes members, and the key after its last member. */
export function removeMembers(
  keyspace: Keyspace,
  key: Uint8Array,
  set: SortedSet,
  members: readonly Uint8Array[],
): number {
  const removed = members.filter((member) => set.delete(member)).length;
  if (set.size === 0) keyspace.delete(key);
  return removed;
}

const ADD_FLAGS: readonly string[] = ["NX", "XX", "GT", "LT", "CH", "INCR"];

/** Reads ZADD's flags. The first argument that is not a flag is a score. */
function readFlags(args: Arguments): { readonly flags: Set<string>; readonly index: number } {
  const flags = new Set<string>();
  let index = 2;
  for (; ADD_FLAGS.includes(args.option(index)); index++) flags.add(args.option(index));
  return { flags, index };
}

function checkFlags(flags: ReadonlySet<string>, pairs: number): void {
  if (flags.has("NX") && flags.has("XX"))
    throw new ErrorReply("ERR XX and NX options at the same time are not compatible");
  if ((flags.has("NX") && (flags.has("GT") || flags.has("LT"))) || (flags.has("GT") && flags.has("LT")))
    throw new ErrorReply("ERR GT, LT, and/or NX options at the same time are not compatible");
  if (flags.has("INCR") && pairs > 1)
    throw new ErrorReply("ERR INCR option supports a single increment-element pair");
}

function readScore(bytes: Uint8Array): number {
  const score = parseDouble(toBinary(bytes));
  if (score === undefined) throw new ErrorReply(NOT_A_FLOAT);
  return score;
}

/** ZADD, and ZINCRBY as ZADD with INCR. */
function add(keyspace: Keyspace, args: Arguments, flags: ReadonlySet<string>, index: number): RespValue {
  if (args.length === index || (args.length - index) % 2 === 1) throw args.syntaxError();
  const pairs = args.pairs(index);
  checkFlags(flags, pairs.length);
  const scored = pairs.map(([score, member]) => [readScore(score), member] as const);
  return addMembers(keyspace, args.bytes(1), scored, flags);
}

/** Adds members or changes their scores as the flags of ZADD allow. Returns ZADD's reply. */
export function addMembers(
  keyspace: Keyspace,
  key: Uint8Array,
  scored: readonly (readonly [score: number, member: Uint8Array])[],
  flags: ReadonlySet<string>,
): RespValue {
  const found = readSortedSet(keyspace, key);
  const set = found ?? new SortedSet();
  let [added, changed] = [0, 0];
  let last: number | undefined;
  for (const [score, member] of scored) {
    const old = set.score(member);
    const next = newScore(old, score, flags);
    if (next === undefined) continue;
    last = next;
    if (old === undefined) added++;
    else if (old !== next) changed++;
    set.set(member, next);
  }
  if (found === undefined && set.size > 0) keyspace.set(key, { type: "zset", zset: set });
  if (flags.has("INCR")) return last === undefined ? NULL : scoreReply(last);
  return integer(flags.has("CH") ? added + changed : added);
}

/** The score that a member gets; undefined if the flags forbid a change. */
function newScore(old: number | undefined, given: number, flags: ReadonlySet<string>): number | undefined {
  if (old === undefined) return flags.has("XX") ? undefined : given;
  if (flags.has("NX")) return undefined;
  const next = flags.has("INCR") ? old + given : given;
  if (Number.isNaN(next)) throw new ErrorReply("ERR resulting score is not a number (NaN)");
  return (flags.has("LT") && next >= old) || (flags.has("GT") && next <= old) ? undefined : next;
}

/** ZRANK and ZREVRANK, with WITHSCORE as in Redis 7.2. */
function rank(keyspace: Keyspace, args: Arguments, reversed: boolean): RespValue {
  if (args.length > 4) throw args.wrongNumber();
  const withScore = args.length === 4;
  if (withScore && args.option(3) !== "WITHSCORE") throw args.syntaxError();
  const set = read(keyspace, args);
  const ascending = set?.rank(args.bytes(2));
  const score = set?.score(args.bytes(2));
  if (set === undefined || ascending === undefined || score === undefined)
    return withScore ? NULL_ARRAY : NULL;
  const position = integer(reversed ? set.size - 1 - ascending : ascending);
  return withScore ? array([position, scoreReply(score)]) : position;
}

/** Removes and returns `count` members from the start of the order, or from its end backwards. */
function take(
  keyspace: Keyspace,
  key: Uint8Array,
  set: SortedSet,
  count: number,
  end: "min" | "max",
): Scored[] {
  const taken =
    end === "min" ? set.slice(0, count) : set.slice(Math.max(0, set.size - count), set.size).toReversed();
  removeMembers(
    keyspace,
    key,
    set,
    taken.map(({ member }) => fromBinary(member)),
  );
  return taken;
}

function pop(keyspace: Keyspace, args: Arguments, end: "min" | "max"): RespValue {
  if (args.length > 3) throw args.syntaxError();
  const count = args.length === 3 ? args.number(2, NOT_POSITIVE) : 1;
  if (count < 0) throw new ErrorReply(NOT_POSITIVE);
  const set = read(keyspace, args);
  return set === undefined ? array([]) : entriesReply(take(keyspace, args.bytes(1), set, count, end), true);
}

/** ZMPOP: pops from the first key that has members. */
function popFromFirst(keyspace: Keyspace, args: Arguments): RespValue {
  const { keys, end, count } = readPop(args, ["MIN", "MAX"]);
  for (const key of keys) {
    const set = readSortedSet(keyspace, key);
    if (set === undefined) continue;
    const taken = take(keyspace, key, set, count, end === "MIN" ? "min" : "max");
    return array([bulk(key), array(taken.map((entry) => entriesReply([entry], true)))]);
  }
  return NULL_ARRAY;
}

/** ZRANDMEMBER: a positive count returns distinct members, a negative one allows repetition. */
function random(keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length === 2) return bulk(read(keyspace, args)?.sample(1, { repeat: true })[0]?.[0]);
  const count = args.number(2);
  const withScores = args.length === 4 && args.option(3) === "WITHSCORES";
  if (args.length > 3 && !withScores) throw args.syntaxError();
  const drawn = read(keyspace, args)?.sample(Math.abs(count), { repeat: count < 0 }) ?? [];
  return array(
    drawn.flatMap(([member, score]) => (withScores ? [bulk(member), scoreReply(score)] : [bulk(member)])),
  );
}

/** The compact form stores integers as such, and ZSCAN shows what is stored. */
function formatScanned(score: number, isCompact: boolean): string {
  return isCompact && Number.isInteger(score) && Math.abs(score) < 2 ** 62
    ? `${BigInt(score)}`
    : formatDouble(score);
}

function scan(keyspace: Keyspace, args: Arguments): RespValue {
  const cursor = readCursor(args, 2);
  const set = read(keyspace, args);
  if (set === undefined) return scanReply(0, []);
  const options = readScanOptions(args, 3, []);
  const found = set.scan(cursor, options.count);
  const matching = found.entries.filter(([member]) => options.matches(member));
  return scanReply(
    found.cursor,
    matching.flatMap(([member, score]) => [member, utf8(formatScanned(score, set.isCompact))]),
  );
}

export const SORTED_SET_COMMANDS: CommandTable = {
  ZADD: [
    -4,
    (keyspace, args) => {
      const { flags, index } = readFlags(args);
      return add(keyspace, args, flags, index);
    },
  ],
  ZINCRBY: [4, (keyspace, args) => add(keyspace, args, new Set(["INCR"]), 2)],
  ZREM: [
    -3,
    (keyspace, args) => {
      const set = read(keyspace, args);
      return integer(set === undefined ? 0 : removeMembers(keyspace, args.bytes(1), set, args.from(2)));
    },
  ],
  ZCARD: [2, (keyspace, args) => integer(read(keyspace, args)?.size ?? 0)],
  ZSCORE: [
    3,
    (keyspace, args) => {
      const score = read(keyspace, args)?.score(args.bytes(2));
      return score === undefined ? NULL : scoreReply(score);
    },
  ],
  ZMSCORE: [
    -3,
    (keyspace, args) => {
      const set = read(keyspace, args);
      const scores = args.from(2).map((member) => set?.score(member));
      return bulks(scores.map((score) => (score === undefined ? undefined : utf8(formatDouble(score)))));
    },
  ],
  ZRANK: [-3, (keyspace, args) => rank(keyspace, args, false)],
  ZREVRANK: [-3, (keyspace, args) => rank(keyspace, args, true)],
  ZPOPMIN: [-2, (keyspace, args) => pop(keyspace, args, "min")],
  ZPOPMAX: [-2, (keyspace, args) => pop(keyspace, args, "max")],
  ZMPOP: [-4, popFromFirst],
  ZRANDMEMBER: [-2, random],
  ZSCAN: [-3, scan],
};
