/** Says which commands a read-only token may run: those that read keys by name. */
import { isReadCommand } from "../rest/repeatable.ts";

/** They write nothing, but they list keys: a read-only token is for keys whose names its owner knows. */
const HIDDEN: ReadonlySet<string> = new Set(["KEYS", "SCAN"]);
/** Further reads, which clients do not repeat: subscriptions, MEMORY, JSON.RESP, and two with fixed replies. */
const ALSO_READS: ReadonlySet<string> = new Set(
  "SUBSCRIBE PSUBSCRIBE PUBSUB MEMORY JSON.RESP COMMAND SELECT".split(" "),
);

/**
 * The error for a read-only token that asks for a command, by its upper-case name; undefined if it may run it. A name
 * that is in no table is refused: a list of writes would let every write through that it lacks.
 */
export function refuseReadOnly(name: string): string | undefined {
  const allowed = (isReadCommand(name) && !HIDDEN.has(name)) || ALSO_READS.has(name);
  return allowed
    ? undefined
    : `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command`;
}
