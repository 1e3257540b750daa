/**
 * Upstash's rules about commands: which ones are refused or answered before they reach Redis, and how long keys may
 * be.
 */
import { sameBytes } from "../bytes.ts";
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { COMMANDS } from "./commands.ts";
import { refuseReadOnly } from "./read-only.ts";
import { toText } from "./text.ts";

const EMPTY = new Uint8Array(0);

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

/** Commands of Upstash that never reach a backend: they have a fixed reply, or would block the shared connection. */
const LOCAL: ReadonlySet<string> = new Set(["COMMAND", "SELECT", "WAIT", "WAITAOF"]);

/** The supported subcommands of commands of which Upstash does not have all. */
const SUBCOMMANDS: Readonly<Record<string, readonly string[]>> = {
  CONFIG: ["GET", "SET"],
  // SCRIPT DEBUG would put the shared connection into a debugging session.
  SCRIPT: ["LOAD", "EXISTS", "FLUSH", "KILL"],
  FUNCTION: ["LOAD", "LIST", "DELETE", "FLUSH", "STATS", "KILL"],
  MEMORY: ["USAGE"],
  ACL: "CAT DELUSER GENPASS GENTOKEN GETUSER LIST LOAD LOG RESTTOKEN SAVE SETUSER USERS WHOAMI".split(" "),
};

/**
 * The subcommands of ACL that concern no user. The others would change or show the users of the Redis behind this
 * server.
 */
const ACL_WITHOUT_USERS: readonly string[] = ["CAT", "GENPASS", "WHOAMI"];

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

/** Commands with keys at other positions than index 1, where all others have their only key. */
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
  if (!(COMMANDS.has(name) || LOCAL.has(name)) || (options.noScripts && SCRIPTING.has(name)))
    return refuse(notAvailable(name));
  const forbidden = options.readOnly ? refuseReadOnly(name) : undefined;
  if (forbidden !== undefined) return refuse(forbidden);
  const argument = toText(command[1] ?? EMPTY);
  const subcommands = SUBCOMMANDS[name];
  const subcommand = argument.toUpperCase();
  if (subcommands !== undefined && !subcommands.includes(subcommand))
    return refuse(notAvailable(`${name} ${subcommand}`.trim()));
  switch (name) {
    case "COMMAND":
      return { kind: "array", items: [] };
    case "SELECT":
      if (command.length !== 2) return refuse("ERR wrong number of arguments for 'select' command");
      if (argument === "0") return { kind: "status", text: "OK" };
      return refuse(`ERR Only 0th database is supported! Selected DB: ${argument}`);
    // There are no replicas to wait for.
    case "WAIT":
      return { kind: "integer", value: 0 };
    case "WAITAOF":
      return { kind: "array", items: [0, 0].map((value) => ({ kind: "integer", value })) };
    // Redis has an error for this case, Upstash does not.
    case "COPY":
      if (namesDatabase(command)) return refuse("ERR DB index is out of range");
      if (command.length !== 3 || !sameBytes(command[1] ?? EMPTY, command[2] ?? EMPTY)) break;
      return { kind: "integer", value: 0 };
    case "CONFIG":
      if (isAboutEvents(command)) break;
      return refuse(notAvailable(`CONFIG ${subcommand}`));
    case "ACL":
      if (ACL_WITHOUT_USERS.includes(subcommand)) break;
      return refuse(`ERR this server has no ACL ${subcommand}: its tokens are given when it starts`);
  }
  const size = largestKey(name, command);
  if (size > MAX_KEY_SIZE)
    return refuse(`ERR max key size exceeded. Limit: ${MAX_KEY_SIZE} bytes, Actual: ${size} bytes`);
  return undefined;
}

/** Returns true if COPY names a database other than the existing one. */
function namesDatabase(command: CommandBytes): boolean {
  const at = command.findIndex((word, index) => index > 2 && toText(word).toUpperCase() === "DB");
  return at > 0 && command[at + 1] !== undefined && toText(command[at + 1]!) !== "0";
}

/** Returns true if CONFIG GET or CONFIG SET names only notify-keyspace-events. */
function isAboutEvents(command: CommandBytes): boolean {
  const length = commandName(command.slice(1)) === "SET" ? 4 : 3;
  return command.length === length && commandName(command.slice(2)) === "NOTIFY-KEYSPACE-EVENTS";
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
