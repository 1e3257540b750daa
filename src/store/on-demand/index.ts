/** `dictionaries: "auto"` of a store, loaded with the first value that may need one: it uses the store's client. */
import type { SendCommands } from "../../dictionaries/fetch.ts";
import { dictionariesAt, type Caller, type RedisDictionaries } from "../../dictionaries/in-redis.ts";
import type { RestClient } from "../../rest/client.ts";
import { scalarOf } from "../../rest/scalar.ts";
import type { EventListener } from "../../metrics/events.ts";
import type { AutoDictionaries } from "../../dictionaries/auto.ts";
import type { DictionarySource } from "../../value/dictionaries.ts";

/** The parts of a store that are used here. */
export interface StoreRoute {
  readonly client: RestClient;
  readonly auto: AutoDictionaries;
  readonly onEvent: EventListener | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Fetches the dictionary with which a key is written, within the time that a write waits. Never rejects. */
export async function bringDictionary(key: string, route: StoreRoute): Promise<void> {
  const known = knownTo(route);
  if (!known.isReady([key])) return known.prepare([key], callerOf(route), route.auto.wait);
  known.refreshIfOld(() => callerOf(route));
}

/** Fetches the dictionaries with these ids. Never rejects: a missing one has a reason. */
export function fetchDictionaries(ids: readonly number[], route: StoreRoute): Promise<DictionarySource> {
  return knownTo(route).fetch(ids, callerOf(route));
}

function knownTo({ auto }: StoreRoute): RedisDictionaries {
  return (auto.loaded ??= dictionariesAt(auto.url));
}

function callerOf({ client, onEvent, signal }: StoreRoute): Caller {
  const send: SendCommands = async (commands) =>
    (await client.batch("pipeline", commands, { signal })).map(scalarOf);
  return { send, onEvent };
}
