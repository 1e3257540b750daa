/** `dictionaries: "auto"` for a request: which keys need a dictionary, how it is fetched, and the kill switch. */
import type { SendCommands } from "../../dictionaries/fetch.ts";
import { dictionariesAt, type Caller, type RedisDictionaries } from "../../dictionaries/in-redis.ts";
import type { DictionarySource } from "../../value/dictionaries.ts";
import { findCommand, keyOfArgument, valuePositions, type CommandArguments } from "../commands.ts";
import { listMode } from "../lists.ts";
import { compressedMark } from "../mark.ts";
import type { CommandReply, RequestCommands, SdkRequest, SendRequest, Transport } from "../plan.ts";
import type { Settings } from "../settings.ts";

/** A request on its way, and how commands of its own are sent, which end with it. */
export interface Route {
  readonly request: SdkRequest;
  readonly next: SendRequest;
  readonly transport: Transport | undefined;
  readonly settings: Settings;
}

/**
 * Returns true if the writes of a request have nothing to wait for. Then an old manifest is refreshed without
 * waiting.
 */
export function hasDictionaries({ commands, mode }: RequestCommands, route: Route): boolean {
  const keys = mode === "read-only" ? [] : writtenKeys(commands, route.settings);
  if (keys.length === 0) return true;
  const known = knownTo(route);
  if (!known.isReady(keys)) return false;
  known.refreshIfOld(() => callerOf(route));
  return true;
}

/** Fetches the dictionaries of the keys that are written, within the time that a write waits. Never rejects. */
export async function bringDictionaries({ commands, mode }: RequestCommands, route: Route): Promise<void> {
  const keys = mode === "read-only" ? [] : writtenKeys(commands, route.settings);
  if (keys.length > 0) await knownTo(route).prepare(keys, callerOf(route), route.settings.auto!.wait);
}

/** Fetches the dictionaries with these ids for one call. Never rejects: a missing one has a reason. */
export function fetchDictionaries(ids: readonly number[], route: Route): Promise<DictionarySource> {
  return knownTo(route).fetch(ids, callerOf(route));
}

function knownTo({ settings }: Route): RedisDictionaries {
  const auto = settings.auto!;
  return (auto.loaded ??= dictionariesAt(auto.url));
}

/** The keys to which commands write texts that may be compressed. */
function writtenKeys(commands: readonly CommandArguments[], settings: Settings): string[] {
  const keys = new Set<string>();
  for (const command of commands) {
    const known = findCommand(command);
    if (known === undefined) continue;
    const { name, row } = known;
    if (row.values?.elements === true && listMode(settings, name, String(command[1])) !== true) continue;
    for (const position of valuePositions(command, row))
      if (typeof command[position] === "string") keys.add(keyOfArgument(command, row, position));
  }
  return [...keys];
}

function callerOf({ request, next, transport, settings }: Route): Caller {
  const send: SendCommands = async (commands) => {
    const body = commands as readonly CommandArguments[];
    const sent = { ...request, path: ["pipeline"], body, [compressedMark]: true };
    const replies: unknown =
      transport === undefined
        ? await next(sent)
        : await transport.batch("pipeline", body, request, () => false);
    return Array.isArray(replies) ? replies.map((reply: CommandReply) => reply.result) : [];
  };
  return { send, onEvent: settings.onEvent };
}
