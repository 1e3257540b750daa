/** What the commands of `zstash dict` share: the manager at a server, ids of the command line, and advice on errors. */
import { similarName } from "../../check.ts";
import { ID_MAX, ID_MIN } from "../../dictionaries/stored.ts";
import { ZstashError } from "../../errors.ts";
import type { DictionaryManager } from "../../life-cycle/index.ts";
import { Failure, isOn, UsageError } from "../command.ts";
import type { CliInput, OptionValues, Terminal } from "../command.ts";
import { withServer } from "../server.ts";
import type { ServerAddress } from "../server.ts";
import { wrap } from "../text.ts";

/** A command of the group, for messages. */
export interface DictUse {
  /** "list dictionaries" for "Cannot list dictionaries without a token". */
  readonly doing: string;
  /** "list" for "zstash dict list --help". */
  readonly command: string;
  readonly rights?: string | undefined;
}

/** Runs a command with the manager of its server. Errors say what to do next. */
export async function withManager(
  values: OptionValues,
  use: DictUse,
  terminal: Terminal,
  work: (manager: DictionaryManager, server: ServerAddress) => Promise<number>,
): Promise<number> {
  const command = `dict ${use.command}`;
  return withServer(values, { ...use, terminal, command }, async (server) => {
    // Imported on demand: help starts without it.
    const { createDictionaryManager } = await import("../../life-cycle/index.ts");
    const manager = createDictionaryManager(server);
    try {
      return await work(manager, server);
    } catch (error) {
      throw advised(error, use.doing);
    }
  });
}

/** The same error with what to do next, in the words of the command line. */
export function advised(error: unknown, doing: string): unknown {
  if (error instanceof RangeError)
    return new Failure(`Cannot ${doing}: ${error.message}. "zstash dict list" shows what there is`);
  if (!(error instanceof ZstashError)) return error;
  const { code, message } = error;
  if (code === "COMMAND_REFUSED" && message.endsWith(": set force")) {
    const way =
      "Set maxmemory-policy to noeviction or a volatile one, or add --allow-eviction and keep the file";
    return error.with({ message: `${message.slice(0, -": set force".length)}. ${way}` });
  }
  if (code === "VALUE_CHANGED" && message.includes("manifest")) {
    const done = message.replace(": look at it, and try again", ", and nothing of this was done");
    return error.with({ message: `${done}. "zstash dict list" shows what they did; then try again` });
  }
  if (code === "DICTIONARY_INVALID" && message.includes("magic number"))
    return error.with({
      message: `${message}. Raw content has none: "zstash train" without --raw makes one`,
    });
  return error;
}

/** Reads the first argument as an id; undefined if it is not one. */
export function readId(text: string): number | undefined {
  if (!/^[0-9]+$/.test(text)) return undefined;
  const id = Number(text);
  if (id >= ID_MIN && id <= ID_MAX) return id;
  throw new UsageError(`Cannot use the id ${text}: ids in Redis are numbers from ${ID_MIN} to ${ID_MAX}`);
}

/** Reads the id, which must be there. */
export function requireId(text: string, { command }: Pick<DictUse, "command">): number {
  const id = readId(text);
  if (id !== undefined) return id;
  const next = '"zstash dict list" lists the ids';
  throw new UsageError(`Cannot ${command} "${text}": the id of a dictionary is expected. ${next}`);
}

/** The name that was probably meant, or how to list all of them. */
export function meant(name: string, names: readonly string[]): string {
  const similar = similarName(name, names);
  return similar === undefined ? '"zstash dict list" shows what there is' : `Did you mean "${similar}"?`;
}

/** The first argument by position, which the parser has required. */
export const firstOf = ({ args }: CliInput): string => args[0] ?? "";

/** Prints the result of a command, as one line of JSON or as text that fits the terminal. */
export function printResult(
  terminal: Terminal,
  values: OptionValues,
  text: () => string,
  facts: object,
): number {
  const { columns } = terminal;
  if (isOn(values, "json")) terminal.print(JSON.stringify(facts));
  else terminal.print(columns === undefined ? text() : wrap(text(), columns));
  return 0;
}

export function countDictionaries(number: number): string {
  return number === 1 ? "1 dictionary" : `${number} dictionaries`;
}
