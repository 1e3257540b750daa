/** The `guard` option: finds the commands to check; the check itself is in a part that is loaded on demand. */
import { findOption, type CommandArguments } from "./commands.ts";

/** Commands that work on stored bytes, and those that run a script. */
const guarded: ReadonlySet<string> = new Set(
  (
    "APPEND SETRANGE GETRANGE SUBSTR STRLEN HSTRLEN SETBIT GETBIT BITCOUNT BITFIELD BITFIELD_RO BITPOS DELEX DIGEST " +
    "BITOP LCS EVAL EVAL_RO EVALSHA EVALSHA_RO FCALL FCALL_RO"
  ).split(" "),
);
/** Options with which SET compares the stored value. */
const comparing: readonly string[] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/** Returns true for a command that works on stored bytes, or may, and is therefore allowed only on some keys. */
export function isGuarded(command: CommandArguments): boolean {
  const name = String(command[0]).toUpperCase();
  return (
    guarded.has(name) || (name === "SET" && comparing.some((option) => findOption(command, option, 3) >= 0))
  );
}
