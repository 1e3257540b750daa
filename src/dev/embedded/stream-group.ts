/** A group of consumers of a stream: how far it has read, and which entries each consumer has yet to acknowledge. */
import { toBinary } from "../text.ts";
import { ByteMap } from "./byte-map.ts";

/** One consumer of a group. */
export interface Consumer {
  readonly name: Uint8Array;
  /** When it last sent a command, in milliseconds since the epoch. */
  seen: bigint;
}

/** An entry that was delivered and not acknowledged. */
export interface Pending {
  consumer: Consumer;
  /** Milliseconds since the epoch. */
  delivered: bigint;
  /** How often it was delivered. */
  count: number;
}

/** A group. */
export class Group {
  /** The ID of the last entry that was delivered. */
  lastId: bigint;
  /** The number of entries of the stream up to that one; undefined if it is not known. */
  entriesRead: number | undefined;
  readonly #consumers = new ByteMap<Consumer>();
  readonly #pending = new Map<bigint, Pending>();

  constructor(lastId: bigint, entriesRead: number | undefined) {
    this.lastId = lastId;
    this.entriesRead = entriesRead;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** The consumers in the order of their names. */
  get consumers(): Consumer[] {
    const all = Array.from(
      this.#consumers.values(),
      (consumer) => [toBinary(consumer.name), consumer] as const,
    );
    return all.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, consumer]) => consumer);
  }

  consumer(name: Uint8Array): Consumer | undefined {
    return this.#consumers.get(name);
  }

  /** The consumer of a name, which is created if it does not exist, and is marked as seen now. */
  see(name: Uint8Array, now: bigint): Consumer {
    const found = this.#consumers.get(name) ?? { name, seen: now };
    found.seen = now;
    this.#consumers.set(name, found);
    return found;
  }

  /** Removes a consumer and its pending entries. Returns the number of these entries. */
  remove(name: Uint8Array): number {
    const consumer = this.#consumers.get(name);
    if (consumer === undefined) return 0;
    const ids = this.pendingIds(consumer);
    for (const id of ids) this.#pending.delete(id);
    this.#consumers.delete(name);
    return ids.length;
  }

  pending(id: bigint): Pending | undefined {
    return this.#pending.get(id);
  }

  /** The IDs of pending entries, of one consumer or of all, in order. */
  pendingIds(consumer?: Consumer): bigint[] {
    const ids: bigint[] = [];
    for (const [id, pending] of this.#pending)
      if (consumer === undefined || pending.consumer === consumer) ids.push(id);
    return ids.sort((a, b) => (a < b ? -1 : 1));
  }

  deliver(id: bigint, pending: Pending): void {
    this.#pending.set(id, pending);
  }

  /** Acknowledges an entry. Returns true if it was pending. */
  acknowledge(id: bigint): boolean {
    return this.#pending.delete(id);
  }

  copy(): Group {
    const copy = new Group(this.lastId, this.entriesRead);
    for (const { name, seen } of this.#consumers.values()) copy.#consumers.set(name, { name, seen });
    for (const [id, { consumer, delivered, count }] of this.#pending)
      copy.#pending.set(id, { consumer: copy.consumer(consumer.name) ?? consumer, delivered, count });
    return copy;
  }
}
