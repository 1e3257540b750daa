/** A stream as the commands that restore it, including its groups and their pending entries. */
import type { CommandBytes } from "../backend.ts";
import { fromBinary, utf8 } from "../text.ts";
import { writeId } from "./stream-ids.ts";
import type { Group } from "./stream-group.ts";
import { ID_MAX, type Stream } from "./stream.ts";

const command = (...words: readonly (string | Uint8Array)[]): CommandBytes =>
  words.map((word) => (typeof word === "string" ? fromBinary(word) : word));

/** The commands. If a pending entry was deleted, its group loses it: XCLAIM needs the entry itself. */
export function* writeStream(key: Uint8Array, stream: Stream): Generator<CommandBytes> {
  // A stream without entries can be made only with a group.
  const isEmpty = stream.length === 0;
  const name = utf8("zstash");
  if (isEmpty) yield command("XGROUP", "CREATE", key, name, "0", "MKSTREAM");
  for (const { id, fields } of stream.range(0n, ID_MAX, Infinity))
    yield command("XADD", key, writeId(id), ...fields);
  const { lastId, added, lastDeleted } = stream;
  const facts = ["ENTRIESADDED", `${added}`, "MAXDELETEDID", writeId(lastDeleted)] as const;
  yield command("XSETID", key, writeId(lastId), ...facts);
  if (isEmpty) yield command("XGROUP", "DESTROY", key, name);
  for (const [groupName, group] of stream.groups.entries()) yield* writeGroup(key, groupName, group);
}

function* writeGroup(key: Uint8Array, name: Uint8Array, group: Group): Generator<CommandBytes> {
  const read = `${group.entriesRead ?? -1}`;
  yield command("XGROUP", "CREATE", key, name, writeId(group.lastId), "ENTRIESREAD", read);
  for (const consumer of group.consumers) yield command("XGROUP", "CREATECONSUMER", key, name, consumer.name);
  for (const id of group.pendingIds()) {
    const pending = group.pending(id);
    if (pending === undefined) continue;
    const { consumer, delivered, count } = pending;
    const facts = ["TIME", `${delivered}`, "RETRYCOUNT", `${count}`, "FORCE", "JUSTID"] as const;
    yield command("XCLAIM", key, name, consumer.name, "0", writeId(id), ...facts);
  }
}
