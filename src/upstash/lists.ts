/** The policy's decisions about lists: whose elements are values, and which commands cannot work there. */
import { askPolicy, type CompletePolicy } from "../value/policy.ts";
import type { CommandArguments } from "./commands.ts";
import type { Settings } from "./settings.ts";

/**
 * The policy's decision about the list of a key: true if elements are compressed, "read-only" if they are only
 * decoded, false if the list is not touched. A function that fails opts no list in.
 */
export function listMode(
  { policy, carrier }: Pick<Settings, "policy" | "carrier">,
  command: string,
  key: string,
): CompletePolicy["lists"] {
  if (typeof policy !== "function") return policy.lists;
  try {
    const about = {
      command,
      key,
      size: Infinity,
      kind: "text",
      ttl: undefined,
      carrier,
      dictionary: undefined,
    } as const;
    const chosen = askPolicy(policy, about);
    return chosen !== false && chosen.lists;
  } catch {
    return false;
  }
}

/** Commands that look for an element by its stored bytes. */
const comparing: ReadonlySet<string> = new Set(["LREM", "LPOS", "LINSERT"]);

/** Returns true for a command that would not find a compressed element. */
export function comparesElements(command: CommandArguments): boolean {
  return comparing.has(String(command[0]).toUpperCase());
}
