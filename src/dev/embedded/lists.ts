/** Commands about lists, except the blocking ones. */
import { sameBytes } from "../../bytes.ts";
import type { RespValue } from "../../rest/resp.ts";
import { INT64_MAX, INT64_MIN } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { readPop } from "./shared-arguments.ts";
import {
  array,
  bulk,
  bulks,
  ErrorReply,
  integer,
  NO_SUCH_KEY,
  NOT_POSITIVE,
  NULL,
  NULL_ARRAY,
  OK,
} from "./replies.ts";

type End = "left" | "right";

function read(keyspace: Keyspace, args: Arguments): Uint8Array[] | undefined {
  return keyspace.read(args.bytes(1), "list")?.list;
}

function dropIfEmpty(keyspace: Keyspace, args: Arguments, list: readonly Uint8Array[]): void {
  if (list.length === 0) keyspace.delete(args.bytes(1));
}

function replace(list: Uint8Array[], items: readonly Uint8Array[]): void {
  list.length = 0;
  for (const item of items) list.push(item);
}

function push(keyspace: Keyspace, args: Arguments, end: End, onlyIfThere: boolean): RespValue {
  if (onlyIfThere && read(keyspace, args) === undefined) return integer(0);
  const { list } = keyspace.open(args.bytes(1), "list", () => ({ type: "list", list: [] }));
  // Not spread into a call: a list or a command may hold more items than a call takes arguments.
  if (end === "left") replace(list, args.from(2).toReversed().concat(list));
  else for (const item of args.from(2)) list.push(item);
  return integer(list.length);
}

/** Removes and returns items from an end, the outermost first. Removes the key with the last of them. */
function take(
  keyspace: Keyspace,
  key: Uint8Array,
  list: Uint8Array[],
  end: End,
  count: number,
): Uint8Array[] {
  const taken =
    end === "left" ? list.splice(0, count) : list.splice(Math.max(0, list.length - count)).toReversed();
  if (list.length === 0) keyspace.delete(key);
  return taken;
}

function pop(keyspace: Keyspace, args: Arguments, end: End): RespValue {
  const counted = args.length > 2;
  if (args.length > 3) throw args.wrongNumber();
  const count = counted ? readCount(args) : 1;
  const list = read(keyspace, args);
  if (list === undefined) return counted ? NULL_ARRAY : NULL;
  const taken = take(keyspace, args.bytes(1), list, end, count);
  return counted ? bulks(taken) : bulk(taken[0]);
}

function readCount(args: Arguments): number {
  const count = args.number(2, NOT_POSITIVE);
  if (count < 0) throw new ErrorReply(NOT_POSITIVE);
  return count;
}

/** The half-open range that arguments 2 and 3 mean. They are inclusive, and negative ones count from the end. */
function range(args: Arguments, length: number): readonly [number, number] {
  const [first, last] = [args.number(2), args.number(3)];
  const start = Math.max(0, first < 0 ? length + first : first);
  const end = Math.min(length, (last < 0 ? length + last : last) + 1);
  return [start, Math.max(start, end)];
}

function remove(keyspace: Keyspace, args: Arguments): RespValue {
  const count = args.number(2);
  const list = read(keyspace, args);
  if (list === undefined) return integer(0);
  let left = count === 0 ? list.length : Math.abs(count);
  const keep = (item: Uint8Array): boolean => left === 0 || !sameBytes(item, args.bytes(3)) || left-- === 0;
  const kept = count < 0 ? list.toReversed().filter(keep).toReversed() : list.filter(keep);
  const removed = list.length - kept.length;
  replace(list, kept);
  dropIfEmpty(keyspace, args, list);
  return integer(removed);
}

function insert(keyspace: Keyspace, args: Arguments): RespValue {
  const place = args.option(2);
  if (place !== "BEFORE" && place !== "AFTER") throw args.syntaxError();
  const list = read(keyspace, args);
  if (list === undefined) return integer(0);
  const pivot = list.findIndex((item) => sameBytes(item, args.bytes(3)));
  if (pivot === -1) return integer(-1);
  list.splice(place === "BEFORE" ? pivot : pivot + 1, 0, args.bytes(4));
  return integer(list.length);
}

/** LMPOP: pops from the first key that has items. */
function popFromFirst(keyspace: Keyspace, args: Arguments): RespValue {
  const { keys, end, count } = readPop(args, ["LEFT", "RIGHT"]);
  for (const key of keys) {
    const list = keyspace.read(key, "list")?.list;
    if (list === undefined) continue;
    return array([bulk(key), bulks(take(keyspace, key, list, end === "LEFT" ? "left" : "right", count))]);
  }
  return NULL_ARRAY;
}

function readEnd(args: Arguments, index: number): End {
  const option = args.option(index);
  if (option !== "LEFT" && option !== "RIGHT") throw args.syntaxError();
  return option === "LEFT" ? "left" : "right";
}

/** LMOVE and RPOPLPUSH. Both keys may be the same. */
function move(keyspace: Keyspace, args: Arguments, from: End, to: End): RespValue {
  const [source, target] = [args.bytes(1), args.bytes(2)];
  const list = keyspace.read(source, "list")?.list;
  if (list === undefined) return NULL;
  keyspace.read(target, "list");
  const [item] = take(keyspace, source, list, from, 1);
  if (item === undefined) return NULL;
  const opened = keyspace.open(target, "list", () => ({ type: "list", list: [] })).list;
  if (to === "left") opened.unshift(item);
  else opened.push(item);
  return bulk(item);
}

/** The options of LPOS, as numbers. */
interface PositionOptions {
  readonly rank: number;
  readonly count: number | undefined;
  readonly most: number;
}

function readPositionOptions(args: Arguments): PositionOptions {
  let rank = 1;
  let count: number | undefined;
  let most = 0;
  for (let index = 3; index < args.length; index += 2) {
    const option = args.option(index);
    if (index + 1 >= args.length) throw args.syntaxError();
    if (option === "RANK") {
      // LONG_MIN has no opposite, so a rank from the end could not be counted.
      if (args.bigint(index + 1) === INT64_MIN)
        throw new ErrorReply(`ERR value is out of range, value must between ${-INT64_MAX} and ${INT64_MAX}`);
      rank = args.number(index + 1);
      if (rank === 0) throw new ErrorReply(ZERO_RANK);
    } else if (option === "COUNT") count = readPositive(args, index + 1, "ERR COUNT can't be negative");
    else if (option === "MAXLEN") most = readPositive(args, index + 1, "ERR MAXLEN can't be negative");
    else throw args.syntaxError();
  }
  return { rank, count, most };
}

const ZERO_RANK =
  "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";

function readPositive(args: Arguments, index: number, text: string): number {
  const value = args.number(index, text);
  if (value < 0) throw new ErrorReply(text);
  return value;
}

function positions(keyspace: Keyspace, args: Arguments): RespValue {
  const { rank, count, most } = readPositionOptions(args);
  const list = read(keyspace, args);
  const found: number[] = [];
  if (list !== undefined) {
    const wanted = count === undefined ? 1 : count === 0 ? Infinity : count;
    const compared = most === 0 ? list.length : Math.min(most, list.length);
    let skipped = Math.abs(rank) - 1;
    for (let step = 0; step < compared && found.length < wanted; step++) {
      const index = rank > 0 ? step : list.length - 1 - step;
      const item = list[index];
      if (item === undefined || !sameBytes(item, args.bytes(2)) || skipped-- > 0) continue;
      found.push(index);
    }
  }
  if (count !== undefined) return array(found.map(integer));
  return found[0] === undefined ? NULL : integer(found[0]);
}

export const LIST_COMMANDS: CommandTable = {
  LPUSH: [-3, (keyspace, args) => push(keyspace, args, "left", false)],
  RPUSH: [-3, (keyspace, args) => push(keyspace, args, "right", false)],
  LPUSHX: [-3, (keyspace, args) => push(keyspace, args, "left", true)],
  RPUSHX: [-3, (keyspace, args) => push(keyspace, args, "right", true)],
  LPOP: [-2, (keyspace, args) => pop(keyspace, args, "left")],
  RPOP: [-2, (keyspace, args) => pop(keyspace, args, "right")],
  LLEN: [2, (keyspace, args) => integer(read(keyspace, args)?.length ?? 0)],
  LRANGE: [
    4,
    (keyspace, args) => {
      // Redis checks the numbers before it looks for the key.
      range(args, 0);
      const list = read(keyspace, args) ?? [];
      return bulks(list.slice(...range(args, list.length)));
    },
  ],
  LINDEX: [
    3,
    (keyspace, args) => {
      const list = read(keyspace, args);
      return list === undefined ? NULL : bulk(list.at(args.number(2)));
    },
  ],
  LSET: [
    4,
    (keyspace, args) => {
      const list = read(keyspace, args);
      if (list === undefined) throw new ErrorReply(NO_SUCH_KEY);
      const index = args.number(2);
      const at = index < 0 ? list.length + index : index;
      if (at < 0 || at >= list.length) throw new ErrorReply("ERR index out of range");
      list[at] = args.bytes(3);
      return OK;
    },
  ],
  LREM: [4, remove],
  LTRIM: [
    4,
    (keyspace, args) => {
      range(args, 0);
      const list = read(keyspace, args);
      if (list === undefined) return OK;
      replace(list, list.slice(...range(args, list.length)));
      dropIfEmpty(keyspace, args, list);
      return OK;
    },
  ],
  LINSERT: [5, insert],
  LMPOP: [-4, popFromFirst],
  LMOVE: [5, (keyspace, args) => move(keyspace, args, readEnd(args, 3), readEnd(args, 4))],
  RPOPLPUSH: [3, (keyspace, args) => move(keyspace, args, "right", "left")],
  LPOS: [-3, positions],
};
