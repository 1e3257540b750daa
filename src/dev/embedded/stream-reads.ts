/** XREAD and XREADGROUP, without BLOCK, which the rules of REST refuse. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, toText } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulk, ErrorReply, NULL_ARRAY } from "./replies.ts";
import type { Group } from "./stream-group.ts";
import { readId, writeId } from "./stream-ids.ts";
import { ID_MAX } from "./stream.ts";
import type { Stream, StreamEntry } from "./stream.ts";
import { entryReply, readStream } from "./streams.ts";

const ONLY_IN_GROUPS =
  "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.";
const NOT_IN_GROUPS =
  "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by " +
  "specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";

/** What a command asks for. */
interface Request {
  readonly count: number;
  readonly group: { readonly name: Uint8Array; readonly consumer: Uint8Array } | undefined;
  readonly noAck: boolean;
  /** The keys, then as many IDs. */
  readonly names: readonly Uint8Array[];
}

/** One stream to read. */
interface Source {
  readonly key: Uint8Array;
  readonly stream: Stream | undefined;
  readonly group: Group | undefined;
  /** Read after this ID; undefined for the entries that the group has not read. */
  readonly after: bigint | undefined;
}

function readRequest(args: Arguments, isGroup: boolean): Request {
  let count = Infinity;
  let group: Request["group"];
  let noAck = false;
  let index = 1;
  for (; !(args.option(index) === "STREAMS" && index + 1 < args.length); index++) {
    const option = args.option(index);
    const left = args.length - index - 1;
    if (option === "COUNT" && left >= 1) {
      count = args.number(++index);
      if (count <= 0) count = Infinity;
    } else if (option === "GROUP" && left >= 2) {
      if (!isGroup)
        throw new ErrorReply(
          "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
        );
      group = { name: args.bytes(index + 1), consumer: args.bytes(index + 2) };
      index += 2;
    } else if (option === "NOACK") {
      if (!isGroup)
        throw new ErrorReply(
          "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
        );
      noAck = true;
    } else throw args.syntaxError();
  }
  const names = args.from(index + 1);
  if (names.length % 2 === 1)
    throw new ErrorReply(
      "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
    );
  if (isGroup && group === undefined) throw new ErrorReply("ERR Missing GROUP option for XREADGROUP");
  return { count, group, noAck, names };
}

function readSource(keyspace: Keyspace, { names, group }: Request, at: number): Source {
  const key = names[at] ?? new Uint8Array(0);
  const text = toBinary(names[names.length / 2 + at] ?? new Uint8Array(0));
  const stream = readStream(keyspace, key);
  const found = group === undefined ? undefined : stream?.groups.get(group.name);
  if (group !== undefined && found === undefined)
    throw new ErrorReply(
      `NOGROUP No such key '${toText(key)}' or consumer group '${toText(group.name)}' in XREADGROUP with GROUP option`,
    );
  if (text === "$") {
    if (group !== undefined) throw new ErrorReply(NOT_IN_GROUPS);
    return { key, stream, group: found, after: stream?.lastId ?? 0n };
  }
  if (text === ">") {
    if (group === undefined) throw new ErrorReply(ONLY_IN_GROUPS);
    return { key, stream, group: found, after: undefined };
  }
  return { key, stream, group: found, after: readId(text, 0n) };
}

function read(keyspace: Keyspace, args: Arguments, isGroup: boolean): RespValue {
  const request = readRequest(args, isGroup);
  const sources = Array.from({ length: request.names.length / 2 }, (_, at) =>
    readSource(keyspace, request, at),
  );
  const found = sources.flatMap((source) => {
    const entries = entriesOf(keyspace, source, request);
    return entries === undefined ? [] : [array([bulk(source.key), array(entries)])];
  });
  return found.length === 0 ? NULL_ARRAY : array(found);
}

/** The entries of one stream; undefined if it has none to show. */
function entriesOf(keyspace: Keyspace, source: Source, request: Request): RespValue[] | undefined {
  const { stream, group, after } = source;
  if (stream === undefined) return undefined;
  if (group === undefined || request.group === undefined) {
    const entries = after === undefined ? [] : stream.range(after + 1n, ID_MAX, request.count);
    return entries.length === 0 ? undefined : entries.map(entryReply);
  }
  if (after === undefined && (stream.length === 0 || stream.lastId <= group.lastId)) return undefined;
  const consumer = group.see(request.group.consumer, keyspace.now);
  if (after !== undefined) {
    const ids = group.pendingIds(consumer).filter((id) => id > after);
    return ids.slice(0, request.count).map((id) => repeat(keyspace, stream, group, id));
  }
  const entries = stream.range(group.lastId + 1n, ID_MAX, request.count);
  for (const { id } of entries) {
    advance(stream, group, id);
    if (!request.noAck) group.deliver(id, { consumer, delivered: keyspace.now, count: 1 });
  }
  return entries.map(entryReply);
}

/** An entry that the consumer has received before; without fields if it was deleted since. */
function repeat(keyspace: Keyspace, stream: Stream, group: Group, id: bigint): RespValue {
  const entry: StreamEntry | undefined = stream.find(id);
  const pending = group.pending(id);
  if (entry === undefined || pending === undefined) return array([bulk(writeId(id)), NULL_ARRAY]);
  pending.delivered = keyspace.now;
  pending.count++;
  return entryReply(entry);
}

/** Notes that the group has read up to an entry. */
function advance(stream: Stream, group: Group, id: bigint): void {
  if (group.entriesRead !== undefined && !stream.hasGap(id)) group.entriesRead++;
  else group.entriesRead = stream.addedUpTo(id);
  group.lastId = id;
}

export const STREAM_READ_COMMANDS: CommandTable = {
  XREAD: [-4, (keyspace, args) => read(keyspace, args, false)],
  XREADGROUP: [-7, (keyspace, args) => read(keyspace, args, true)],
};
