import { fromBinary, toBinary } from "../text.ts";

interface Slot<Value> {
  value: Value;
  readonly sequence: number;
}

/**
 * A map from byte strings, in order of insertion. Each entry carries the number of its insertion, so a scan can
 * go on after any number: what is there throughout is seen exactly once, whatever is added or removed meanwhile.
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

  /** Returns whether the key is new. */
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

  /** At most `count` entries inserted after the cursor, and the cursor to go on with: 0 when there are no more. */
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

  /** `count` entries drawn at random: distinct ones (all, if there are fewer), or with repetition. */
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
