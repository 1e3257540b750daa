import type { RespValue } from "../rest/resp.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { toText, utf8 } from "./text.ts";
import { RECORD_TOO_LARGE } from "./embedded/replies.ts";
import { commandName } from "./rest-rules.ts";

const REFUSAL: RespValue = { kind: "error", text: RECORD_TOO_LARGE };

/** APPEND is the one command whose result depends on what is there: the check and the write are one script. */
const APPEND_SCRIPT: Uint8Array = utf8(
  [
    "local length = redis.pcall('STRLEN', KEYS[1])",
    "if type(length) == 'table' then return length end",
    `if length + #ARGV[1] > tonumber(ARGV[2]) then return redis.error_reply('${RECORD_TOO_LARGE}') end`,
    "return redis.call('APPEND', KEYS[1], ARGV[1])",
  ].join("\n"),
);

/**
 * A backend in which no command makes a string longer than `limit` bytes: such a one is an error, alone and in a
 * pipeline, and discards a transaction. APPEND fails by itself in a transaction too; the embedded keyspace has its
 * own check for it. Scripts are not looked into.
 */
export function limitRecords(backend: Backend, limit: number): Backend {
  const limitText = utf8(`${limit}`);
  const limited = (command: CommandBytes): CommandBytes => {
    const [, key, bytes] = command;
    if (backend.kind === "embedded" || commandName(command) !== "APPEND") return command;
    if (key === undefined || bytes === undefined || command.length !== 3) return command;
    return [utf8("EVAL"), APPEND_SCRIPT, utf8("1"), key, bytes, limitText];
  };
  return {
    ...backend,
    async execute(command) {
      return longestString(command) > limit ? REFUSAL : backend.execute(limited(command));
    },
    async transaction(commands) {
      if (commands.some((command) => longestString(command) > limit)) return REFUSAL;
      return backend.transaction(commands.map(limited));
    },
  };
}

/** Bytes of the longest string that a command makes, as far as its arguments tell. */
function longestString(command: CommandBytes): number {
  const length = (index: number): number => command[index]?.length ?? 0;
  const number = (index: number): number => Number(toText(command[index] ?? new Uint8Array(0)));
  switch (commandName(command)) {
    case "SET":
    case "SETNX":
    case "GETSET":
    case "APPEND":
      return length(2);
    case "SETEX":
    case "PSETEX":
      return length(3);
    case "MSET":
    case "MSETNX":
      return command.reduce(
        (most, bytes, index) => (index > 0 && index % 2 === 0 ? Math.max(most, bytes.length) : most),
        0,
      );
    case "SETRANGE":
      return length(3) === 0 ? 0 : number(2) + length(3);
    case "SETBIT":
      return Math.floor(number(2) / 8) + 1;
    default:
      return 0;
  }
}
