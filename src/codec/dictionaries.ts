import type { Dictionary } from "./dictionary.ts";
import { describe } from "../check.ts";
import { requireDictionary } from "./parameters.ts";

/** The dictionaries by id; two different ones of one id are a RangeError. */
export function readDictionaries(dictionaries: readonly Dictionary[] = []): ReadonlyMap<number, Dictionary> {
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
