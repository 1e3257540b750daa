/** A map whose keys are bytes: the keyspace itself, hashes, sets and channels. */
import { fromBinary, toBinary } from "../text.ts";

interface Slot<Value> {
  value: Value;
  /** The count of insertions when this one was made. */
  readonly sequence: number;
}

/**
 * A map from bytes to values, in the order of insertion. A scan's cursor is the sequence of the last entry that it
 * returned, so an entry that exists throughout the scan is returned exactly once, whatever is added or removed
 * meanwhile.
 */
export class ByteMap<Value> {
  readonly #slots = new Map<string, Slot<Value>>();
  #sequence = 0;

  get size(): number {
    return this.#slots.size;
  }

  get(key: Uint8Array): Value | undefined {
    return this.#slots.get(toBinary(key))?.value;
  }

  has(key: Uint8Array): boolean {
    return this.#slots.has(toBinary(key));
  }

  /** Returns true if the key is new. */
  set(key: Uint8Array, value: Value): boolean {
    const binary = toBinary(key);
    const slot = this.#slots.get(binary);
    if (slot === undefined) this.#slots.set(binary, { value, sequence: ++this.#sequence });
    else slot.value = value;
    return slot === undefined;
  }

  delete(key: Uint8Array): boolean {
    return this.#slots.delete(toBinary(key));
  }

  clear(): void {
    this.#slots.clear();
  }

  *entries(): Generator<readonly [Uint8Array, Value]> {
    for (const [key, slot] of this.#slots) yield [fromBinary(key), slot.value];
  }

  *keys(): Generator<Uint8Array> {
    for (const key of this.#slots.keys()) yield fromBinary(key);
  }

  *values(): Generator<Value> {
    for (const slot of this.#slots.values()) yield slot.value;
  }

  /** A map with the same entries. The values themselves are not copied. */
  copy(): ByteMap<Value> {
    const copy = new ByteMap<Value>();
    for (const [key, value] of this.entries()) copy.set(key, value);
    return copy;
  }

  /** At most `count` entries inserted after the cursor, and the next cursor: 0 when there are no more. */
  scan(cursor: bigint, count: number): { cursor: number; entries: (readonly [Uint8Array, Value])[] } {
    const entries: (readonly [Uint8Array, Value])[] = [];
    let last = 0;
    for (const [key, slot] of this.#slots) {
      if (BigInt(slot.sequence) <= cursor) continue;
      if (entries.length === count) return { cursor: last, entries };
      entries.push([fromBinary(key), slot.value]);
      last = slot.sequence;
    }
    return { cursor: 0, entries };
  }

  /** `count` random entries: each once at most (all of them, if there are fewer), or with repetition. */
  sample(count: number, options: { readonly repeat: boolean }): (readonly [Uint8Array, Value])[] {
    const pool = [...this.entries()];
    const drawn: (readonly [Uint8Array, Value])[] = [];
    while (drawn.length < count && pool.length > 0) {
      const index = Math.floor(Math.random() * pool.length);
      const entry = options.repeat ? pool[index] : pool.splice(index, 1)[0];
      if (entry !== undefined) drawn.push(entry);
    }
    return drawn;
  }
}
