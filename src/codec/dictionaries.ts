/** Dictionaries as arguments, and the error for one that is missing. */
import { describe } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { isDictionary, type Dictionary, type DictionaryLookup } from "../format/dictionary.ts";

/** The registered dictionaries, by the id that frame headers name. */
export type Dictionaries = ReadonlyMap<number, Dictionary>;

/** The dictionaries by id; two different ones with the same id are a RangeError. */
export function readDictionaries(dictionaries: readonly Dictionary[] = []): Dictionaries {
  if (!Array.isArray(dictionaries)) {
    throw new TypeError(`"dictionaries" must be an array, got ${describe(dictionaries)}`);
  }
  const byId = new Map<number, Dictionary>();
  for (const dictionary of dictionaries) {
    requireDictionary(dictionary, "dictionaries");
    if (byId.has(dictionary.id)) throw new RangeError(`"dictionaries" holds id ${dictionary.id} twice`);
    byId.set(dictionary.id, dictionary);
  }
  return byId;
}

/** The lookup of one call, which takes precedence over the registered dictionaries. */
export function withRegistered(own: DictionaryLookup, registered: Dictionaries): DictionaryLookup {
  return {
    get(id, header) {
      const found: unknown = own.get(id, header);
      if (found === undefined) return registered.get(id);
      requireDictionary(found, "dictionaries");
      return found;
    },
  };
}

/** Throws unless the value can look up dictionaries. */
export function requireLookup(value: unknown): asserts value is DictionaryLookup {
  if (typeof (value as Partial<DictionaryLookup> | null)?.get === "function") return;
  throw new TypeError(`"dictionaries" must be a Map of them by id, got ${describe(value)}`);
}

/** Throws unless `readDictionary` has made the argument: another object with an id and bytes has not been checked. */
export function requireDictionary(value: unknown, name: string): asserts value is Dictionary {
  if (isDictionary(value)) return;
  throw new TypeError(`"${name}" must be what readDictionary returns, got ${describe(value)}`);
}

/** The error for a frame whose dictionary is not registered. */
export function dictionaryUnknown(dictionaryId: number, frame: number, offset: number): ZstashError {
  return new ZstashError(
    "DICTIONARY_UNKNOWN",
    `Cannot decompress: the frame needs dictionary ${dictionaryId}, which is not known here: pass it in "dictionaries", or "auto" if Redis holds it`,
    { dictionaryId, frame, offset },
  );
}
