/** How dictionaries are stored in Redis: the names of the keys, ids that follow from the content, and the text form. */
import { requireBytes } from "../check.ts";
import { ZstashError } from "../errors.ts";
import { base64Length, decodeBase64, encodeBase64 } from "../format/base64.ts";
import { dictionaryIdOf } from "../format/dictionary-id.ts";
import { readDictionary, type Dictionary } from "../format/dictionary.ts";
import { utf8Encoder } from "../text.ts";

/** The key of the manifest, which says which keys are written with which dictionary. */
export const MANIFEST_KEY = "zstash:dicts";
/** The prefix of the keys of dictionaries; the id follows. */
export const DICTIONARY_PREFIX = "zstash:dict:";

/** The range of ids for dictionaries in Redis: RFC 8878 §5 reserves the others for registered ones. */
export const ID_MIN = 32_768;
export const ID_MAX: number = 2 ** 31 - 1;

/**
 * The largest dictionary in Redis, in bytes: trained ones have 64 to 110 KB, and each isolate fetches what it needs.
 */
export const DICTIONARY_MAX: number = 512 << 10;
/** The most characters of the text form. */
export const DICTIONARY_TEXT_MAX: number = base64Length(DICTIONARY_MAX);

/** The offset of the id in a dictionary, after the magic number, and of its tables. */
const ID_OFFSET = 4;
const TABLES_OFFSET = 8;

/** The key of a dictionary. */
export function dictionaryKey(id: number): string {
  return `${DICTIONARY_PREFIX}${id}`;
}

/** FNV-1a with 32 bits: a hash that takes two lines to describe and to write. It does not protect against intent. */
export function hashOf(bytes: Uint8Array, start: number = 0): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash >>> 0;
}

/**
 * Returns the dictionary with the id that follows from its content, whatever id it had.
 *
 * @throws {ZstashError} DICTIONARY_INVALID for bytes that are not a dictionary, or more than 512 KiB
 */
export function withContentId(bytes: Uint8Array): Dictionary {
  requireBytes(bytes, "bytes");
  if (bytes.length > DICTIONARY_MAX) {
    const reason = `its size must be at most ${DICTIONARY_MAX} bytes in Redis, got ${bytes.length}`;
    throw new ZstashError("DICTIONARY_INVALID", `Cannot publish the dictionary: ${reason}`);
  }
  const copy = new Uint8Array(bytes);
  if (copy.length >= TABLES_OFFSET)
    new DataView(copy.buffer).setUint32(ID_OFFSET, dictionaryIdOf(copy), true);
  return readDictionary(copy);
}

/**
 * The text that Redis stores for a dictionary: its base64, which every client can read, even one that reads only
 * text.
 */
export function toStoredText({ bytes }: Dictionary): string {
  return encodeBase64(bytes, "");
}

/**
 * Reads a dictionary from its stored text, and checks it against its id.
 *
 * @throws {ZstashError} DICTIONARY_INVALID, with the id
 */
export function fromStoredText(text: string, id: number): Dictionary {
  try {
    if (text.length > DICTIONARY_TEXT_MAX) throw wrong(`it is longer than ${DICTIONARY_TEXT_MAX} characters`);
    const bytes = decodeBase64(text, 0);
    if (bytes === undefined) throw wrong("it is not base64");
    const dictionary = readDictionary(bytes);
    if (dictionary.id !== id) throw wrong(`it has the id ${dictionary.id}`);
    if (dictionaryIdOf(dictionary.bytes) !== id) throw wrong("its content has another id");
    return dictionary;
  } catch (cause) {
    if (!(cause instanceof ZstashError)) throw cause;
    throw cause.with({ dictionaryId: id, key: dictionaryKey(id) });
  }
}

function wrong(reason: string): ZstashError {
  return new ZstashError("DICTIONARY_INVALID", `Cannot use the dictionary: ${reason}`);
}

/** A text with one character for each byte of its UTF-8, as Redis sees it. */
export function asBytes(text: string): string {
  // Most keys are ASCII, and are that text already. oxlint-disable-next-line no-control-regex
  if (/^[\0-\x7f]*$/.test(text)) return text;
  let bytes = "";
  for (const byte of utf8Encoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}
