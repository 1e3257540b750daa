/** The dictionaries of a store's values: those in Redis are fetched before a value is written or decoded. */
import { ZstashError } from "../errors.ts";
import { readFrameHeaderAt } from "../format/frame.ts";
import { withoutDictionary } from "../value/decode.ts";
import type { DictionarySource } from "../value/dictionaries.ts";
import type { StoreSettings } from "./options.ts";

/** Fetches the dictionary of a key that is written, if it is in Redis. If that fails, the value is written without. */
export async function bringFor(
  { auto, client, onEvent }: StoreSettings,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  if (auto === undefined) return;
  const half = await importOnDemand().catch(() => undefined);
  await half?.bringDictionary(key, { auto, client, onEvent, signal });
}

/** The dictionaries for frames that begin with `head`: one that is in Redis is fetched if it is not loaded. */
export async function dictionariesFor(
  settings: StoreSettings,
  head: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<DictionarySource | undefined> {
  if (settings.auto === undefined) return settings.dictionaries;
  let id: number;
  try {
    id = readFrameHeaderAt(head, 0, 0).dictionaryId;
  } catch {
    // A fault of it is reported where it is decoded.
    return settings.dictionaries;
  }
  return id === 0 || settings.auto.get(id) !== undefined
    ? settings.dictionaries
    : fetchOne(settings, id, signal);
}

/**
 * Fetches the dictionary that a failed read was missing; false if the read failed for another reason, or again.
 *
 * @throws {ZstashError} DICTIONARY_UNKNOWN with the reason why it is not available
 */
export async function fetchMissing(
  settings: StoreSettings,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { auto } = settings;
  if (auto === undefined || !(error instanceof ZstashError) || error.code !== "DICTIONARY_UNKNOWN")
    return false;
  const { dictionaryId: id } = error;
  if (id === undefined || auto.get(id) !== undefined) return false;
  const fetched = await fetchOne(settings, id, signal);
  if (fetched?.get(id) === undefined) throw withoutDictionary(error, fetched);
  return true;
}

async function fetchOne(
  { auto, client, onEvent, dictionaries }: StoreSettings,
  id: number,
  signal: AbortSignal | undefined,
): Promise<DictionarySource | undefined> {
  const half = await importOnDemand().catch(() => undefined);
  return half === undefined
    ? dictionaries
    : half.fetchDictionaries([id], { auto: auto!, client, onEvent, signal });
}

const importOnDemand = () => import("./on-demand/index.ts");
