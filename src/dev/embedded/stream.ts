/** A stream: entries in the order of their IDs, what it remembers of deleted ones, and its groups of consumers. */
import { ByteMap } from "./byte-map.ts";
import type { Group } from "./stream-group.ts";

/** Fields and their values, alternating. */
export interface StreamEntry {
  /** Milliseconds × 2^64 + a number among the entries of one millisecond. */
  readonly id: bigint;
  readonly fields: readonly Uint8Array[];
}

/** The bits of an ID after the milliseconds. */
export const SEQUENCE_BITS = 64n;
export const SEQUENCE_MAX: bigint = 2n ** SEQUENCE_BITS - 1n;
export const ID_MAX: bigint = 2n ** 128n - 1n;

/** Entries with rising IDs. */
export class Stream {
  readonly #entries: StreamEntry[] = [];
  /** The largest ID that an entry ever had. */
  #lastId = 0n;
  /** The number of entries that were ever added. */
  #added = 0;
  /** The largest ID that was deleted on its own, not by trimming. */
  #lastDeleted = 0n;
  #groups = new ByteMap<Group>();

  get length(): number {
    return this.#entries.length;
  }

  get lastId(): bigint {
    return this.#lastId;
  }

  get groups(): ByteMap<Group> {
    return this.#groups;
  }

  get added(): number {
    return this.#added;
  }

  get lastDeleted(): bigint {
    return this.#lastDeleted;
  }

  get first(): StreamEntry | undefined {
    return this.#entries[0];
  }

  get last(): StreamEntry | undefined {
    return this.#entries.at(-1);
  }

  find(id: bigint): StreamEntry | undefined {
    const entry = this.#entries[this.#before(id)];
    return entry?.id === id ? entry : undefined;
  }

  /** Returns true if an entry with this ID or a larger one has been deleted. */
  hasGap(from: bigint): boolean {
    return this.length > 0 && this.#lastDeleted > 0n && from <= this.#lastDeleted;
  }

  /** The number of entries that were ever added up to an ID; undefined if gaps make that unknown. */
  addedUpTo(id: bigint): number | undefined {
    if (this.#added === 0) return 0;
    if (this.length === 0 && id <= this.#lastId) return this.#added;
    if ((id !== 0n && id < this.#lastDeleted) || id > this.#lastId) return undefined;
    if (id === this.#lastId) return this.#added;
    const first = this.first?.id ?? 0n;
    if (this.#lastDeleted !== 0n && this.#lastDeleted >= first) return undefined;
    if (id > first) return undefined;
    return this.#added - this.length + (id === first ? 1 : 0);
  }

  /** Adds an entry, whose ID must be larger than the last. */
  add(entry: StreamEntry): void {
    this.#entries.push(entry);
    this.#lastId = entry.id;
    this.#added++;
  }

  /** The entries with IDs in [first, last], in order or backwards, at most `count` of them. */
  range(first: bigint, last: bigint, count: number, backwards = false): StreamEntry[] {
    const [start, end] = [this.#before(first), this.#before(last + 1n)];
    if (start >= end) return [];
    if (!backwards) return this.#entries.slice(start, Math.min(end, start + count));
    return this.#entries.slice(Math.max(start, end - count), end).toReversed();
  }

  /** Deletes an entry. Returns true if it existed. */
  delete(id: bigint): boolean {
    const at = this.#before(id);
    if (this.#entries[at]?.id !== id) return false;
    this.#entries.splice(at, 1);
    if (id > this.#lastDeleted) this.#lastDeleted = id;
    return true;
  }

  /** Removes all but the last `length` entries, at most `limit` of them. Returns their number. */
  trimToLength(length: number, limit: number): number {
    return this.#removeFirst(Math.min(limit, Math.max(0, this.length - length)));
  }

  /** Removes the entries with IDs below one, at most `limit` of them. Returns their number. */
  trimBefore(id: bigint, limit: number): number {
    return this.#removeFirst(Math.min(limit, this.#before(id)));
  }

  /** Sets what is remembered of deleted entries. */
  remember(lastId: bigint, added: number, lastDeleted: bigint): void {
    this.#lastId = lastId;
    this.#added = added;
    this.#lastDeleted = lastDeleted;
  }

  copy(): Stream {
    const copy = new Stream();
    for (const entry of this.#entries) copy.add(entry);
    copy.#lastId = this.#lastId;
    copy.#added = this.#added;
    copy.#lastDeleted = this.#lastDeleted;
    for (const [name, group] of this.#groups.entries()) copy.#groups.set(name, group.copy());
    return copy;
  }

  #removeFirst(count: number): number {
    this.#entries.splice(0, count);
    return count;
  }

  /** The number of entries with smaller IDs. */
  #before(id: bigint): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#entries[middle]?.id ?? ID_MAX) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
