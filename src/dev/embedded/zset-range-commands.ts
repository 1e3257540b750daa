/** Commands about ranges of one sorted set: returning, storing, counting and removing them. */
import type { RespValue } from "../../rest/resp.ts";
import { fromBinary } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, ErrorReply, integer } from "./replies.ts";
import { SortedSet } from "./sorted-set.ts";
import type { Scored } from "./sorted-set.ts";
import { entriesReply, readSortedSet, removeMembers } from "./sorted-sets.ts";
import { readRange } from "./zset-ranges.ts";
import type { Range, RangeKind } from "./zset-ranges.ts";

/** What ZRANGE and related commands ask for. */
interface RangeRequest {
  readonly range: Range;
  readonly reversed: boolean;
  readonly withScores: boolean;
  readonly limit: { readonly offset: number; readonly count: number };
}

/** The kind and the direction that a command's name implies; for ZRANGE and ZRANGESTORE options set them. */
interface Named {
  readonly kind?: RangeKind;
  readonly reversed?: boolean;
}

const NO_LIMIT = { offset: 0, count: -1 };

/** Reads a range at an index and the options after it. */
function readRequest(args: Arguments, index: number, named: Named | undefined, stores = false): RangeRequest {
  let kind = named?.kind;
  let reversed = named?.reversed;
  let withScores = false;
  let limit = NO_LIMIT;
  for (let at = index + 2; at < args.length; at++) {
    const option = args.option(at);
    if (option === "WITHSCORES" && !stores) withScores = true;
    else if (option === "LIMIT" && at + 2 < args.length) {
      limit = { offset: args.number(at + 1), count: args.number(at + 2) };
      at += 2;
    } else if (option === "REV" && reversed === undefined) reversed = true;
    else if (option === "BYLEX" && kind === undefined) kind = "lex";
    else if (option === "BYSCORE" && kind === undefined) kind = "score";
    else throw args.syntaxError();
  }
  kind ??= "rank";
  if (kind === "rank" && limit.count !== -1) {
    throw new ErrorReply(
      "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
    );
  }
  if (kind === "lex" && withScores)
    throw new ErrorReply("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
  reversed ??= false;
  // A reversed range names its larger end first, except a range of ranks.
  const ends = reversed && kind !== "rank" ? ([index + 1, index] as const) : ([index, index + 1] as const);
  const ranked = kind === "rank" ? NO_LIMIT : limit;
  return { range: readRange(args, kind, ends, reversed), reversed, withScores, limit: ranked };
}

/** The members of a range, in its direction. Only those within the limit are copied. */
function select(set: SortedSet, { range, reversed, limit: { offset, count } }: RangeRequest): Scored[] {
  const [start, end] = range(set);
  if (offset < 0) return [];
  const length = Math.min(count < 0 ? Infinity : count, end - start - offset);
  if (length <= 0) return [];
  if (!reversed) return set.slice(start + offset, start + offset + length);
  return set.slice(end - offset - length, end - offset).toReversed();
}

function range(named?: Named): (keyspace: Keyspace, args: Arguments) => RespValue {
  return (keyspace, args) => {
    const request = readRequest(args, 2, named);
    const set = readSortedSet(keyspace, args.bytes(1));
    return set === undefined ? array([]) : entriesReply(select(set, request), request.withScores);
  };
}

/** Replaces a key by a sorted set, or removes it if that set is empty. Returns the number of members. */
export function storeSortedSet(keyspace: Keyspace, key: Uint8Array, entries: readonly Scored[]): RespValue {
  const zset = new SortedSet();
  for (const { member, score } of entries) zset.set(fromBinary(member), score);
  if (zset.size === 0) keyspace.delete(key);
  else keyspace.set(key, { type: "zset", zset });
  return integer(zset.size);
}

function rangeStore(keyspace: Keyspace, args: Arguments): RespValue {
  const request = readRequest(args, 3, undefined, true);
  const set = readSortedSet(keyspace, args.bytes(2));
  return storeSortedSet(keyspace, args.bytes(1), set === undefined ? [] : select(set, request));
}

function count(keyspace: Keyspace, args: Arguments, kind: RangeKind): RespValue {
  const counted = readRange(args, kind, [2, 3]);
  const set = readSortedSet(keyspace, args.bytes(1));
  if (set === undefined) return integer(0);
  const [start, end] = counted(set);
  return integer(Math.max(0, end - start));
}

function remove(keyspace: Keyspace, args: Arguments, kind: RangeKind): RespValue {
  const removed = readRange(args, kind, [2, 3]);
  const set = readSortedSet(keyspace, args.bytes(1));
  if (set === undefined) return integer(0);
  const members = set.slice(...removed(set)).map(({ member }) => fromBinary(member));
  return integer(removeMembers(keyspace, args.bytes(1), set, members));
}

export const SORTED_SET_RANGE_COMMANDS: CommandTable = {
  ZRANGE: [-4, range()],
  ZRANGESTORE: [-5, rangeStore],
  ZREVRANGE: [-4, range({ kind: "rank", reversed: true })],
  ZRANGEBYSCORE: [-4, range({ kind: "score", reversed: false })],
  ZREVRANGEBYSCORE: [-4, range({ kind: "score", reversed: true })],
  ZRANGEBYLEX: [-4, range({ kind: "lex", reversed: false })],
  ZREVRANGEBYLEX: [-4, range({ kind: "lex", reversed: true })],
  ZCOUNT: [4, (keyspace, args) => count(keyspace, args, "score")],
  ZLEXCOUNT: [4, (keyspace, args) => count(keyspace, args, "lex")],
  ZREMRANGEBYRANK: [4, (keyspace, args) => remove(keyspace, args, "rank")],
  ZREMRANGEBYSCORE: [4, (keyspace, args) => remove(keyspace, args, "score")],
  ZREMRANGEBYLEX: [4, (keyspace, args) => remove(keyspace, args, "lex")],
};
