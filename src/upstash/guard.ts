/** The `guard` option: finds the commands that it has to judge, and keeps those that it refuses from being sent. */
import { ZstashError } from "../errors.ts";
import { batchErrorText } from "./batch-error.ts";
import { findOption, type CommandArguments } from "./commands.ts";
import type { CommandReply, RequestCommands } from "./plan.ts";

/** Commands that work on stored bytes, and those that run a script. */
const guarded: ReadonlySet<string> = new Set(
  (
    "APPEND SETRANGE GETRANGE SUBSTR STRLEN HSTRLEN SETBIT GETBIT BITCOUNT BITFIELD BITFIELD_RO BITPOS DELEX DIGEST " +
    "BITOP LCS EVAL EVAL_RO EVALSHA EVALSHA_RO FCALL FCALL_RO"
  ).split(" "),
);
/** Options with which SET compares what is stored. */
const comparing: readonly string[] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/** Returns true for a command that is allowed on some keys alone: it works on stored bytes, or may. */
export function isGuarded(command: CommandArguments): boolean {
  const name = String(command[0]).toUpperCase();
  return (
    guarded.has(name) || (name === "SET" && comparing.some((option) => findOption(command, option, 3) >= 0))
  );
}

/** The error of a guarded command that is not allowed; undefined for one that is. */
export type Judge = (command: CommandArguments) => ZstashError | undefined;

/** Judges where the half that knows keys and scripts is missing: what it cannot allow is refused. */
export function refuseUnjudged(command: CommandArguments): ZstashError {
  const name = String(command[0]).toUpperCase();
  return new ZstashError("COMMAND_REFUSED", `Cannot run ${name}: the module that judges it did not load`);
}

/**
 * Handles the commands that are not refused. Those that are fail by themselves in a pipeline; alone, or in a
 * transaction, nothing is sent.
 *
 * @throws {ZstashError} COMMAND_REFUSED
 */
export async function guardCommands(
  { commands, kind }: RequestCommands,
  judge: Judge,
  handle: (allowed: readonly CommandArguments[]) => Promise<unknown>,
): Promise<unknown> {
  const errors = commands.map((command) => (isGuarded(command) ? judge(command) : undefined));
  const first = errors.find((error) => error !== undefined);
  if (first === undefined) return handle(commands);
  if (kind !== "pipeline") throw first;
  const allowed = commands.filter((_, index) => errors[index] === undefined);
  const rest = allowed.length === 0 ? [] : await handle(allowed);
  if (!Array.isArray(rest)) return rest;
  const replies = (rest as readonly CommandReply[]).values();
  return errors.map((error) =>
    error === undefined ? replies.next().value : { error: batchErrorText(error) },
  );
}
