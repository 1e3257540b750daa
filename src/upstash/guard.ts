import { ZstashError } from "../errors.ts";
import { findStoredBytesCommand, type CommandArguments } from "./commands.ts";
import type { Settings } from "./options.ts";

/** The commands that are refused, by their number. */
export function refusals(
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
