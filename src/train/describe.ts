/** `describeDictionary`: what a person should read before passing a dictionary on. */
import { readDictionary } from "../format/dictionary.ts";
import { readDictionaryParts, type DictionaryParts } from "../format/dictionary-tables.ts";
import { utf8Lossy } from "../text.ts";

/** The contents of a dictionary. */
export interface DictionaryDescription {
  /** The id by which frames name it. */
  readonly id: number;
  /** The size of the whole file in bytes. */
  readonly size: number;
  /** The sizes of its parts in bytes. */
  readonly parts: DictionaryParts;
  /** The readable text of its content, in order: pieces of the samples, word for word. */
  readonly text: readonly string[];
}

/** Shorter pieces are noise between others. */
const PIECE_MIN = 4;
/** What no text has: control characters but tab and line ends, and what is no UTF-8. */
// oxlint-disable-next-line no-control-regex
const UNREADABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffd]+/;

/**
 * Describes a dictionary in zstd's format, whichever tool has made it: its id, the sizes of its parts, and all of its
 * text.
 *
 * @throws {ZstashError} DICTIONARY_INVALID for bytes that are not a dictionary
 * @example
 * ```ts
 * const { parts, text } = describeDictionary(await readFile("sessions.dict"));
 * text.some((piece) => piece.includes('"theme"')); // → true
 * parts.header; // → 8
 * ```
 */
export function describeDictionary(bytes: Uint8Array): DictionaryDescription {
  const { id, bytes: copy } = readDictionary(bytes);
  const parts = readDictionaryParts(copy);
  const text = textIn(copy.subarray(copy.length - parts.content));
  return { id, size: copy.length, parts, text };
}

/** The readable text of a dictionary's content, or of raw content. */
export function textIn(content: Uint8Array): string[] {
  return utf8Lossy(content)
    .split(UNREADABLE)
    .filter((piece) => piece.length >= PIECE_MIN);
}
