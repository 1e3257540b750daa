/**
 * Counts the results of a migration: values by what was written and by why others stayed, and bytes before and after.
 */
import type { Left, Written } from "./plan.ts";

/** Why a value stays that was not planned for. */
export type LeftUnread = "empty" | "other-type" | "key-name" | "field-name";

/**
 * "changed": others wrote it each time. "unreadable": its frame is damaged, or its dictionary is gone. "refused": the
 * token may not write it. "unsent": no request can carry it.
 */
export type Failed = "changed" | "unreadable" | "refused" | "unsent";

type Counts<Name extends string> = Readonly<Partial<Record<Name, number>>>;

/** The results of a migration. Counts of 0 are left out. */
export interface Totals {
  readonly keys: number;
  /** Hashes among the keys whose fields were looked at, and those fields. */
  readonly hashes: number;
  readonly fields: number;
  readonly written: Counts<Written>;
  readonly left: Counts<Left | LeftUnread>;
  /** Keys that do not hold a string, by type. */
  readonly types: Readonly<Record<string, number>>;
  readonly failed: Counts<Failed>;
  /** Bytes of all strings and fields that were looked at, those that stay among them. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Keys that are shown for each kind of failure. */
const SHOWN = 5;

export class Tally {
  keys = 0;
  hashes = 0;
  fields = 0;
  bytesBefore = 0;
  bytesAfter = 0;
  /** By how many bytes the values of other schemes grow together; below 0 they shrink. */
  convertedGrowth = 0;
  readonly #counts = { written: new Map(), left: new Map(), types: new Map(), failed: new Map() } as Record<
    "written" | "left" | "types" | "failed",
    Map<string, number>
  >;
  /** Some keys that failed, with the reason if there is one. */
  readonly examples: {
    readonly key: string;
    readonly failed: Failed;
    readonly reason: string | undefined;
  }[] = [];

  written(what: Written, before: number, after: number): void {
    this.#add("written", what);
    this.#size(before, after);
    if (what === "converted") this.convertedGrowth += after - before;
  }

  left(why: Left | LeftUnread, size: number): void {
    this.#add("left", why);
    this.#size(size, size);
  }

  otherType(type: string): void {
    this.#add("types", type);
    this.left("other-type", 0);
  }

  failed(key: string, failed: Failed, size: number, reason?: string): void {
    const number = this.#add("failed", failed);
    this.#size(size, size);
    if (number <= SHOWN) this.examples.push({ key, failed, reason });
  }

  get failures(): number {
    let sum = 0;
    for (const number of this.#counts.failed.values()) sum += number;
    return sum;
  }

  totals(): Totals {
    const { written, left, types, failed } = this.#counts;
    return {
      keys: this.keys,
      hashes: this.hashes,
      fields: this.fields,
      written: Object.fromEntries(written),
      left: Object.fromEntries(left),
      types: Object.fromEntries(types) as Record<string, number>,
      failed: Object.fromEntries(failed),
      bytesBefore: this.bytesBefore,
      bytesAfter: this.bytesAfter,
    };
  }

  #add(kind: "written" | "left" | "types" | "failed", name: string): number {
    const number = (this.#counts[kind].get(name) ?? 0) + 1;
    this.#counts[kind].set(name, number);
    return number;
  }

  #size(before: number, after: number): void {
    this.bytesBefore += before;
    this.bytesAfter += after;
  }
}
