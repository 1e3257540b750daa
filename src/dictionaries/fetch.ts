/** Fetches dictionaries from Redis, checks each against its id, and limits what one call may fetch. */
import { ZstashError } from "../errors.ts";
import type { Dictionary, DictionaryLookup } from "../format/dictionary.ts";
import type { FrameHeader } from "../format/frame.ts";
import type { DictionaryCache } from "./cache.ts";
import { DICTIONARY_TEXT_MAX, dictionaryKey, fromStoredText } from "./stored.ts";

/** A command on dictionaries: texts and numbers. */
export type DictionaryCommand = readonly (string | number)[];

/**
 * Sends commands in one request, through the caller's client, and resolves to their results: undefined for a command
 * that Redis refused. Rejects if the request failed.
 */
export type SendCommands = (commands: readonly DictionaryCommand[]) => Promise<readonly unknown[]>;

/** Dictionaries in one request: at most 11 MB of text. */
const PER_REQUEST = 16;
/** Bytes of dictionaries that one call may fetch: 256 of 64 KB. */
const PER_CALL = 16 << 20;

/**
 * The dictionaries for one call: those that it has fetched, even if the cache has dropped them, and those in the
 * cache.
 */
export interface FetchedDictionaries extends DictionaryLookup {
  /** Why there is no dictionary with an id; undefined if it was not looked for. */
  whyMissing(id: number): ZstashError | undefined;
}

/**
 * Fetches dictionaries for one call and puts them into the cache. A missing one is a reason, never a rejection; only
 * what Redis itself says is remembered as one.
 */
export async function fetchDictionaries(
  cache: DictionaryCache,
  ids: Iterable<number>,
  send: SendCommands,
): Promise<FetchedDictionaries> {
  const fetched = new Map<number, Dictionary>();
  const reasons = new Map<number, ZstashError>();
  const wanted: number[] = [];
  for (const id of ids) {
    const kept = cache.get(id);
    if (kept !== undefined) fetched.set(id, kept);
    else if (cache.whyMissing(id) === undefined) wanted.push(id);
  }
  let size = 0;
  for (let at = 0; at < wanted.length; at += PER_REQUEST) {
    const batch = wanted.slice(at, at + PER_REQUEST);
    let results: readonly unknown[];
    try {
      if (size > PER_CALL)
        throw new Error("one reply needs too many dictionaries: read fewer values at once");
      // One character more than allowed shows which text is too long, without asking for its length.
      results = await send(batch.map((id) => ["GETRANGE", dictionaryKey(id), 0, DICTIONARY_TEXT_MAX]));
    } catch (cause) {
      for (const id of batch) reasons.set(id, notFetched(id, cause));
      continue;
    }
    for (const [index, id] of batch.entries()) {
      try {
        const dictionary = readResult(results[index], id);
        fetched.set(id, dictionary);
        size += dictionary.bytes.length;
        cache.add(dictionary);
      } catch (error) {
        const reason = error as ZstashError;
        reasons.set(id, reason);
        cache.addMissing(id, reason);
      }
    }
  }
  return {
    get: (id, header) => usable(fetched.get(id) ?? cache.get(id), header),
    whyMissing: (id) => reasons.get(id) ?? whyUnusable(cache, id),
  };
}

/**
 * Returns the dictionary, unless the frame has no checksum: Redis may hold another one with the same id, and only the
 * checksum would show it.
 */
export function usable(dictionary: Dictionary | undefined, header?: FrameHeader): Dictionary | undefined {
  return header?.checksum === false ? undefined : dictionary;
}

/** Why the cache has no dictionary for an id; undefined if the reason is unknown. */
export function whyUnusable(cache: DictionaryCache, id: number): ZstashError | undefined {
  if (!cache.has(id)) return cache.whyMissing(id);
  return unknown(id, "the frame has no checksum, without which no dictionary of Redis is used");
}

/** @throws {ZstashError} DICTIONARY_UNKNOWN */
function readResult(result: unknown, id: number): Dictionary {
  if (typeof result !== "string") throw unknown(id, "its key holds no string");
  if (result === "") throw unknown(id, "it is not there: publish it again");
  try {
    return fromStoredText(result, id);
  } catch (cause) {
    const { message } = cause as ZstashError;
    throw unknown(id, message.replace(/^Cannot [^:]*: /, ""), cause);
  }
}

function notFetched(id: number, cause: unknown): ZstashError {
  const said = cause instanceof Error ? `: ${cause.message}` : "";
  return unknown(id, `it could not be fetched${said}`, cause);
}

function unknown(id: number, reason: string, cause?: unknown): ZstashError {
  return new ZstashError(
    "DICTIONARY_UNKNOWN",
    `Cannot decompress: the frame needs dictionary ${id}, ${dictionaryKey(id)} in Redis: ${reason}`,
    { dictionaryId: id, cause },
  );
}
