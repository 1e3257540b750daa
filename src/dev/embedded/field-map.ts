import { ByteMap } from "./byte-map.ts";

/** A hash: bytes by field, in order of insertion, each with an expiry of its own or none. */
export class FieldMap {
  readonly #fields = new ByteMap<Uint8Array>();
  /** Milliseconds since the epoch. */
  readonly #expiries = new ByteMap<bigint>();

  get size(): number {
    return this.#fields.size;
  }

  /** When the first field expires; undefined if none does. */
  get earliest(): bigint | undefined {
    let earliest: bigint | undefined;
    for (const at of this.#expiries.values()) if (earliest === undefined || at < earliest) earliest = at;
    return earliest;
  }

  get(field: Uint8Array): Uint8Array | undefined {
    return this.#fields.get(field);
  }

  has(field: Uint8Array): boolean {
    return this.#fields.has(field);
  }

  /** Set a field; its expiry goes. Returns whether it is new. */
  set(field: Uint8Array, bytes: Uint8Array): boolean {
    this.#expiries.delete(field);
    return this.#fields.set(field, bytes);
  }

  /** Set a field and keep its expiry. */
  replace(field: Uint8Array, bytes: Uint8Array): void {
    this.#fields.set(field, bytes);
  }

  delete(field: Uint8Array): boolean {
    this.#expiries.delete(field);
    return this.#fields.delete(field);
  }

  expiry(field: Uint8Array): bigint | undefined {
    return this.#expiries.get(field);
  }

  /** Set or remove the expiry of a field that is there. */
  expire(field: Uint8Array, at: bigint | undefined): void {
    if (at === undefined) this.#expiries.delete(field);
    else this.#expiries.set(field, at);
  }

  /** Remove what has expired before `now`. Returns whether any field had. */
  sweep(now: bigint): boolean {
    if (this.#expiries.size === 0) return false;
    const gone = [...this.#expiries.entries()].filter(([, at]) => at < now);
    for (const [field] of gone) this.delete(field);
    return gone.length > 0;
  }

  entries(): Iterable<readonly [Uint8Array, Uint8Array]> {
    return this.#fields.entries();
  }

  keys(): Iterable<Uint8Array> {
    return this.#fields.keys();
  }

  values(): Iterable<Uint8Array> {
    return this.#fields.values();
  }

  scan(cursor: bigint, count: number): ReturnType<ByteMap<Uint8Array>["scan"]> {
    return this.#fields.scan(cursor, count);
  }

  sample(
    count: number,
    options: { readonly repeat: boolean },
  ): (readonly [field: Uint8Array, bytes: Uint8Array])[] {
    return this.#fields.sample(count, options);
  }

  /** A copy, expiries included. */
  duplicate(): FieldMap {
    const copy = new FieldMap();
    for (const [field, bytes] of this.#fields.entries()) copy.#fields.set(field, bytes);
    for (const [field, at] of this.#expiries.entries()) copy.#expiries.set(field, at);
    return copy;
  }
}
