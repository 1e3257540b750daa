/** The `guard` option: tells the commands that it has to judge, which is done by a part that is loaded on demand. */
import { findOption, type CommandArguments } from "./commands.ts";

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
