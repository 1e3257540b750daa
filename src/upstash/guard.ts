/** The `guard` option: commands that work on stored bytes are refused on keys that the policy compresses. */
import { ZstashError } from "../errors.ts";
import { askPolicy } from "../value/policy.ts";
import { batchErrorText } from "./batch-error.ts";
import { findOption, type CommandArguments } from "./commands.ts";
import type { CommandReply, RequestCommands } from "./plan.ts";
import type { Settings } from "./settings.ts";

/**
 * Commands that work on stored bytes, with the arguments that are keys: `[first, last]`, the last counted from the end
 * where it is negative. On a compressed value they answer or change something else than on the value itself.
 */
const onStoredBytes: Readonly<Record<string, readonly [first: number, last: number]>> = {
  ...Object.fromEntries(
    "APPEND SETRANGE GETRANGE SUBSTR STRLEN HSTRLEN SETBIT GETBIT BITCOUNT BITFIELD BITFIELD_RO BITPOS DELEX DIGEST"
      .split(" ")
      .map((name): [string, readonly [number, number]] => [name, [1, 1]]),
  ),
  BITOP: [3, -1],
  LCS: [1, 2],
};
/** Options with which SET compares what is stored. */
const comparing: readonly string[] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/** A command that works on stored bytes, and the keys it reads. */
interface StoredBytesCommand {
  readonly name: string;
  readonly keys: readonly string[];
}

/** The command's name and keys if it works on stored bytes; undefined for any other. */
function findStoredBytesCommand(command: CommandArguments): StoredBytesCommand | undefined {
  const name = String(command[0]).toUpperCase();
  const compares = name === "SET" && comparing.some((option) => findOption(command, option, 3) >= 0);
  const keys = compares ? ([1, 1] as const) : onStoredBytes[name];
  if (keys === undefined) return undefined;
  const [first, last] = keys;
  return { name, keys: command.slice(first, last < 0 ? undefined : last + 1).map(String) };
}

/**
 * Handles the commands that are not refused. Those that are fail by themselves in a pipeline; alone, or in a
 * transaction, nothing is sent.
 *
 * @throws {ZstashError} COMMAND_REFUSED
 */
export async function guardCommands(
  { commands, kind }: RequestCommands,
  settings: Settings,
  handle: (allowed: readonly CommandArguments[]) => Promise<unknown>,
): Promise<unknown> {
  const refused = refusals(commands, settings);
  const [refusedFirst] = refused.values();
  if (refusedFirst === undefined) return handle(commands);
  if (kind !== "pipeline") throw refusedFirst;
  const allowed = commands.filter((_, index) => !refused.has(index));
  const rest = allowed.length === 0 ? [] : await handle(allowed);
  if (!Array.isArray(rest)) return rest;
  const replies = (rest as readonly CommandReply[]).values();
  return commands.map((_, index) => {
    const error = refused.get(index);
    return error === undefined ? replies.next().value : { error: batchErrorText(error) };
  });
}

/** The errors of the commands that are refused, by their index. */
function refusals(
  commands: readonly CommandArguments[],
  settings: Settings,
): ReadonlyMap<number, ZstashError> {
  const refused = new Map<number, ZstashError>();
  for (const [index, command] of commands.entries()) {
    const error = refusal(command, settings);
    if (error !== undefined) refused.set(index, error);
  }
  return refused;
}

/**
 * The error of a command that works on stored bytes, if the policy compresses values of its key; undefined if the
 * command is allowed. A policy function is asked with size Infinity, for the largest value there may be; one that fails
 * compresses nothing.
 */
function refusal(command: CommandArguments, { policy }: Settings): ZstashError | undefined {
  const found = findStoredBytesCommand(command);
  if (found === undefined) return undefined;
  const { name, keys } = found;
  const compresses = (key: string): boolean => {
    if (typeof policy !== "function") return true;
    try {
      return (
        askPolicy(policy, { command: name, key, size: Infinity, kind: "text", ttl: undefined }) !== false
      );
    } catch {
      return false;
    }
  };
  const key = keys.find(compresses);
  if (key === undefined) return undefined;
  return new ZstashError(
    "COMMAND_REFUSED",
    `Cannot run ${name} on ${JSON.stringify(key)}: it works on stored bytes, and the policy compresses this key; ` +
      "let the policy say false for it, or turn guard off",
    { key },
  );
}
