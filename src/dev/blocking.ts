/** Refuses commands that keep others waiting or change the server for all: found by parsing them as Redis does. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { READER_NAME } from "./redis/reader.ts";
import { notAvailable } from "./rest-rules.ts";
import { toText } from "./text.ts";

/** They wait, turn the connection that requests share into another kind, or hold the server. */
const HOLDING: ReadonlySet<string> = new Set(
  (
    "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF MONITOR CLIENT DEBUG SHUTDOWN QUIT " +
    "HELLO RESET AUTH MULTI EXEC DISCARD WATCH UNWATCH SUBSCRIBE PSUBSCRIBE SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE " +
    "SUNSUBSCRIBE SYNC PSYNC REPLCONF REPLICAOF SLAVEOF FAILOVER CLUSTER MIGRATE MODULE SAVE BGSAVE BGREWRITEAOF " +
    "READONLY READWRITE ASKING SWAPDB PFDEBUG PFSELFTEST LATENCY SLOWLOG"
  ).split(" "),
);

/** The arguments that follow an option of XREAD or XREADGROUP; those of newer servers too. */
const STREAM_OPTIONS: Readonly<Record<string, number>> = { COUNT: 1, GROUP: 2, NOACK: 0, CLAIM: 1 };

/** The only setting that Upstash has. */
const SETTING = "NOTIFY-KEYSPACE-EVENTS";

/** The error for a command that would harm other requests; undefined for any other command. */
export function refuseBlocking(command: CommandBytes): RespValue | undefined {
  const name = commandName(command);
  if (HOLDING.has(name)) return refuse(notAvailable(name));
  switch (name) {
    case "XREAD":
    case "XREADGROUP":
      return refuseWaiting(name, command);
    case "CONFIG": {
      const [, subcommand, setting] = command.map(word);
      const length = subcommand === "GET" ? 3 : subcommand === "SET" ? 4 : 0;
      if (command.length === length && setting === SETTING) return undefined;
      return refuse(notAvailable(`CONFIG ${subcommand ?? ""}`.trim()));
    }
    case "SCRIPT":
      // Of a debugger, which takes over the connection.
      return word(command[1]) === "DEBUG" ? refuse(notAvailable("SCRIPT DEBUG")) : undefined;
    case "ACL": {
      const [, subcommand] = command.map(word);
      const own = command
        .slice(2)
        .map(toText)
        .some((user) => user === "default" || user === READER_NAME);
      const isHarm = subcommand === "LOAD" || subcommand === "SAVE";
      const isOfUsers = subcommand === "SETUSER" || subcommand === "DELUSER";
      return isHarm || (isOfUsers && own) ? refuse(notAvailable(`ACL ${subcommand}`)) : undefined;
    }
    default:
      return undefined;
  }
}

/**
 * Options stand before STREAMS, each with its arguments: a group may be called "streams", and a key "BLOCK". What Redis
 * does not know it refuses with this error; refused here, an option of a newer Redis cannot hide a BLOCK behind it.
 */
function refuseWaiting(name: string, command: CommandBytes): RespValue | undefined {
  for (let at = 1; at < command.length; at++) {
    const option = word(command[at]);
    if (option === "STREAMS") return undefined;
    if (option === "BLOCK") return refuse(notAvailable(name));
    const following = STREAM_OPTIONS[option];
    if (following === undefined) return refuse("ERR syntax error");
    at += following;
  }
  return undefined;
}

/** A word as Redis compares it: without case, and up to the first NUL. */
function word(argument: Uint8Array | undefined): string {
  const bytes = argument ?? new Uint8Array(0);
  const end = bytes.indexOf(0);
  return toText(bytes.subarray(0, Math.min(32, end === -1 ? bytes.length : end))).toUpperCase();
}

function refuse(text: string): RespValue {
  return { kind: "error", text };
}
