/** The values of keys as Redis has them: strings, hashes, lists, sets, sorted sets and streams. */
import { grow } from "../../byte-buffer.ts";
import { REDIS_STRING_MAX } from "../../limits.ts";
import { ByteMap } from "./byte-map.ts";
import type { SortedSet } from "./sorted-set.ts";
import type { Stream } from "./stream.ts";

/** A value of one of Redis' types. Hash fields and set members keep the order of their insertion. */
export type Value =
  | { readonly type: "string"; readonly string: ByteString }
  | { readonly type: "hash"; readonly hash: FieldMap }
  | { readonly type: "list"; readonly list: Uint8Array[] }
  | { readonly type: "set"; readonly set: ByteMap<true> }
  | { readonly type: "zset"; readonly zset: SortedSet }
  | { readonly type: "stream"; readonly stream: Stream };

export type ValueOf<Type extends Value["type"]> = Extract<Value, { type: Type }>;

/** A copy that does not change when the value does; it includes the expiries of fields. */
export function copyValue(value: Value): Value {
  switch (value.type) {
    case "string":
      return { type: "string", string: new ByteString(value.string.slice()) };
    case "hash":
      return { type: "hash", hash: value.hash.copy() };
    case "set":
      return { type: "set", set: value.set.copy() };
    case "list":
      return { type: "list", list: [...value.list] };
    case "zset":
      return { type: "zset", zset: value.zset.copy() };
    case "stream":
      return { type: "stream", stream: value.stream.copy() };
  }
}

/** A string value: bytes that grow in place, up to Redis' limit of 512 MiB, which callers check. */
export class ByteString {
  #buffer: Uint8Array;
  #length: number;

  /** Takes over the bytes without copying them: the caller must not write to them any more. */
  constructor(bytes: Uint8Array) {
    this.#buffer = bytes;
    this.#length = bytes.length;
  }

  get length(): number {
    return this.#length;
  }

  /** A copy of the bytes in [start, end): a reply must not change with the value. */
  slice(start = 0, end: number = this.#length): Uint8Array {
    return this.peek().slice(start, end);
  }

  /** A view of the bytes, valid until the next write. */
  peek(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Writes bytes from an offset on. If that is beyond the end, the bytes in between are zero. */
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    if (end > this.#buffer.length) this.#buffer = grow(this.#buffer, end, REDIS_STRING_MAX);
    this.#buffer.set(bytes, offset);
    this.#length = Math.max(this.#length, end);
  }
}

/** A hash: bytes by field, in the order of insertion, each with or without an expiry. */
export class FieldMap {
  #fields = new ByteMap<Uint8Array>();
  /** Milliseconds since the epoch. */
  #expiries = new ByteMap<bigint>();

  get size(): number {
    return this.#fields.size;
  }

  /** The time at which the first field expires; undefined if none does. */
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

  /** Sets a field and removes its expiry. Returns true if the field is new. */
  set(field: Uint8Array, bytes: Uint8Array): boolean {
    this.#expiries.delete(field);
    return this.#fields.set(field, bytes);
  }

  /** Sets a field and keeps its expiry. */
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

  /** Sets or removes the expiry of an existing field. */
  expire(field: Uint8Array, at: bigint | undefined): void {
    if (at === undefined) this.#expiries.delete(field);
    else this.#expiries.set(field, at);
  }

  /** Removes the fields that expired before `now`. Returns true if there were any. */
  sweep(now: bigint): boolean {
    if (this.#expiries.size === 0) return false;
    const expired = [...this.#expiries.entries()].filter(([, at]) => at < now);
    for (const [field] of expired) this.delete(field);
    return expired.length > 0;
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

  copy(): FieldMap {
    const copy = new FieldMap();
    copy.#fields = this.#fields.copy();
    copy.#expiries = this.#expiries.copy();
    return copy;
  }
}
