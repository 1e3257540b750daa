/** Commands about sets: their members, random members, and combinations of several sets. */
import type { RespValue } from "../../rest/resp.ts";
import { ByteMap } from "./byte-map.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, bulks, ErrorReply, integer, NOT_POSITIVE, NULL } from "./replies.ts";
import { BAD_NUMBER_OF_KEYS, readLimit } from "./shared-arguments.ts";
import { readCursor, readScanOptions, scanReply } from "./scan.ts";

type Members = ByteMap<true>;

function read(keyspace: Keyspace, args: Arguments): Members | undefined {
  return keyspace.read(args.bytes(1), "set")?.set;
}

function removeFrom(keyspace: Keyspace, args: Arguments, members: readonly Uint8Array[]): number {
  const set = read(keyspace, args);
  if (set === undefined) return 0;
  const removed = members.filter((member) => set.delete(member)).length;
  if (set.size === 0) keyspace.delete(args.bytes(1));
  return removed;
}

/** SPOP removes the members that it returns. SRANDMEMBER does not, and repeats some if its count is negative. */
function draw(keyspace: Keyspace, args: Arguments, take: boolean): RespValue {
  if (args.length > 3) throw args.syntaxError();
  const counted = args.length === 3;
  const count = !counted ? 1 : take ? args.number(2, NOT_POSITIVE) : args.number(2);
  if (take && count < 0) throw new ErrorReply(NOT_POSITIVE);
  const set = read(keyspace, args);
  if (set === undefined) return counted ? array([]) : NULL;
  const drawn = set.sample(Math.abs(count), { repeat: count < 0 }).map(([member]) => member);
  if (take) removeFrom(keyspace, args, drawn);
  return counted ? bulks(drawn) : bulk(drawn[0]);
}

/** The members of a combination of sets, each once. */
type Combine = (sets: readonly Members[]) => Iterable<Uint8Array>;

/** Keeps the members of the first set that `keep` accepts. */
function filterFirst(keep: (member: Uint8Array, others: readonly Members[]) => boolean): Combine {
  return function* ([first, ...others]) {
    for (const member of first?.keys() ?? []) if (keep(member, others)) yield member;
  };
}

const intersect: Combine = filterFirst((member, others) => others.every((set) => set.has(member)));
const subtract: Combine = filterFirst((member, others) => !others.some((set) => set.has(member)));
const unite: Combine = (sets) => {
  const all: Members = new ByteMap();
  for (const set of sets) for (const member of set.keys()) all.set(member, true);
  return all.keys();
};

function readSets(keyspace: Keyspace, keys: readonly Uint8Array[]): Members[] {
  return keys.map((key) => keyspace.read(key, "set")?.set ?? new ByteMap());
}

function combined(combine: Combine): (keyspace: Keyspace, args: Arguments) => RespValue {
  return (keyspace, args) => bulks(combine(readSets(keyspace, args.from(1))));
}

function stored(combine: Combine): (keyspace: Keyspace, args: Arguments) => RespValue {
  return (keyspace, args) => {
    const set: Members = new ByteMap();
    for (const member of combine(readSets(keyspace, args.from(2)))) set.set(member, true);
    if (set.size === 0) keyspace.delete(args.bytes(1));
    else keyspace.set(args.bytes(1), { type: "set", set });
    return integer(set.size);
  };
}

function countIntersection(keyspace: Keyspace, args: Arguments): RespValue {
  const numberOfKeys = args.number(1, BAD_NUMBER_OF_KEYS);
  if (numberOfKeys < 1) throw new ErrorReply(BAD_NUMBER_OF_KEYS);
  if (numberOfKeys > args.length - 2)
    throw new ErrorReply("ERR Number of keys can't be greater than number of args");
  let limit = 0;
  for (let index = 2 + numberOfKeys; index < args.length; index += 2) {
    if (args.option(index) !== "LIMIT" || index + 1 >= args.length) throw args.syntaxError();
    limit = readLimit(args, index + 1);
  }
  let count = 0;
  for (const _ of intersect(readSets(keyspace, args.from(2).slice(0, numberOfKeys))))
    if (++count === limit) break;
  return integer(count);
}

/** SMOVE. If both keys are the same, nothing changes. */
function move(keyspace: Keyspace, args: Arguments): RespValue {
  const [from, to, member] = [args.bytes(1), args.bytes(2), args.bytes(3)];
  // Redis checks the type of the target only if there is a source.
  if (keyspace.value(from) === undefined) return integer(0);
  const source = keyspace.read(from, "set")?.set;
  const target = keyspace.read(to, "set")?.set;
  if (source === undefined || source === target) return integer(source?.has(member) ?? false);
  if (!source.delete(member)) return integer(0);
  if (source.size === 0) keyspace.delete(from);
  keyspace.open(to, "set", () => ({ type: "set", set: new ByteMap() })).set.set(member, true);
  return integer(1);
}

function scan(keyspace: Keyspace, args: Arguments): RespValue {
  const cursor = readCursor(args, 2);
  const set = read(keyspace, args);
  if (set === undefined) return scanReply(0, []);
  const options = readScanOptions(args, 3, []);
  const found = set.scan(cursor, options.count);
  const members = found.entries.map(([member]) => member).filter((member) => options.matches(member));
  return scanReply(found.cursor, members);
}

export const SET_COMMANDS: CommandTable = {
  SADD: [
    -3,
    (keyspace, args) => {
      const { set } = keyspace.open(args.bytes(1), "set", () => ({ type: "set", set: new ByteMap() }));
      return integer(args.from(2).filter((member) => set.set(member, true)).length);
    },
  ],
  SREM: [-3, (keyspace, args) => integer(removeFrom(keyspace, args, args.from(2)))],
  SCARD: [2, (keyspace, args) => integer(read(keyspace, args)?.size ?? 0)],
  SISMEMBER: [3, (keyspace, args) => integer(read(keyspace, args)?.has(args.bytes(2)) ?? false)],
  SMISMEMBER: [
    -3,
    (keyspace, args) => {
      const set = read(keyspace, args);
      return array(args.from(2).map((member) => integer(set?.has(member) ?? false)));
    },
  ],
  SMEMBERS: [2, (keyspace, args) => bulks(read(keyspace, args)?.keys() ?? [])],
  SPOP: [-2, (keyspace, args) => draw(keyspace, args, true)],
  SRANDMEMBER: [-2, (keyspace, args) => draw(keyspace, args, false)],
  SINTER: [-2, combined(intersect)],
  SDIFF: [-2, combined(subtract)],
  SUNION: [-2, combined(unite)],
  SINTERSTORE: [-3, stored(intersect)],
  SDIFFSTORE: [-3, stored(subtract)],
  SUNIONSTORE: [-3, stored(unite)],
  SINTERCARD: [-3, countIntersection],
  SMOVE: [4, move],
  SSCAN: [-3, scan],
};
