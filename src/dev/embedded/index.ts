/**
 * The backend that runs commands in this process: it looks up a command in the tables, runs it and returns its reply.
 */
import type { RespValue } from "../../rest/resp.ts";
import type { Backend, CommandBytes } from "../backend.ts";
import { COMMANDS as ALL_COMMANDS, lacksEmbedded } from "../commands.ts";
import { fromBinary, toBinary, toText } from "../text.ts";
import { BIT_FIELD_COMMANDS } from "./bit-fields.ts";
import { BIT_COMMANDS } from "./bits.ts";
import { Arguments, MAX_ECHO, printable } from "./command.ts";
import type { Command, CommandTable } from "./command.ts";
import { EXPIRY_COMMANDS } from "./expiry.ts";
import { FIELD_EXPIRY_COMMANDS } from "./field-expiry.ts";
import { GENERIC_COMMANDS } from "./generic.ts";
import { GEO_SEARCH_COMMANDS } from "./geo-search.ts";
import { GEO_COMMANDS } from "./geo.ts";
import { HASH_COMMANDS } from "./hashes.ts";
import { HYPERLOGLOG_COMMANDS } from "./hyperloglog.ts";
import { Keyspace } from "./keyspace.ts";
import type { KeyspaceOptions } from "./keyspace.ts";
import { LIST_COMMANDS } from "./lists.ts";
import { PUBSUB_COMMANDS } from "./pubsub.ts";
import { array, error, ErrorReply } from "./replies.ts";
import { SET_COMMANDS } from "./sets.ts";
import { writeKeyspace } from "./snapshot.ts";
import { SORTED_SET_COMMANDS } from "./sorted-sets.ts";
import { STREAM_CLAIM_COMMANDS } from "./stream-claims.ts";
import { STREAM_DELETE_COMMANDS } from "./stream-deletes.ts";
import { STREAM_GROUP_COMMANDS } from "./stream-groups.ts";
import { STREAM_READ_COMMANDS } from "./stream-reads.ts";
import { STREAM_COMMANDS } from "./streams.ts";
import { STRING_COMMANDS } from "./strings.ts";
import { SORTED_SET_COMBINATION_COMMANDS } from "./zset-combinations.ts";
import { SORTED_SET_RANGE_COMMANDS } from "./zset-range-commands.ts";

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  [
    STRING_COMMANDS,
    BIT_COMMANDS,
    BIT_FIELD_COMMANDS,
    HASH_COMMANDS,
    FIELD_EXPIRY_COMMANDS,
    LIST_COMMANDS,
    SET_COMMANDS,
    SORTED_SET_COMMANDS,
    SORTED_SET_RANGE_COMMANDS,
    SORTED_SET_COMBINATION_COMMANDS,
    GEO_COMMANDS,
    GEO_SEARCH_COMMANDS,
    HYPERLOGLOG_COMMANDS,
    STREAM_COMMANDS,
    STREAM_READ_COMMANDS,
    STREAM_GROUP_COMMANDS,
    STREAM_CLAIM_COMMANDS,
    STREAM_DELETE_COMMANDS,
    GENERIC_COMMANDS,
    EXPIRY_COMMANDS,
    PUBSUB_COMMANDS,
  ].flatMap((table: CommandTable) => Object.entries(table)),
);

/** Looks up the command and checks the number of its arguments, as Redis does before it runs or queues anything. */
function lookUp(command: CommandBytes): { readonly run: Command[1]; readonly args: Arguments } {
  const args = new Arguments(command);
  const found = COMMANDS.get(args.name.toUpperCase());
  if (found === undefined) throw new ErrorReply(unknownCommand(command));
  const [arity, run] = found;
  if (arity < 0 ? args.length < -arity : args.length !== arity) throw args.wrongNumber();
  return { run, args };
}

function unknownCommand(command: CommandBytes): string {
  const [name = "", ...rest] = command.map(toBinary);
  const lacked = ALL_COMMANDS.get(name.toUpperCase());
  if (lacked !== undefined) return lacksEmbedded(name.toUpperCase(), lacked.since);
  let echo = "";
  for (const arg of rest) if (echo.length < MAX_ECHO) echo += `'${printable(arg, MAX_ECHO - echo.length)}' `;
  const text = `ERR unknown command '${printable(name, MAX_ECHO)}', with args beginning with: ${echo}`;
  return toText(fromBinary(text));
}

/** A backend that can list the commands that restore its keyspace. */
export interface EmbeddedBackend extends Backend {
  /** The commands that restore the keyspace of this moment from an empty one. */
  snapshot(this: void): CommandBytes[];
}

/** A Redis in this process: byte-exact keys and values, Redis' replies and error texts, no Lua, no persistence. */
export function createEmbeddedBackend(options: KeyspaceOptions = {}): EmbeddedBackend {
  const keyspace = new Keyspace(options);
  const execute = (command: CommandBytes): RespValue => {
    try {
      const { run, args } = lookUp(command);
      return run(keyspace, args);
    } catch (thrown) {
      if (thrown instanceof ErrorReply) return error(thrown.message);
      throw thrown;
    }
  };
  return {
    kind: "embedded",
    description: "embedded keyspace, in memory, no Lua",
    restrictsScripts: false,
    execute: async (command) => execute(command),
    pipeline: async (commands) => commands.map(execute),
    transaction: async (commands) => {
      try {
        commands.forEach(lookUp);
      } catch (thrown) {
        if (!(thrown instanceof ErrorReply)) throw thrown;
        return error("EXECABORT Transaction discarded because of previous errors.");
      }
      return array(commands.map(execute));
    },
    feed: async (command) => subscribe(keyspace, command),
    snapshot: () => writeKeyspace(keyspace),
    close: async () => {
      keyspace.channels.close();
      keyspace.clear();
    },
  };
}

function subscribe(keyspace: Keyspace, command: CommandBytes): ReadableStream<RespValue> {
  const args = new Arguments(command);
  const isPattern = args.name === "psubscribe";
  if ((isPattern || args.name === "subscribe") && args.length > 1)
    return keyspace.channels.subscribe(args.from(1), isPattern);
  const text =
    args.name === "monitor"
      ? lacksEmbedded("MONITOR", "6.2")
      : args.length > 1
        ? unknownCommand(command)
        : args.wrongNumber().message;
  return new ReadableStream<RespValue>({
    start(controller) {
      controller.enqueue(error(text));
      controller.close();
    },
  });
}
