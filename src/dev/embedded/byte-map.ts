/** A map whose keys are bytes: the keyspace itself, hashes, sets and channels. */
import { fromBinary, toBinary } from "../text.ts";

interface Slot<Value> {
  value: Value;
  /** The count of insertions when this one was made. */
  readonly sequence: number;
  /** The index of its key in the list from which samples are drawn. */
  index: number;
}

/** The most running scans whose position in the map is remembered. Any other cursor is searched for from the start. */
const PLACES_MAX = 8;

/**
 * A map from bytes to values, in the order of insertion. A scan's cursor is the sequence number of the last entry
 * that it returned, so an entry that exists throughout the scan is returned exactly once, whatever is added or
 * removed meanwhile.
 */
export class ByteMap<Value> {
  readonly #slots = new Map<string, Slot<Value>>();
  /** All keys, in no order. */
  readonly #keys: string[] = [];
  #sequence = 0;
  /** Where a scan continues, by its cursor. A Map's iterator stays valid whatever is added or removed. */
  readonly #places = new Map<number, MapIterator<[string, Slot<Value>]>>();

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
    if (slot === undefined) {
      this.#slots.set(binary, { value, sequence: ++this.#sequence, index: this.#keys.length });
      this.#keys.push(binary);
    } else {
      slot.value = value;
    }
    return slot === undefined;
  }

  delete(key: Uint8Array): boolean {
    const binary = toBinary(key);
    const slot = this.#slots.get(binary);
    if (slot === undefined) return false;
    const last = this.#keys.pop();
    const moved = last === undefined || last === binary ? undefined : this.#slots.get(last);
    if (last !== undefined && moved !== undefined) {
      this.#keys[slot.index] = last;
      moved.index = slot.index;
    }
    return this.#slots.delete(binary);
  }

  clear(): void {
    this.#slots.clear();
    this.#keys.length = 0;
    this.#places.clear();
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
    const after = Number(cursor);
    const slots = this.#places.get(after) ?? this.#slots.entries();
    this.#places.delete(after);
    let last = 0;
    for (let next = slots.next(); next.done !== true; next = slots.next()) {
      const [key, slot] = next.value;
      if (slot.sequence <= after) continue;
      entries.push([fromBinary(key), slot.value]);
      last = slot.sequence;
      if (entries.length === count && last < this.#sequence) {
        this.#remember(last, slots);
        return { cursor: last, entries };
      }
    }
    return { cursor: 0, entries };
  }

  #remember(cursor: number, place: MapIterator<[string, Slot<Value>]>): void {
    this.#places.set(cursor, place);
    const [oldest] = this.#places.keys();
    if (this.#places.size > PLACES_MAX && oldest !== undefined) this.#places.delete(oldest);
  }

  /** `count` random entries: each once at most (all of them, if there are fewer), or with repetition. */
  sample(count: number, options: { readonly repeat: boolean }): (readonly [Uint8Array, Value])[] {
    const keys = this.#keys;
    const drawn: (readonly [Uint8Array, Value])[] = [];
    const most = options.repeat && keys.length > 0 ? count : Math.min(count, keys.length);
    for (let at = 0; at < most; at++) {
      const index = options.repeat ? below(keys.length) : at + below(keys.length - at);
      const key = keys[index];
      const slot = key === undefined ? undefined : this.#slots.get(key);
      if (key === undefined || slot === undefined) break;
      drawn.push([fromBinary(key), slot.value]);
      if (!options.repeat) this.#swap(at, index);
    }
    return drawn;
  }

  /** Exchanges two keys in the list, so that the drawn ones stand before the others. */
  #swap(a: number, b: number): void {
    const [first, second] = [this.#keys[a], this.#keys[b]];
    if (first === undefined || second === undefined) return;
    const [firstSlot, secondSlot] = [this.#slots.get(first), this.#slots.get(second)];
    if (firstSlot === undefined || secondSlot === undefined) return;
    [this.#keys[a], this.#keys[b]] = [second, first];
    [firstSlot.index, secondSlot.index] = [b, a];
  }
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit);
}
