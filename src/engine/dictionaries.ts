/** Keeps dictionaries digested, so that the second frame with one does not build its tables again. */
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { LinearMemory } from "./memory.ts";

/** Digested dictionaries kept per instance and direction: 113–474 KB each, and 125 µs to make. */
const CACHE_SIZE = 8;

/** Digested dictionaries of one instance and one direction. All of them are freed when one more would be too many. */
export class DigestedDictionaries {
  readonly #memory: LinearMemory;
  readonly #free: (address: number) => number;
  readonly #digested = new Map<string, { dictionary: Dictionary; address: number }>();

  constructor(memory: LinearMemory, free: (address: number) => number) {
    this.#memory = memory;
    this.#free = free;
  }

  /** Address of the digested dictionary, which `create` makes. `name` is the id and the level, where there is one. */
  get(name: string, dictionary: Dictionary, create: (address: number, size: number) => number): number {
    const known = this.#digested.get(name);
    if (known !== undefined && known.dictionary === dictionary) return known.address;
    if (known !== undefined) this.#free(known.address);
    this.#digested.delete(name);
    // All at once, and before the next is made: the decoder's allocator reclaims from the top of the heap only.
    if (this.#digested.size >= CACHE_SIZE) this.clear();
    const area = this.#memory.allocate(dictionary.bytes.length);
    try {
      this.#memory.bytes().set(dictionary.bytes, area.address);
      const address = create(area.address, dictionary.bytes.length) >>> 0;
      if (address === 0) {
        throw new ZstashError(
          "DICTIONARY_INVALID",
          `Cannot use dictionary ${dictionary.id}: its tables are corrupt`,
          { dictionaryId: dictionary.id },
        );
      }
      this.#digested.set(name, { dictionary, address });
      return address;
    } finally {
      this.#memory.release(area);
    }
  }

  /** Frees all of them. */
  clear(): void {
    for (const { address } of this.#digested.values()) this.#free(address);
    this.#digested.clear();
  }
}
