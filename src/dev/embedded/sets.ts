/** Commands about sets, without those that store a combination. */
import type { RespValue } from "../../rest/resp.ts";
import { ByteMap } from "./byte-map.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, bulks, ErrorReply, integer, NOT_POSITIVE, NULL } from "./replies.ts";
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

/** SPOP removes the members that it returns. SRANDMEMBER does not, and repeats some for a negative count. */
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

/** SINTER and SDIFF: the members of the first set that `keep` accepts. */
function combine(
  keyspace: Keyspace,
  args: Arguments,
  keep: (member: Uint8Array, others: Members[]) => boolean,
): RespValue {
  const [first = new ByteMap<true>(), ...others] = args
    .from(1)
    .map((key): Members => keyspace.read(key, "set")?.set ?? new ByteMap());
  return bulks([...first.keys()].filter((member) => keep(member, others)));
}

function union(keyspace: Keyspace, args: Arguments): RespValue {
  const all: Members = new ByteMap();
  for (const key of args.from(1)) {
    for (const member of keyspace.read(key, "set")?.set.keys() ?? []) all.set(member, true);
  }
  return bulks(all.keys());
}

function scan(keyspace: Keyspace, args: Arguments): RespValue {
  const cursor = readCursor(args, 2);
  const set = read(keyspace, args);
  if (set === undefined) return scanReply(0, []);
  const options = readScanOptions(args, 3, false);
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
  SINTER: [
    -2,
    (keyspace, args) => combine(keyspace, args, (member, others) => others.every((set) => set.has(member))),
  ],
  SDIFF: [
    -2,
    (keyspace, args) => combine(keyspace, args, (member, others) => !others.some((set) => set.has(member))),
  ],
  SUNION: [-2, union],
  SSCAN: [-3, scan],
};
