import { ZstashError } from "../errors.ts";

export { readDictionary, type Dictionary } from "../format/dictionary.ts";

/** The error for a frame whose dictionary is not registered. */
export function dictionaryUnknown(dictionaryId: number, frame: number, offset: number): ZstashError {
  return new ZstashError(
    "DICTIONARY_UNKNOWN",
    `Cannot decompress: the frame needs dictionary ${dictionaryId}, which is not registered`,
    { dictionaryId, frame, offset },
  );
}
