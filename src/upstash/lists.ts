/** The policy's word on lists: whose elements are values, and which commands cannot be right there. */
import { askPolicy, type CompletePolicy } from "../value/policy.ts";
import type { CommandArguments, CommandRow } from "./commands.ts";
import type { CompressionMode, Settings } from "./settings.ts";

/** True if elements are compressed; "read-only" if they are only decoded; false if the list is not touched. */
export type ListMode = CompletePolicy["lists"];

/** Returns true if no policy opts a list in, so that nothing of a request has to be looked at. */
export function hasNoLists({ policy }: Pick<Settings, "policy">): boolean {
  return typeof policy !== "function" && policy.lists === false;
}

/** What the policy says of the list under a key. A function that fails opts none in. */
export function listMode({ policy }: Pick<Settings, "policy">, command: string, key: string): ListMode {
  if (typeof policy !== "function") return policy.lists;
  try {
    const chosen = askPolicy(policy, { command, key, size: Infinity, kind: "text", ttl: undefined });
    return chosen !== false && chosen.lists;
  } catch {
    return false;
  }
}

/** What is done with the values among a command's arguments: as `listMode` says, if they are elements. */
export function writeMode(
  command: CommandArguments,
  { name, row }: { readonly name: string; readonly row: CommandRow },
  settings: Pick<Settings, "policy">,
): ListMode {
  if (row.values?.elements !== true) return true;
  return !hasNoLists(settings) && listMode(settings, name, String(command[1]));
}

/** Commands that look for an element by its stored bytes. */
const comparing: ReadonlySet<string> = new Set(["LREM", "LPOS", "LINSERT"]);

/** Returns true for a command that would not find an element that is compressed. */
export function comparesElements(command: CommandArguments): boolean {
  return comparing.has(String(command[0]).toUpperCase());
}

/** Returns true if a request has a command that may not be run where lists are compressed. */
export function mayCompareElements(
  { commands, mode }: { readonly commands: readonly CommandArguments[]; readonly mode: CompressionMode },
  settings: Pick<Settings, "policy">,
): boolean {
  // Who is given stored texts may look for them.
  return !hasNoLists(settings) && mode !== "passthrough" && commands.some(comparesElements);
}
