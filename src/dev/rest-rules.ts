/** Upstash's rules about commands: which are refused or answered before they reach Redis, and how long keys may be. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { refuseReadOnly } from "./read-only.ts";
import { toText } from "./text.ts";

/** The most bytes of a key at Upstash, on every plan. */
const MAX_KEY_SIZE = 32_768;

const COMPATIBILITY = "https://upstash.com/docs/redis/overall/rediscompatibility";

/** Commands about a connection, which requests do not have, and commands with an endpoint of their own. */
const NOT_IN_REST: ReadonlySet<string> = new Set(
  (
    "AUTH MULTI EXEC DISCARD WATCH UNWATCH HELLO RESET SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE " +
    "CLIENT MONITOR"
  ).split(" "),
);

/**
 * Commands that block, end, replicate or reconfigure a server. Upstash does not have them, and here they would harm the
 * connection that all requests share.
 */
const NOT_AVAILABLE: ReadonlySet<string> = new Set(
  (
    "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF QUIT SHUTDOWN DEBUG SYNC PSYNC REPLCONF " +
    "REPLICAOF SLAVEOF FAILOVER CLUSTER ASKING READONLY READWRITE SSUBSCRIBE SUNSUBSCRIBE SPUBLISH MIGRATE MODULE " +
    "SAVE BGSAVE BGREWRITEAOF LASTSAVE SWAPDB MOVE OBJECT LATENCY SLOWLOG LOLWUT ROLE PFDEBUG PFSELFTEST"
  ).split(" "),
);

const SCRIPTING: ReadonlySet<string> = new Set(
  "EVAL EVALSHA EVAL_RO EVALSHA_RO SCRIPT FCALL FCALL_RO FUNCTION".split(" "),
);

/** The indexes of a command's keys as in COMMAND INFO: the first, the last (negative from the end) and the step. */
type KeyPositions = readonly [first: number, last: number, step: number];

/** Commands without keys, or with keys at positions that depend on other arguments. Their keys are not measured. */
const NO_KEYS: ReadonlySet<string> = new Set(
  (
    "PING ECHO INFO TIME DBSIZE FLUSHDB FLUSHALL KEYS SCAN RANDOMKEY PUBLISH PUBSUB ACL SCRIPT FUNCTION " +
    "MEMORY EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO XREAD XREADGROUP XINFO XGROUP ZUNION ZINTER " +
    "ZDIFF SINTERCARD ZINTERCARD LMPOP ZMPOP"
  ).split(" "),
);

/** Commands with more keys than the one at index 1, which is where all others have it. */
const KEY_POSITIONS: Readonly<Record<string, KeyPositions>> = {
  ...Object.fromEntries(
    "DEL UNLINK EXISTS TOUCH MGET SINTER SUNION SDIFF SINTERSTORE SUNIONSTORE SDIFFSTORE PFCOUNT PFMERGE"
      .split(" ")
      .map((name): [string, KeyPositions] => [name, [1, -1, 1]]),
  ),
  ...Object.fromEntries(
    "RENAME RENAMENX COPY LMOVE RPOPLPUSH SMOVE LCS"
      .split(" ")
      .map((name): [string, KeyPositions] => [name, [1, 2, 1]]),
  ),
  MSET: [1, -1, 2],
  MSETNX: [1, -1, 2],
  BITOP: [2, -1, 1],
};

/** Upstash's error text for a command that the server does not have. */
export function notAvailable(name: string): string {
  return `ERR Command is not available: '${name}'. See ${COMPATIBILITY} for details`;
}

/** The reply to a command that is refused or has a fixed reply; undefined for a command that goes to the backend. */
export function answerLocally(
  command: CommandBytes,
  options: { readonly noScripts: boolean; readonly readOnly: boolean },
): RespValue | undefined {
  const name = commandName(command);
  const refuse = (text: string): RespValue => ({ kind: "error", text });
  if (NOT_IN_REST.has(name))
    return refuse(`ERR Command "${name}" is not allowed in REST or it has a special context path`);
  if (NOT_AVAILABLE.has(name) || (options.noScripts && SCRIPTING.has(name)))
    return refuse(notAvailable(name));
  const forbidden = options.readOnly ? refuseReadOnly(name) : undefined;
  if (forbidden !== undefined) return refuse(forbidden);
  const argument = toText(command[1] ?? new Uint8Array(0));
  switch (name) {
    case "COMMAND":
      return { kind: "array", items: [] };
    case "SELECT":
      if (command.length !== 2) return refuse("ERR wrong number of arguments for 'select' command");
      if (argument === "0") return { kind: "status", text: "OK" };
      return refuse(`ERR Only 0th database is supported! Selected DB: ${argument}`);
    case "CONFIG":
      if (toText(command[2] ?? new Uint8Array(0)).toLowerCase() === "notify-keyspace-events") break;
      return refuse(notAvailable(`CONFIG ${argument.toUpperCase()}`.trim()));
    // SCRIPT DEBUG would turn the shared connection into a debugger's.
    case "SCRIPT":
      if (["LOAD", "EXISTS", "FLUSH", "KILL"].includes(argument.toUpperCase())) break;
      return refuse(notAvailable(`SCRIPT ${argument.toUpperCase()}`.trim()));
    case "MEMORY":
      if (argument.toUpperCase() === "USAGE") break;
      return refuse(notAvailable(`MEMORY ${argument.toUpperCase()}`.trim()));
  }
  const size = largestKey(name, command);
  if (size > MAX_KEY_SIZE)
    return refuse(`ERR max key size exceeded. Limit: ${MAX_KEY_SIZE} bytes, Actual: ${size} bytes`);
  return undefined;
}

/** The bytes of the longest key. */
function largestKey(name: string, command: CommandBytes): number {
  if (NO_KEYS.has(name)) return 0;
  const [first, last, step] = KEY_POSITIONS[name] ?? [1, 1, 1];
  const end = last < 0 ? command.length + last : last;
  let largest = 0;
  for (let index = first; index <= end; index += step)
    largest = Math.max(largest, command[index]?.length ?? 0);
  return largest;
}
