/** Says which commands a read-only token may run: those that read keys by name. */
import { isReadCommand } from "../rest/repeatable.ts";
import type { RespValue } from "../rest/resp.ts";
import { SCRIPTS } from "./backend.ts";

/** Commands that write nothing but list keys: a read-only token is for keys whose names its owner knows. */
const HIDDEN: ReadonlySet<string> = new Set(["KEYS", "SCAN", "RANDOMKEY"]);
/** Further reads, which clients do not repeat: subscriptions, MEMORY, JSON.RESP, and two with fixed replies. */
const ALSO_READS: ReadonlySet<string> = new Set(
  "SUBSCRIBE PSUBSCRIBE PUBSUB MEMORY JSON.RESP COMMAND SELECT".split(" "),
);
/** Scripts, which the backend restricts to reading if it can, and the forms without STORE and SET of other commands. */
const READ_FORMS: ReadonlySet<string> = new Set(
  "EVAL_RO EVALSHA_RO FCALL_RO SORT_RO BITFIELD_RO GEORADIUS_RO GEORADIUSBYMEMBER_RO".split(" "),
);

/**
 * The error for a command that a read-only token may not run, by its upper-case name; undefined if it may. A name
 * that is in no table is refused: a list of writes would allow every write that it lacks.
 */
export function refuseReadOnly(name: string): string | undefined {
  const isRead = name.endsWith("_RO") ? READ_FORMS.has(name) : isReadCommand(name) && !HIDDEN.has(name);
  return isRead || ALSO_READS.has(name) ? undefined : noPermission(name);
}

/**
 * The error for a script of a read-only token if the backend cannot restrict it: even a script that only reads may
 * list all keys. Undefined for other commands.
 */
export function refuseReadScript(name: string): RespValue | undefined {
  return SCRIPTS.has(name) ? { kind: "error", text: noPermission(name) } : undefined;
}

function noPermission(name: string): string {
  return `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command`;
}
