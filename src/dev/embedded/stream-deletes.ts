/** XDELEX and XACKDEL as in Redis 8.2: they delete entries with regard to the groups that wait for them. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary } from "../text.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, ErrorReply, integer } from "./replies.ts";
import { readId } from "./stream-ids.ts";
import type { Stream } from "./stream.ts";
import { readStream } from "./streams.ts";

/**
 * Keep the entries in the groups; remove them from the groups too; or delete only those that no group needs any more.
 */
const POLICIES: readonly string[] = ["KEEPREF", "DELREF", "ACKED"];

const NOT_FOUND = -1;
const DELETED = 1;
const STILL_NEEDED = 2;

/** Reads `[KEEPREF | DELREF | ACKED] IDS numids id …` from an index on. */
function readDeletion(
  args: Arguments,
  from: number,
): { readonly policy: string; readonly ids: readonly bigint[] } {
  let policy = "KEEPREF";
  let index = from;
  for (; args.option(index) !== "IDS"; index++) {
    if (!POLICIES.includes(args.option(index))) throw args.syntaxError();
    policy = args.option(index);
  }
  const count = args.number(index + 1, "ERR Number of IDs must be a positive integer");
  if (count < 1) throw new ErrorReply("ERR Number of IDs must be a positive integer");
  if (count !== args.length - index - 2)
    throw new ErrorReply("ERR The `numids` parameter must match the number of arguments");
  return { policy, ids: args.from(index + 2).map((id) => readId(toBinary(id), 0n)) };
}

/** Returns true if a group has not read an entry, or a consumer has not acknowledged it. */
function isNeeded(stream: Stream, id: bigint): boolean {
  return [...stream.groups.values()].some((group) => group.lastId < id || group.pending(id) !== undefined);
}

function remove(stream: Stream, id: bigint, policy: string): number {
  if (stream.find(id) === undefined) return NOT_FOUND;
  if (policy === "ACKED" && isNeeded(stream, id)) return STILL_NEEDED;
  stream.delete(id);
  if (policy === "DELREF") for (const group of stream.groups.values()) group.acknowledge(id);
  return DELETED;
}

function deleteEntries(keyspace: Keyspace, args: Arguments): RespValue {
  const { policy, ids } = readDeletion(args, 2);
  const stream = readStream(keyspace, args.bytes(1));
  return array(ids.map((id) => integer(stream === undefined ? NOT_FOUND : remove(stream, id, policy))));
}

function acknowledgeAndDelete(keyspace: Keyspace, args: Arguments): RespValue {
  const { policy, ids } = readDeletion(args, 3);
  const stream = readStream(keyspace, args.bytes(1));
  const group = stream?.groups.get(args.bytes(2));
  return array(
    ids.map((id) => {
      if (stream === undefined || group === undefined || !group.acknowledge(id)) return integer(NOT_FOUND);
      // An entry that was deleted before is acknowledged now, and counts as gone.
      const deleted = remove(stream, id, policy);
      return integer(deleted === NOT_FOUND ? DELETED : deleted);
    }),
  );
}

export const STREAM_DELETE_COMMANDS: CommandTable = {
  XDELEX: [-5, deleteEntries],
  XACKDEL: [-6, acknowledgeAndDelete],
};
