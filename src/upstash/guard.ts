import { ZstashError } from "../errors.ts";
import { batchErrorText } from "./batch-error.ts";
import { findOption, type CommandArguments } from "./commands.ts";
import type { Settings } from "./options.ts";
import type { CommandReply, RequestKind } from "./sdk-request.ts";

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

/** What a command does to stored bytes, if it is one that `guard` is about. */
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
export async function guarded(
  commands: readonly CommandArguments[],
  kind: RequestKind,
  settings: Settings,
  handle: (allowed: readonly CommandArguments[]) => Promise<unknown>,
): Promise<unknown> {
  const refused = refusals(commands, settings);
  const [first] = refused.values();
  if (first === undefined) return handle(commands);
  if (kind !== "pipeline") throw first;
  const allowed = commands.filter((_, number) => !refused.has(number));
  const rest = allowed.length === 0 ? [] : await handle(allowed);
  if (!Array.isArray(rest)) return rest;
  const replies = (rest as readonly CommandReply[]).values();
  return commands.map((_, number) => {
    const error = refused.get(number);
    return error === undefined ? replies.next().value : { error: batchErrorText(error) };
  });
}

/** The commands that are refused, by their number. */
function refusals(
  commands: readonly CommandArguments[],
  settings: Settings,
): ReadonlyMap<number, ZstashError> {
  const refused = new Map<number, ZstashError>();
  for (const [number, command] of commands.entries()) {
    const error = refusal(command, settings);
    if (error !== undefined) refused.set(number, error);
  }
  return refused;
}

/**
 * Why a command is refused under `guard`: it works on stored bytes, and the policy compresses values of its key. A
 * policy function is asked with size Infinity, for the largest value there may be; one that fails compresses nothing.
 */
function refusal(command: CommandArguments, { policy }: Settings): ZstashError | undefined {
  const found = findStoredBytesCommand(command);
  if (found === undefined) return undefined;
  const { name, keys } = found;
  const compresses = (key: string): boolean => {
    if (typeof policy !== "function") return true;
    try {
      return policy({ command: name, key, size: Infinity, kind: "text", ttl: undefined }) !== false;
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
