import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { ZstashCompressionExports, ZstashExports } from "./exports.ts";
import type { LinearMemory } from "./memory.ts";

/** Digested dictionaries kept per instance and kind: 113–474 KB each, and 125 µs to make. */
const CACHE_SIZE = 8;

/** Digested dictionaries of one instance; all are freed where one more would be too many. */
export class DigestedDictionaries {
  readonly #exports: ZstashExports;
  readonly #memory: LinearMemory;
  readonly #forCompression = new Map<string, { dictionary: Dictionary; address: number }>();
  readonly #forDecompression = new Map<string, { dictionary: Dictionary; address: number }>();

  constructor(exports: ZstashExports, memory: LinearMemory) {
    this.#exports = exports;
    this.#memory = memory;
  }

  /** Address of the ZSTD_CDict for a level. */
  forCompression(exports: ZstashCompressionExports, dictionary: Dictionary, level: number): number {
    return this.#get(
      this.#forCompression,
      `${dictionary.id} ${level}`,
      dictionary,
      exports.ZSTD_freeCDict,
      (at, size) => exports.ZSTD_createCDict(at, size, level),
    );
  }

  /** Address of the ZSTD_DDict. */
  forDecompression(dictionary: Dictionary): number {
    const { ZSTD_createDDict, ZSTD_freeDDict } = this.#exports;
    return this.#get(
      this.#forDecompression,
      `${dictionary.id}`,
      dictionary,
      ZSTD_freeDDict,
      ZSTD_createDDict,
    );
  }

  #get(
    cache: Map<string, { dictionary: Dictionary; address: number }>,
    name: string,
    dictionary: Dictionary,
    free: (address: number) => number,
    create: (address: number, size: number) => number,
  ): number {
    const known = cache.get(name);
    if (known !== undefined && known.dictionary === dictionary) return known.address;
    if (known !== undefined) free(known.address);
    cache.delete(name);
    // All at once, and before the next is made: the decoder's allocator reclaims from the top of the heap only.
    if (cache.size >= CACHE_SIZE) {
      for (const { address } of cache.values()) free(address);
      cache.clear();
    }
    const area = this.#memory.allocate(dictionary.bytes.length);
    try {
      this.#memory.bytes().set(dictionary.bytes, area.address);
      const address = create(area.address, dictionary.bytes.length) >>> 0;
      if (address === 0) {
        throw new ZstashError(
          "DICTIONARY_INVALID",
          `Cannot use dictionary ${dictionary.id}: its tables are corrupt`,
          {
            dictionaryId: dictionary.id,
          },
        );
      }
      cache.set(name, { dictionary, address });
      return address;
    } finally {
      this.#memory.release(area);
    }
  }
}
