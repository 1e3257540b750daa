/** Limits the size of string values, as Upstash's plans do, around any backend. */
import type { RespValue } from "../rest/resp.ts";
import { commandName } from "./backend.ts";
import type { Backend, CommandBytes } from "./backend.ts";
import { RECORD_TOO_LARGE } from "./embedded/replies.ts";
import { toText, utf8 } from "./text.ts";

const REFUSAL: RespValue = { kind: "error", text: RECORD_TOO_LARGE };

/** Only APPEND's result depends on the stored value, so its check and its write are one script. */
const APPEND_SCRIPT: string = [
  "local length = redis.pcall('STRLEN', KEYS[1])",
  "if type(length) == 'table' then return length end",
  `if length + #ARGV[1] > tonumber(ARGV[2]) then return redis.error_reply('${RECORD_TOO_LARGE}') end`,
  "return redis.call('APPEND', KEYS[1], ARGV[1])",
].join("\n");

/**
 * Wraps a backend so that it refuses every command that would make a string longer than `maxRecordSize` bytes. In a
 * transaction such a command prevents all of them from running, except APPEND, which fails alone. The embedded
 * keyspace checks APPEND itself. Writes inside scripts are not checked.
 */
export function limitRecords(backend: Backend, maxRecordSize: number): Backend {
  const limitText = utf8(`${maxRecordSize}`);
  const limited = (command: CommandBytes): CommandBytes => {
    const [, key, bytes] = command;
    if (backend.kind === "embedded" || commandName(command) !== "APPEND") return command;
    if (key === undefined || bytes === undefined || command.length !== 3) return command;
    return [utf8("EVAL"), utf8(APPEND_SCRIPT), utf8("1"), key, bytes, limitText];
  };
  return {
    ...backend,
    async execute(command) {
      return longestString(command) > maxRecordSize ? REFUSAL : backend.execute(limited(command));
    },
    async pipeline(commands, caller) {
      const isTooLong = commands.map((command) => longestString(command) > maxRecordSize);
      const sent = commands.filter((_, index) => isTooLong[index] === false);
      const replies = (await backend.pipeline(sent.map(limited), caller)).values();
      return isTooLong.map((refused) => (refused ? REFUSAL : (replies.next().value ?? REFUSAL)));
    },
    async transaction(commands, caller) {
      if (commands.some((command) => longestString(command) > maxRecordSize)) return REFUSAL;
      return backend.transaction(commands.map(limited), caller);
    },
  };
}

/** The bytes of the longest string that a command makes, as far as its arguments show it. */
function longestString(command: CommandBytes): number {
  const lengthAt = (index: number): number => command[index]?.length ?? 0;
  const integerAt = (index: number): number => Number(toText(command[index] ?? new Uint8Array(0)));
  switch (commandName(command)) {
    case "SET":
    case "SETNX":
    case "GETSET":
    case "APPEND":
      return lengthAt(2);
    case "SETEX":
    case "PSETEX":
      return lengthAt(3);
    case "MSET":
    case "MSETNX":
      return command.reduce(
        (most, bytes, index) => (index > 0 && index % 2 === 0 ? Math.max(most, bytes.length) : most),
        0,
      );
    case "SETRANGE":
      return lengthAt(3) === 0 ? 0 : integerAt(2) + lengthAt(3);
    case "SETBIT":
      return Math.floor(integerAt(2) / 8) + 1;
    default:
      return 0;
  }
}
