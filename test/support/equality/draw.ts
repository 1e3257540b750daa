/** What the random commands of the tests of equality are made of: keys, options, times, and how results are compared. */
import type { Random } from "../random.ts";
import type { Values } from "./values.ts";

/**
 * How results are compared. Two servers keep hashes and sets in orders of their own, and two clocks read times:
 * "list" and "pairs" in any order, "scan" a cursor and "list", "scanPairs" a cursor and "pairs"; times by magnitude,
 * "seconds" and "milliseconds" to live or the time "atMilliseconds".
 */
export type View =
  "exact" | "list" | "pairs" | "scan" | "scanPairs" | "seconds" | "milliseconds" | "atMilliseconds";

export interface Operation {
  /** A method of the client. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly view: View;
  /** What it touches; undefined for everything. */
  readonly keys: readonly string[] | undefined;
  /** Not in a pipeline: the client's pipelines lack the method, or `pages` is given. */
  readonly alone?: true;
  /** The argument that is a cursor: repeated until all pages are there, the result are their items. */
  readonly pages?: number;
}

const plainNames = ["v0", "v1", "v2", "v3", "v4", "v5"];
const oddNames = [
  "ex",
  "GET",
  "EX",
  "set",
  "pipeline",
  "12",
  "",
  ".",
  "..",
  "a/../b",
  "%2e%2E",
  "\n\0\t",
  "\uD800",
];
/** Names that a URL, a pattern, an option or a carrier could trip over come behind the first six. */
export const strings: readonly string[] = [
  plainNames,
  oddNames,
  [" k e?y#&=+%2F\\", "ü\u{1F600}", "zs1:KLUv/k", "(\uFFFD/\uFFFD"],
].flat();
export const hashes: readonly string[] = ["h0", "h1", "h2", "h/?.."];
export const lists: readonly string[] = ["l0", "l1", "l/?.."];
export const sets: readonly string[] = ["s0", "s1"];
export const sorted: readonly string[] = ["z0", "z1"];
/** Keys of strings and hashes that are never compressed, for what works on stored bytes. */
export const bytes: readonly string[] = ["b0", "b1", "b2", "b/?.."];
export const byteHashes: readonly string[] = ["hb0", "hb1"];
/** Keys whose bytes are no UTF-8. */
export const bits: readonly string[] = ["bit0", "bit1"];
export const STREAM = "x0";
/** A hash of one field, of which a random one is known. */
export const SINGLE = "single";
const oddFields = [
  "ex",
  "Px",
  "FIELDS",
  "WITHVALUES",
  "NOVALUES",
  "EX",
  "",
  "12",
  "null",
  '"q"',
  "\n\0",
  "ü/?#",
  "zs1:KLUv/f",
];
export const fields: readonly string[] = ["f0", "f1", "f2", "f3", ...oddFields];

/** Every key that operations use, but those of bits, which are no text. */
export const allKeys: readonly string[] = [
  strings,
  hashes,
  lists,
  sets,
  sorted,
  bytes,
  byteHashes,
  [STREAM, SINGLE],
].flat();
/** Seconds to live that cannot be mistaken for one another however long a run takes. */
const lives: readonly number[] = [10_000, 30_000, 100_000, 300_000, 1_000_000, 30_000_000];

/** Draws the parts of operations. */
export class Draw {
  readonly random: Random;
  readonly values: Values;
  /** Unix time in seconds, the same for both clients. */
  readonly start: number = Math.floor(Date.now() / 1000);
  #streamId = 0;

  constructor(random: Random, values: Values) {
    this.random = random;
    this.values = values;
  }

  on(method: string, key: string, args: readonly unknown[] = [], view: View = "exact"): Operation {
    return { method, args: [key, ...args], view, keys: [key] };
  }

  raw(command: readonly string[], view: View = "exact"): Operation {
    return { method: "exec", args: [command], view, keys: undefined, alone: true };
  }

  /** One in twenty keys is of a kind that the command does not expect. */
  key(expected: readonly string[]): string {
    if (this.random.below(20) > 0)
      return this.random.pick(expected.slice(0, this.random.below(3) === 0 ? undefined : 6));
    return this.random.pick(this.random.pick([strings, hashes, lists, sets]));
  }

  counter(): string {
    return this.random.pick(["n", "m", "/"]);
  }

  some<Item>(make: () => Item): Item[] {
    return Array.from({ length: this.random.logUniform(1, 8) }, make);
  }

  several(method: string, from: readonly string[]): Operation {
    const keys = this.some(() => this.key(from));
    return { method, args: keys, view: "exact", keys };
  }

  many(method: string): Operation {
    const record = Object.fromEntries(this.some(() => [this.random.pick(strings), this.values.any()]));
    return { method, args: [record], view: "exact", keys: Object.keys(record) };
  }

  pair(method: string, args: readonly unknown[] = []): Operation {
    const group = this.random.below(3) === 0 ? hashes : strings;
    const keys = [this.random.pick(group), this.random.pick(group)];
    return { method, args: [...keys, ...args], view: "exact", keys };
  }

  scan(): Operation {
    const options = this.random.pick([{}, { type: "hash" }, { match: "v*" }, { match: "*", type: "string" }]);
    if (this.random.below(2) === 0) {
      return { method: "scan", args: ["0", { ...options, count: 1000 }], view: "scan", keys: undefined };
    }
    return {
      method: "scan",
      args: ["0", { ...options, count: 3 }],
      view: "list",
      keys: undefined,
      alone: true,
      pages: 0,
    };
  }

  scanArguments(): unknown[] {
    return [
      "0",
      this.random.pick([{ count: 1000 }, { count: 1000, match: "*" }, { count: 1000, match: "f*" }]),
    ];
  }

  life(): number {
    return this.random.pick(lives);
  }

  /** An option of a time to live; one in thirty is over at once or refused. */
  time(): Record<string, number> | undefined {
    const random = this.random;
    if (random.below(30) === 0) return random.pick([{ ex: 0 }, { px: -1 }, { exat: 1 }, { ex: 1.5 }]);
    const life = this.life();
    const end = this.start + life;
    return random.pick([undefined, { ex: life }, { px: life * 1000 }, { exat: end }, { pxat: end * 1000 }]);
  }

  setOptions(): Record<string, unknown> {
    const random = this.random;
    return {
      ...random.pick([{}, {}, { nx: true }, { xx: true }]),
      ...random.pick([{}, { get: true }]),
      ...(random.below(5) === 0 ? { keepTtl: true } : this.time()),
    };
  }

  /** Options in any order and in any case, now and then of no sense. */
  rawSetOptions(): string[] {
    const random = this.random;
    const options = [["get"], ["GET"], ["KeepTtl"], ["NX"], ["xx"], this.rawTime(), ["EX"], ["BOGUS"]];
    const drawn = Array.from({ length: random.below(4) }, () =>
      random.pick(options.slice(0, random.below(6) === 0 ? undefined : 6)),
    );
    return drawn.flat();
  }

  rawTime(): string[] {
    const entry = Object.entries(this.time() ?? { ex: this.life() })[0]!;
    return [...this.spelled(entry[0]), `${entry[1]}`];
  }

  fieldOptions(): Record<string, unknown> {
    const random = this.random;
    return {
      ...random.pick([{}, { conditional: "fnx" }, { conditional: "FXX" }]),
      ...random.pick([{}, { expiration: { keepttl: true } }, { expiration: this.time() ?? {} }]),
    };
  }

  spelled(word: string): [string] {
    return [
      this.random.pick([
        word.toUpperCase(),
        word.toLowerCase(),
        word.charAt(0) + word.slice(1).toLowerCase(),
      ]),
    ];
  }

  streamId(): string {
    return `${++this.#streamId}-1`;
  }
}
