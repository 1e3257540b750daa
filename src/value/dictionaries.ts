/** The dictionaries of a client: those that its reader knows, and the one with which a value is written. */
import { describe } from "../check.ts";
import type { ZstashError } from "../errors.ts";
import { readDictionaries } from "../codec/dictionaries.ts";
import type { CompressOptions } from "../codec/compress-options.ts";
import { isBytes } from "../bytes.ts";
import { readDictionary, type Dictionary, type DictionaryLookup } from "../format/dictionary.ts";
import {
  completePolicy,
  type CompletePolicy,
  type PolicyFunction,
  type PolicyOption,
  type ValueKind,
} from "./policy.ts";

/**
 * Dictionaries in zstd's format, as bytes or as results of `readDictionary`. Values are written with the first, and
 * read with any of them.
 */
export type DictionaryList = readonly (Uint8Array | Dictionary)[];

/** Dictionaries that may know why one of them is missing. */
export interface DictionarySource extends DictionaryLookup {
  whyMissing?(id: number): ZstashError | undefined;
}

/** The dictionaries with which values are written and read. */
export interface ValueDictionaries extends DictionarySource {
  /** The dictionary with which the values of a key are written; undefined for none. */
  choose(key: string): Dictionary | undefined;
  /** True if a policy may name only dictionaries that are loaded. */
  readonly complete: boolean;
}

/**
 * Reads a list of dictionaries; undefined if it is empty or not given.
 *
 * @throws {TypeError | RangeError} for anything but a list of dictionaries, and for two with the same id
 * @throws {ZstashError} DICTIONARY_INVALID
 */
export function readDictionaryList(list: unknown): ValueDictionaries | undefined {
  if (list === undefined) return undefined;
  if (!Array.isArray(list)) throw new TypeError(`"dictionaries" must be an array, got ${describe(list)}`);
  return listed(list.map((one: unknown) => (isBytes(one) ? readDictionary(one) : one)) as Dictionary[]);
}

/** The same for a list of results of `readDictionary`: bytes would be read and digested again with every value. */
export function readMadeDictionaries(list: readonly Dictionary[] | undefined): ValueDictionaries | undefined {
  return list === undefined ? undefined : listed(list);
}

function listed(list: readonly Dictionary[]): ValueDictionaries | undefined {
  const byId = readDictionaries(list);
  const [first] = list;
  if (first === undefined) return undefined;
  return { complete: true, get: (id) => byId.get(id), choose: () => first };
}

/**
 * Values of at least this many characters or bytes are written without a dictionary: at 256 KiB it saves 1 % or less.
 */
export const LARGE_VALUE: number = 256 << 10;

/**
 * The dictionary for a value of `size` characters or bytes; undefined for none.
 *
 * @throws {RangeError} if the policy names a missing one
 */
export function dictionaryFor(
  dictionaries: ValueDictionaries | undefined,
  key: string,
  length: number,
  { dictionary: id }: Partial<Pick<CompletePolicy, "dictionary">>,
): Dictionary | undefined {
  if (id === false || length >= LARGE_VALUE) return undefined;
  if (id === undefined) return dictionaries?.choose(key);
  const named = dictionaries?.get(id);
  if (named === undefined && dictionaries?.complete !== false) {
    throw new RangeError(`"dictionary" must be the id of one of "dictionaries", got ${id}`);
  }
  return named;
}

/**
 * Reads the `policy` option and fills in its defaults.
 *
 * @throws {TypeError | RangeError} that names the wrong member, for a missing dictionary too
 */
export function readPolicy(
  policy: PolicyOption,
  dictionaries: ValueDictionaries | undefined,
  kind: ValueKind = "text",
): CompletePolicy | PolicyFunction {
  if (typeof policy === "function") return policy;
  const complete = completePolicy(policy, kind);
  dictionaryFor(dictionaries, "", 0, complete);
  return complete;
}

/**
 * The options of a compression. With a dictionary there is always a checksum, which shows that the reader has the
 * same one.
 */
export function compressOptionsFor(level: number, dictionary: Dictionary | undefined): CompressOptions {
  return dictionary === undefined ? { level } : { level, dictionary, checksum: true };
}
