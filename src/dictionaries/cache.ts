/**
 * The dictionaries that an isolate has fetched, and the ids that it knows to be missing. The number of both is
 * limited.
 */
import type { ZstashError } from "../errors.ts";
import type { Dictionary } from "../format/dictionary.ts";
import { now } from "../timers.ts";

/** The most bytes of dictionaries that are kept. */
const KEPT = 8 << 20;
/**
 * The most missing ids that are remembered, and the milliseconds until one is looked for again: somebody may put it
 * back.
 */
const MISSING_MAX = 1024;
const MISSING_TIME = 5_000;

/** Why there is no dictionary with an id. */
interface Missing {
  readonly reason: ZstashError;
  readonly until: number;
}

/** The dictionaries that were used last, by id; and the reasons why others are missing. */
export class DictionaryCache {
  /** In the order of use: the one that was used last is at the end. */
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

  /** Returns true if the dictionary is here. This does not count as use. */
  has(id: number): boolean {
    return this.#kept.has(id);
  }

  /** Why the dictionary is missing, for as long as that is assumed. */
  whyMissing(id: number): ZstashError | undefined {
    const missing = this.#missing.get(id);
    if (missing === undefined || missing.until > now()) return missing?.reason;
    this.#missing.delete(id);
    return undefined;
  }

  /** Keeps a dictionary. One with the same id is the same, because the id follows from the content. */
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

  /** Notes that the dictionary of an id is missing or wrong. */
  addMissing(id: number, reason: ZstashError): void {
    this.#missing.delete(id);
    this.#missing.set(id, { reason, until: now() + MISSING_TIME });
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= MISSING_MAX) break;
      this.#missing.delete(oldest);
    }
  }
}
