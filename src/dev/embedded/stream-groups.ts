/** Commands about groups of consumers, except XREADGROUP: XGROUP, XACK, XPENDING and XINFO. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, toText, utf8 } from "../text.ts";
import { MAX_ECHO } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, ErrorReply, integer, NO_SUCH_KEY, NULL, NULL_ARRAY, OK } from "./replies.ts";
import { Group } from "./stream-group.ts";
import { readEnd, readId, writeId } from "./stream-ids.ts";
import { Stream } from "./stream.ts";
import { entryReply, readStream } from "./streams.ts";

const NO_STREAM =
  "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option " +
  "to create an empty stream automatically.";
/** The entries in one node of Redis' tree; XINFO reports the number of nodes. */
const NODE_ENTRIES = 100;

function noGroup(key: Uint8Array, name: Uint8Array): ErrorReply {
  return new ErrorReply(`NOGROUP No such consumer group '${toText(name)}' for key name '${toText(key)}'`);
}

/** The group of a key; throws Redis' error if there is none. */
export function requireGroup(
  keyspace: Keyspace,
  args: Arguments,
): { readonly stream: Stream; readonly group: Group } {
  const [key, name] = [args.bytes(1), args.bytes(2)];
  const stream = readStream(keyspace, key);
  const group = stream?.groups.get(name);
  if (stream === undefined || group === undefined)
    throw new ErrorReply(`NOGROUP No such key '${toText(key)}' or consumer group '${toText(name)}'`);
  return { stream, group };
}

/** The number of arguments of each subcommand of XGROUP and XINFO; negative means at least. */
const ARITIES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  xgroup: { CREATE: -5, SETID: -5, DESTROY: 4, CREATECONSUMER: 5, DELCONSUMER: 5 },
  xinfo: { STREAM: -3, GROUPS: 3, CONSUMERS: 4 },
};

function readSubcommand(args: Arguments): string {
  const subcommand = args.option(1);
  const arity = ARITIES[args.name]?.[subcommand];
  if (arity === undefined)
    throw new ErrorReply(
      `ERR unknown subcommand '${args.printable(1, MAX_ECHO)}'. Try ${args.name.toUpperCase()} HELP.`,
    );
  if (arity < 0 ? args.length < -arity : args.length !== arity)
    throw new ErrorReply(
      `ERR wrong number of arguments for '${args.name}|${subcommand.toLowerCase()}' command`,
    );
  return subcommand;
}

function unknownSubcommand(args: Arguments): ErrorReply {
  const given = args.printable(1, MAX_ECHO);
  return new ErrorReply(
    `ERR unknown subcommand or wrong number of arguments for '${given}'. Try ${args.name.toUpperCase()} HELP.`,
  );
}

/** Reads MKSTREAM and ENTRIESREAD. */
function readOptions(
  args: Arguments,
  canCreate: boolean,
): { readonly create: boolean; readonly entriesRead: number | undefined } {
  let create = false;
  let entriesRead: number | undefined;
  for (let index = 5; index < args.length; index++) {
    const option = args.option(index);
    if (option === "MKSTREAM" && canCreate) create = true;
    else if (option === "ENTRIESREAD" && index + 1 < args.length) {
      const given = args.number(++index);
      if (given < -1) throw new ErrorReply("ERR value for ENTRIESREAD must be positive or -1");
      entriesRead = given === -1 ? undefined : given;
    } else throw unknownSubcommand(args);
  }
  return { create, entriesRead };
}

function group(keyspace: Keyspace, args: Arguments): RespValue {
  const subcommand = readSubcommand(args);
  const [key, name] = [args.bytes(2), args.bytes(3)];
  const isCreate = subcommand === "CREATE";
  const { create, entriesRead } =
    isCreate || subcommand === "SETID"
      ? readOptions(args, isCreate)
      : { create: false, entriesRead: undefined };
  const stream = readStream(keyspace, key);
  if (stream === undefined && !create) throw new ErrorReply(NO_STREAM);
  const found = stream?.groups.get(name);
  if (isCreate) return createGroup(keyspace, args, stream, entriesRead);
  if (subcommand === "DESTROY") return integer(stream?.groups.delete(name) ?? false);
  if (found === undefined) throw noGroup(key, name);
  switch (subcommand) {
    case "SETID":
      found.lastId = readStart(args, stream);
      found.entriesRead = entriesRead;
      return OK;
    case "CREATECONSUMER":
      if (found.consumer(args.bytes(4)) !== undefined) return integer(0);
      found.see(args.bytes(4), keyspace.now);
      return integer(1);
    default:
      return integer(found.remove(args.bytes(4)));
  }
}

/** Reads the ID after which a group begins: `$` is the stream's last one. */
function readStart(args: Arguments, stream: Stream | undefined): bigint {
  const text = toBinary(args.bytes(4));
  return text === "$" ? (stream?.lastId ?? 0n) : readId(text, 0n);
}

function createGroup(
  keyspace: Keyspace,
  args: Arguments,
  found: Stream | undefined,
  entriesRead: number | undefined,
): RespValue {
  const lastId = readStart(args, found);
  const stream = found ?? new Stream();
  if (found === undefined) keyspace.set(args.bytes(2), { type: "stream", stream });
  if (stream.groups.has(args.bytes(3))) throw new ErrorReply("BUSYGROUP Consumer Group name already exists");
  stream.groups.set(args.bytes(3), new Group(lastId, entriesRead));
  return OK;
}

function acknowledge(keyspace: Keyspace, args: Arguments): RespValue {
  const found = readStream(keyspace, args.bytes(1))?.groups.get(args.bytes(2));
  if (found === undefined) return integer(0);
  const ids = args.from(3).map((id) => readId(toBinary(id), 0n));
  return integer(ids.filter((id) => found.acknowledge(id)).length);
}

/** XPENDING: how many entries are pending, or each of them in an interval of IDs. */
function pending(keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length !== 3 && (args.length < 6 || args.length > 9)) throw args.syntaxError();
  let [index, idle] = [3, 0n];
  if (args.option(3) === "IDLE") {
    idle = args.bigint(4);
    if (args.length < 8) throw args.syntaxError();
    index = 5;
  }
  if (args.length === 3) return summary(requireGroup(keyspace, args).group);
  const count = Math.max(0, args.number(index + 2));
  const [first, last] = [readEnd(args, index, "start"), readEnd(args, index + 1, "end")];
  const { group: found } = requireGroup(keyspace, args);
  const consumer = args.length > index + 3 ? found.consumer(args.bytes(index + 3)) : undefined;
  if (args.length > index + 3 && consumer === undefined) return array([]);
  const entries: RespValue[] = [];
  for (const id of found.pendingIds(consumer)) {
    const waiting = found.pending(id);
    if (waiting === undefined || id < first || id > last || entries.length >= count) continue;
    const waited = keyspace.now - waiting.delivered;
    if (waited < idle) continue;
    entries.push(
      array([bulk(writeId(id)), bulk(waiting.consumer.name), integer(waited), integer(waiting.count)]),
    );
  }
  return array(entries);
}

function summary(found: Group): RespValue {
  const ids = found.pendingIds();
  const [first, last] = [ids[0], ids.at(-1)];
  if (first === undefined || last === undefined) return array([integer(0), NULL, NULL, NULL_ARRAY]);
  const consumers = found.consumers.flatMap((consumer) => {
    const { length } = found.pendingIds(consumer);
    return length === 0 ? [] : [array([bulk(consumer.name), bulk(utf8(`${length}`))])];
  });
  return array([integer(ids.length), bulk(writeId(first)), bulk(writeId(last)), array(consumers)]);
}

function info(keyspace: Keyspace, args: Arguments): RespValue {
  const subcommand = readSubcommand(args);
  const stream = readStream(keyspace, args.bytes(2));
  if (stream === undefined) throw new ErrorReply(NO_SUCH_KEY);
  if (subcommand === "GROUPS") {
    const named = Array.from(
      stream.groups.entries(),
      ([name, found]) => [toBinary(name), name, found] as const,
    );
    named.sort(([a], [b]) => (a < b ? -1 : 1));
    return array(named.map(([, name, found]) => groupInfo(stream, name, found)));
  }
  if (subcommand === "CONSUMERS") {
    const found = stream.groups.get(args.bytes(3));
    if (found === undefined) throw noGroup(args.bytes(2), args.bytes(3));
    return array(
      found.consumers.map((consumer) =>
        fields({
          name: bulk(consumer.name),
          pending: integer(found.pendingIds(consumer).length),
          idle: integer(keyspace.now - consumer.seen),
        }),
      ),
    );
  }
  if (args.length > 3 && args.option(3) !== "FULL") throw unknownSubcommand(args);
  if (args.length > 3)
    throw new ErrorReply(
      "ERR the embedded backend has no XINFO STREAM … FULL: a redis-server on the PATH or a Redis by --redis has it",
    );
  return streamInfo(stream);
}

/** Names and values, alternating. */
function fields(values: Readonly<Record<string, RespValue>>): RespValue {
  return array(Object.entries(values).flatMap(([name, value]) => [bulk(utf8(name)), value]));
}

function groupInfo(stream: Stream, name: Uint8Array, found: Group): RespValue {
  const isExact = found.entriesRead !== undefined && !stream.hasGap(found.lastId);
  const read = isExact ? found.entriesRead : stream.addedUpTo(found.lastId);
  const lag = stream.added === 0 ? 0 : read === undefined ? undefined : stream.added - read;
  return fields({
    name: bulk(name),
    consumers: integer(found.consumers.length),
    pending: integer(found.pendingCount),
    "last-delivered-id": bulk(writeId(found.lastId)),
    "entries-read": found.entriesRead === undefined ? NULL : integer(found.entriesRead),
    lag: lag === undefined ? NULL : integer(lag),
  });
}

function streamInfo(stream: Stream): RespValue {
  const nodes = Math.ceil(stream.length / NODE_ENTRIES);
  return fields({
    length: integer(stream.length),
    "radix-tree-keys": integer(nodes),
    "radix-tree-nodes": integer(nodes + 1),
    "last-generated-id": bulk(writeId(stream.lastId)),
    "max-deleted-entry-id": bulk(writeId(stream.lastDeleted)),
    "entries-added": integer(stream.added),
    "recorded-first-entry-id": bulk(writeId(stream.first?.id ?? 0n)),
    groups: integer(stream.groups.size),
    "first-entry": stream.first === undefined ? NULL : entryReply(stream.first),
    "last-entry": stream.last === undefined ? NULL : entryReply(stream.last),
  });
}

export const STREAM_GROUP_COMMANDS: CommandTable = {
  XGROUP: [-2, group],
  XACK: [-4, acknowledge],
  XPENDING: [-3, pending],
  XINFO: [-2, info],
};
