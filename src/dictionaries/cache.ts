/** The dictionaries that an isolate has fetched, and the ids of which it knows that there is none, both bounded. */
import type { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { now } from "../timers.ts";

/** Bytes of dictionaries that are kept. */
const KEPT = 8 << 20;
/** Ids that are known to be missing, and milliseconds until one is looked for again: whoever holds it may put it back. */
const MISSING_MAX = 1024;
const MISSING_TIME = 5_000;

/** Why there is no dictionary of an id. */
interface Missing {
  readonly reason: ZstashError;
  readonly until: number;
}

/** Dictionaries by id, those that were used last; and reasons why there is none. */
export class DictionaryCache {
  /** By age: the one that was used last is the last. */
  readonly #kept = new Map<number, Dictionary>();
  readonly #missing = new Map<number, Missing>();
  readonly #most: number;
  #size = 0;

  constructor(most: number = KEPT) {
    this.#most = most;
  }

  get(id: number): Dictionary | undefined {
    const found = this.#kept.get(id);
    if (found === undefined) return undefined;
    this.#kept.delete(id);
    this.#kept.set(id, found);
    return found;
  }

  /** True if it is there, which does not count as use. */
  has(id: number): boolean {
    return this.#kept.has(id);
  }

  /** Why there is none, for as long as that is taken for certain. */
  whyMissing(id: number): ZstashError | undefined {
    const missing = this.#missing.get(id);
    if (missing === undefined || missing.until > now()) return missing?.reason;
    this.#missing.delete(id);
    return undefined;
  }

  /** Keeps a dictionary. One of the same id is the same one: its id follows from its content. */
  add(dictionary: Dictionary): void {
    const { id, bytes } = dictionary;
    this.#missing.delete(id);
    if (this.#kept.has(id) || bytes.length > this.#most) return;
    this.#kept.set(id, dictionary);
    this.#size += bytes.length;
    for (const [oldest, { bytes: held }] of this.#kept) {
      if (this.#size <= this.#most) break;
      this.#kept.delete(oldest);
      this.#size -= held.length;
    }
  }

  /** Notes that there is no dictionary of an id, or a wrong one. */
  addMissing(id: number, reason: ZstashError): void {
    this.#missing.delete(id);
    this.#missing.set(id, { reason, until: now() + MISSING_TIME });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= MISSING_MAX) break;
      this.#missing.delete(oldest);
    }
  }
}
