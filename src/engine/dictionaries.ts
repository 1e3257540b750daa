/** Keeps digested dictionaries, so that the second frame with one does not build its tables again. */
import { sameBytes } from "../bytes.ts";
import { requireBytes } from "../check.ts";
import { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { LinearMemory } from "./memory.ts";

/** The most bytes of digested dictionaries: for whole values, and for the instance of a stream. */
export const ONE_SHOT_DICTIONARIES: number = 16 << 20;
export const STREAM_DICTIONARIES: number = 8 << 20;

/** What a digested dictionary takes beyond its bytes for decompression: its tables. */
const TABLES_SIZE: number = 28 << 10;
/** A digested dictionary of 64 KB takes 113–474 KB for compression, by level. */
export const COMPRESSION_FACTOR = 8;

/** A digested dictionary, and the objects that are known to hold the same bytes. */
interface Digested {
  readonly dictionary: Dictionary;
  readonly address: number;
  readonly same: WeakSet<Dictionary>;
}

/**
 * The digested dictionaries of one instance and one direction. All of them are freed when another one would take too
 * much.
 */
export class DigestedDictionaries {
  readonly #memory: LinearMemory;
  readonly #free: (address: number) => number;
  readonly #sizeMax: number;
  readonly #factor: number;
  #size = 0;
  readonly #digested = new Map<string, Digested>();

  /** `sizeMax` is the limit for all of them together, `factor` how many times its own size one takes. */
  constructor(memory: LinearMemory, free: (address: number) => number, sizeMax: number, factor = 1) {
    this.#memory = memory;
    this.#free = free;
    this.#sizeMax = sizeMax;
    this.#factor = factor;
  }

  /** The address of the digested dictionary, which `create` makes. `name` is the id, and the level if there is one. */
  get(name: string, dictionary: Dictionary, create: (address: number, size: number) => number): number {
    const known = this.#digested.get(name);
    if (known !== undefined && known.same.has(dictionary)) return known.address;
    requireBytes(dictionary.bytes, "dictionary.bytes");
    // A Worker often makes a client and its dictionaries for each request: digesting one again takes ten times as
    // long.
    if (known !== undefined && sameBytes(known.dictionary.bytes, dictionary.bytes)) {
      known.same.add(dictionary);
      return known.address;
    }
    if (known !== undefined) {
      this.#free(known.address);
      this.#digested.delete(name);
      this.#size -= this.#sizeOf(known.dictionary);
    }
    // All are freed at once, before the next is made: the decoder's allocator reclaims only from the top of the heap.
    const size = this.#sizeOf(dictionary);
    if (this.#size + size > this.#sizeMax) this.clear();
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
      this.#digested.set(name, { dictionary, address, same: new WeakSet([dictionary]) });
      this.#size += size;
      return address;
    } finally {
      this.#memory.release(area);
    }
  }

  /** Frees all of them. */
  clear(): void {
    for (const { address } of this.#digested.values()) this.#free(address);
    this.#digested.clear();
    this.#size = 0;
  }

  #sizeOf({ bytes }: Dictionary): number {
    return bytes.length * this.#factor + TABLES_SIZE;
  }
}
