/** XCLAIM and XAUTOCLAIM: a consumer takes over entries that others have not acknowledged. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, ErrorReply } from "./replies.ts";
import type { Consumer, Group, Pending } from "./stream-group.ts";
import { requireGroup } from "./stream-groups.ts";
import { parseId, readEnd, readId, writeId } from "./stream-ids.ts";
import type { Stream, StreamEntry } from "./stream.ts";
import { entryReply } from "./streams.ts";

const DEFAULT_COUNT = 100;
const COUNT_MAX = 2 ** 59;
/** XAUTOCLAIM looks at ten times as many entries as it may return. */
const ATTEMPTS = 10;

/** What is changed in the entries that are claimed. */
interface Claim {
  readonly idle: bigint;
  readonly delivered: bigint;
  /** The count of deliveries that they get; undefined to add one. */
  readonly count: number | undefined;
  readonly force: boolean;
  readonly justId: boolean;
}

function readIdle(args: Arguments): bigint {
  const idle = args.bigint(4, `ERR Invalid min-idle-time argument for ${args.name.toUpperCase()}`);
  return idle < 0n ? 0n : idle;
}

/** Reads the options of XCLAIM from an index on. LASTID moves the group on. */
function readClaim(keyspace: Keyspace, args: Arguments, from: number, group: Group): Claim {
  const { now } = keyspace;
  const flags = new Set<string>();
  let delivered = now;
  let count: number | undefined;
  let lastId = 0n;
  for (let index = from; index < args.length; index++) {
    const option = args.option(index);
    const left = args.length - index - 1;
    const bad = `ERR Invalid ${option} option argument for XCLAIM`;
    if (option === "FORCE" || option === "JUSTID") flags.add(option);
    else if (option === "IDLE" && left >= 1) delivered = now - args.bigint(++index, bad);
    else if (option === "TIME" && left >= 1) delivered = args.bigint(++index, bad);
    else if (option === "RETRYCOUNT" && left >= 1) count = args.number(++index, bad);
    else if (option === "LASTID" && left >= 1) lastId = readId(toBinary(args.bytes(++index)), 0n);
    else throw new ErrorReply(`ERR Unrecognized XCLAIM option '${args.printable(index)}'`);
  }
  if (lastId > group.lastId) group.lastId = lastId;
  if (delivered < 0n || delivered > now) delivered = now;
  return {
    idle: readIdle(args),
    delivered,
    count: count === undefined || count < 0 ? undefined : count,
    force: flags.has("FORCE"),
    justId: flags.has("JUSTID"),
  };
}

/** The IDs from argument 5 up to the first option. */
function readIds(args: Arguments): bigint[] {
  const ids: bigint[] = [];
  for (const bytes of args.from(5)) {
    const id = parseId(toBinary(bytes), 0n);
    if (id === undefined) break;
    ids.push(id);
  }
  return ids;
}

function hand(group: Group, id: bigint, consumer: Consumer, claim: Claim): void {
  const before: Pending | undefined = group.pending(id);
  const count = claim.count ?? (before?.count ?? (claim.justId ? 1 : 0)) + (claim.justId ? 0 : 1);
  group.deliver(id, { consumer, delivered: claim.delivered, count });
}

function claimedReply(entry: StreamEntry, { justId }: Claim): RespValue {
  return justId ? bulk(writeId(entry.id)) : entryReply(entry);
}

function claim(keyspace: Keyspace, args: Arguments): RespValue {
  const { stream, group } = requireGroup(keyspace, args);
  readIdle(args);
  const ids = readIds(args);
  // Redis, too, takes an argument that is not an ID for an option.
  const wanted = readClaim(keyspace, args, 5 + ids.length, group);
  const claimed: RespValue[] = [];
  for (const id of ids) {
    const pending = group.pending(id);
    const entry = stream.find(id);
    if (entry === undefined) {
      group.acknowledge(id);
      continue;
    }
    if (pending === undefined && !wanted.force) continue;
    if (pending !== undefined && keyspace.now - pending.delivered < wanted.idle) continue;
    hand(group, id, group.see(args.bytes(3), keyspace.now), wanted);
    claimed.push(claimedReply(entry, wanted));
  }
  return array(claimed);
}

function autoClaim(keyspace: Keyspace, args: Arguments): RespValue {
  const idle = readIdle(args);
  const start = readEnd(args, 5, "start");
  let count = DEFAULT_COUNT;
  let justId = false;
  for (let index = 6; index < args.length; index++) {
    const option = args.option(index);
    if (option === "COUNT" && index + 1 < args.length) {
      count = args.number(++index, "ERR COUNT must be > 0");
      if (count < 1 || count > COUNT_MAX) throw new ErrorReply("ERR COUNT must be > 0");
    } else if (option === "JUSTID") justId = true;
    else throw args.syntaxError();
  }
  const { stream, group } = requireGroup(keyspace, args);
  const wanted: Claim = { idle, delivered: keyspace.now, count: undefined, force: false, justId };
  return takeOver(keyspace, { stream, group, name: args.bytes(3), start, count }, wanted);
}

/** What XAUTOCLAIM iterates over. */
interface Sweep {
  readonly stream: Stream;
  readonly group: Group;
  /** The consumer, which is created with the first entry. */
  readonly name: Uint8Array;
  readonly start: bigint;
  readonly count: number;
}

function takeOver(keyspace: Keyspace, sweep: Sweep, wanted: Claim): RespValue {
  const { stream, group, name, start, count } = sweep;
  const ids = group.pendingIds().filter((id) => id >= start);
  const claimed: RespValue[] = [];
  const deleted: RespValue[] = [];
  let at = 0;
  for (; at < ids.length && at < count * ATTEMPTS && claimed.length + deleted.length < count; at++) {
    const id = ids[at] ?? 0n;
    const pending = group.pending(id);
    const entry = stream.find(id);
    if (entry === undefined) {
      group.acknowledge(id);
      deleted.push(bulk(writeId(id)));
    } else if (pending !== undefined && keyspace.now - pending.delivered >= wanted.idle) {
      hand(group, id, group.see(name, keyspace.now), wanted);
      claimed.push(claimedReply(entry, wanted));
    }
  }
  return array([bulk(writeId(ids[at] ?? 0n)), array(claimed), array(deleted)]);
}

export const STREAM_CLAIM_COMMANDS: CommandTable = {
  XCLAIM: [-6, claim],
  XAUTOCLAIM: [-6, autoClaim],
};
