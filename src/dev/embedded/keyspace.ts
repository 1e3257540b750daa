/** The state of the embedded backend: its keys with their values and expiries, and its channels. */
import { ByteMap } from "./byte-map.ts";
import { Channels } from "./channels.ts";
import { ErrorReply, WRONG_TYPE } from "./replies.ts";
import type { Value, ValueOf } from "./values.ts";

interface Entry {
  value: Value;
  /** Milliseconds since the epoch, in 64 bits as in Redis; undefined for a key that never expires. */
  expireAt: bigint | undefined;
}

/** Options of a keyspace. */
export interface KeyspaceOptions {
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly now?: (() => number) | undefined;
  /** The most bytes that APPEND may make a string. Default: no limit but Redis' own. */
  readonly maxRecordSize?: number | undefined;
}

/** The keys, their values and their expiries. An expired key is removed when somebody asks for it. */
export class Keyspace {
  readonly #entries = new ByteMap<Entry>();
  readonly #now: () => number;
  /** No key or field expires before this time, so that a sweep before it has nothing to do. */
  #earliest: bigint | undefined;
  readonly channels: Channels = new Channels();
  readonly maxRecordSize: number;

  constructor(options: KeyspaceOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.maxRecordSize = options.maxRecordSize ?? Infinity;
  }

  get now(): bigint {
    return BigInt(Math.floor(this.#now()));
  }

  get size(): number {
    this.#sweep();
    return this.#entries.size;
  }

  /** The value of a key, of any type. */
  value(key: Uint8Array): Value | undefined {
    return this.#live(key)?.value;
  }

  /** The value of a key if it has the type; undefined if the key does not exist. Another type throws WRONGTYPE. */
  read<Type extends Value["type"]>(key: Uint8Array, type: Type): ValueOf<Type> | undefined {
    const value = this.value(key);
    if (value === undefined || isOfType(value, type)) return value;
    throw new ErrorReply(WRONG_TYPE);
  }

  /** Like `read`, but creates the value with `create` if the key does not exist. */
  open<Type extends Value["type"]>(key: Uint8Array, type: Type, create: () => ValueOf<Type>): ValueOf<Type> {
    const found = this.read(key, type);
    if (found !== undefined) return found;
    const created = create();
    this.set(key, created);
    return created;
  }

  /** Replaces the value, and removes its expiry unless `keepTtl` is set. */
  set(key: Uint8Array, value: Value, options: { readonly keepTtl?: boolean } = {}): void {
    const entry = this.#live(key);
    if (entry === undefined) {
      this.#entries.set(key, { value, expireAt: undefined });
    } else {
      entry.value = value;
      if (options.keepTtl !== true) entry.expireAt = undefined;
    }
  }

  delete(key: Uint8Array): boolean {
    return this.#live(key) !== undefined && this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The expiry of a key, in milliseconds since the epoch; undefined for a key that never expires or does not exist. */
  expiry(key: Uint8Array): bigint | undefined {
    return this.#live(key)?.expireAt;
  }

  /** Sets or removes the expiry of an existing key. A time in the past removes the key. */
  expire(key: Uint8Array, at: bigint | undefined): void {
    const entry = this.#live(key);
    if (entry === undefined) return;
    if (at !== undefined && at <= this.now) {
      this.#entries.delete(key);
      return;
    }
    entry.expireAt = at;
    if (at !== undefined) this.noteExpiry(at);
  }

  keys(): Iterable<Uint8Array> {
    this.#sweep();
    return this.#entries.keys();
  }

  /** Every key with its value and its expiry. */
  *entries(): Generator<readonly [key: Uint8Array, value: Value, expireAt: bigint | undefined]> {
    this.#sweep();
    for (const [key, { value, expireAt }] of this.#entries.entries()) yield [key, value, expireAt];
  }

  scan(cursor: bigint, count: number): { cursor: number; entries: (readonly [Uint8Array, Value])[] } {
    this.#sweep();
    const found = this.#entries.scan(cursor, count);
    return {
      cursor: found.cursor,
      entries: found.entries.map(([key, entry]) => [key, entry.value] as const),
    };
  }

  randomKey(): Uint8Array | undefined {
    this.#sweep();
    return this.#entries.sample(1, { repeat: true })[0]?.[0];
  }

  /** Moves a value with its expiry, over any other value. */
  rename(from: Uint8Array, to: Uint8Array): void {
    const entry = this.#live(from);
    if (entry === undefined) return;
    this.#entries.delete(from);
    this.#entries.delete(to);
    this.#entries.set(to, entry);
  }

  /** Notes that a key or a field of a hash expires at a time. */
  noteExpiry(at: bigint): void {
    if (this.#earliest === undefined || at < this.#earliest) this.#earliest = at;
  }

  #live(key: Uint8Array): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#earliest === undefined) return entry;
    const { now } = this;
    if (this.#earliest >= now || !this.#hasExpired(entry, now)) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  /** Returns true if the key has expired, or all fields of its hash have. Removes expired fields. */
  #hasExpired({ value, expireAt }: Entry, now: bigint): boolean {
    if (expireAt !== undefined && expireAt < now) return true;
    return value.type === "hash" && value.hash.sweep(now) && value.hash.size === 0;
  }

  /** Removes all expired keys and fields. */
  #sweep(): void {
    const { now } = this;
    if (this.#earliest === undefined || this.#earliest >= now) return;
    this.#earliest = undefined;
    for (const [key, entry] of this.#entries.entries()) {
      if (this.#hasExpired(entry, now)) {
        this.#entries.delete(key);
        continue;
      }
      if (entry.expireAt !== undefined) this.noteExpiry(entry.expireAt);
      const field = entry.value.type === "hash" ? entry.value.hash.earliest : undefined;
      if (field !== undefined) this.noteExpiry(field);
    }
  }
}

function isOfType<Type extends Value["type"]>(value: Value, type: Type): value is ValueOf<Type> {
  return value.type === type;
}
