/** The embedded keyspace against redis-server: seeded sequences of commands, and replies compared byte for byte. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../../src/dev/backend.ts";
import { createEmbeddedBackend } from "../../../src/dev/embedded/index.ts";
import { startRedisServer } from "../../../src/dev/redis/redis-server.ts";
import type { RespValue } from "../../../src/rest/resp.ts";

/** Commands of one sequence, sequences per group, and the seed of the first. */
const LENGTH = 400;
const SEQUENCES = 12;
const SEED = 20_261_124;

type Argument = string | Uint8Array;
const bytesOf = (argument: Argument): Uint8Array =>
  typeof argument === "string" ? Uint8Array.from(Buffer.from(argument, "latin1")) : argument;

/** Numerical Recipes' LCG, high bits. */
function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Draws arguments of each kind: mostly sensible, sometimes what must be refused. */
class Draw {
  readonly #random: (below: number) => number;
  #uniqueTime = 0;

  constructor(seed: number) {
    this.#random = createRandom(seed);
  }

  below(limit: number): number {
    return this.#random(limit);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.#random(items.length)] as Item;
  }

  key(): Argument {
    return this.of(["k0", "k1", "k2", "k3", "", "\xff\x00\x80", "a b%/?#+", "K0", "\xe9"]);
  }

  field(): Argument {
    return this.of(["f0", "f1", "f2", "f3", "", "\x00\xff", "1"]);
  }

  value(): Argument {
    if (this.below(6) === 0) return Uint8Array.from({ length: this.below(300) }, () => this.below(256));
    return this.of([
      "",
      "0",
      "1",
      "-1",
      "10",
      "3.5",
      "1e3",
      "abc",
      "9223372036854775807",
      " 1",
      "01",
      "+1",
      "-0",
      "\x00\xff\xfe",
      "x".repeat(100),
    ]);
  }

  integer(): Argument {
    const odd = [
      "x",
      "",
      "1.5",
      " 1",
      "01",
      "9223372036854775807",
      "-9223372036854775808",
      "9223372036854775808",
      "99999999999999999999999",
    ];
    return this.below(8) === 0 ? this.of(odd) : `${this.below(25) - 12}`;
  }

  float(): Argument {
    const odd = [
      "x",
      "",
      "1.5x",
      " 1",
      "nan",
      "1e5000",
      "--1",
      ".",
      "5e-3",
      ".5",
      "5.",
      "-0",
      "+2",
      "1E2",
      "0.1e1",
    ];
    return this.below(5) === 0 ? this.of(odd) : `${(this.below(20_000) - 10_000) / 10 ** this.below(6)}`;
  }

  offset(): Argument {
    const odd = ["x", "-1", "536870912", "4294967296", "-9223372036854775808"];
    return this.below(10) === 0 ? this.of(odd) : `${this.below(40)}`;
  }

  /** Bit 536870912 is a legal one, of a string of 64 MiB. */
  bit(): Argument {
    return this.below(10) === 0 ? this.of(["x", "-1", "4294967296"]) : `${this.below(300)}`;
  }

  /** Seconds from now, no two within a minute of each other: which is later does not depend on the clock. */
  seconds(): Argument {
    if (this.below(8) === 0)
      return this.of(["x", "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775", ""]);
    return `${1_000 + 60 * ((this.#uniqueTime++ * 7_919) % 100_003)}`;
  }

  /** The same, as a Unix time in the given unit. */
  at(unit: "s" | "ms"): Argument {
    const relative = this.seconds();
    if (typeof relative !== "string" || !/^[1-9][0-9]{3,7}$/.test(relative)) return relative;
    const seconds = 2_000_000_000 + Number(relative);
    return unit === "s" ? `${seconds}` : `${seconds}${this.below(900) + 100}`;
  }

  milliseconds(): Argument {
    const seconds = this.seconds();
    return typeof seconds === "string" && /^[1-9][0-9]{3,7}$/.test(seconds) ? `${seconds}000` : seconds;
  }

  /** In upper, lower or mixed case. */
  spelled(word: string): string {
    return this.of([word, word.toLowerCase(), word.charAt(0) + word.slice(1).toLowerCase()]);
  }

  some(make: () => Argument, most = 3): Argument[] {
    return Array.from({ length: 1 + this.below(most) }, make);
  }

  time(): Argument[] {
    const option = this.of(["EX", "PX", "EXAT", "PXAT"]);
    const value = {
      EX: () => this.seconds(),
      PX: () => this.milliseconds(),
      EXAT: () => this.at("s"),
      PXAT: () => this.at("ms"),
    }[option];
    return [this.spelled(option ?? ""), ...(this.below(15) === 0 ? [] : [value?.() ?? ""])];
  }

  setOptions(): Argument[] {
    const options: Argument[] = [];
    while (this.below(2) === 0) {
      if (this.below(3) === 0) options.push(...this.time());
      else options.push(this.spelled(this.of(["NX", "XX", "GET", "KEEPTTL", "PERSIST", "BOGUS"])));
    }
    return options;
  }

  expireOptions(): Argument[] {
    const options: Argument[] = [];
    while (this.below(3) === 0) options.push(this.spelled(this.of(["NX", "XX", "GT", "LT", "BOGUS"])));
    return options;
  }
}

type Make = (draw: Draw) => Argument[];
const pairs = (draw: Draw, name: () => Argument): Argument[] => {
  const list = draw.some(() => "x").flatMap(() => [name(), draw.value()]);
  return draw.below(10) === 0 ? list.slice(1) : list;
};
const on =
  (...more: ((draw: Draw) => Argument)[]): Make =>
  (draw) => [draw.key(), ...more.map((make) => make(draw))];
const keys: Make = (draw) => draw.some(() => draw.key());
const value = (draw: Draw): Argument => draw.value();
const field = (draw: Draw): Argument => draw.field();
const integer = (draw: Draw): Argument => draw.integer();
const offset = (draw: Draw): Argument => draw.offset();
const bit = (draw: Draw): Argument => draw.bit();

const STRINGS: Readonly<Record<string, Make>> = {
  SET: (draw) => [draw.key(), draw.value(), ...draw.setOptions()],
  GET: on(),
  GETEX: (draw) => [draw.key(), ...draw.setOptions()],
  GETDEL: on(),
  GETSET: on(value),
  SETEX: on((draw) => draw.seconds(), value),
  PSETEX: on((draw) => draw.milliseconds(), value),
  SETNX: on(value),
  MGET: keys,
  MSET: (draw) => pairs(draw, () => draw.key()),
  MSETNX: (draw) => pairs(draw, () => draw.key()),
  APPEND: on(value),
  STRLEN: on(),
  SETRANGE: on(offset, value),
  GETRANGE: on(integer, integer),
  SUBSTR: on(integer, integer),
  INCR: on(),
  DECR: on(),
  INCRBY: on(integer),
  DECRBY: on(integer),
  INCRBYFLOAT: on((draw) => draw.float()),
  SETBIT: on(bit, (draw) => draw.of(["0", "1", "2", "x"])),
  GETBIT: on(bit),
  BITCOUNT: (draw) => [
    draw.key(),
    ...draw.of([
      [],
      [draw.integer()],
      [draw.integer(), draw.integer()],
      [draw.integer(), draw.integer(), draw.of(["bit", "BYTE", "x"])],
    ]),
  ],
  BITOP: (draw) => [draw.of(["AND", "or", "XOR", "NOT", "x"]), draw.key(), ...keys(draw)],
};

const HASHES: Readonly<Record<string, Make>> = {
  HSET: (draw) => [draw.key(), ...pairs(draw, () => draw.field())],
  HMSET: (draw) => [draw.key(), ...pairs(draw, () => draw.field())],
  HSETNX: on(field, value),
  HGET: on(field),
  HMGET: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  HGETALL: on(),
  HKEYS: on(),
  HVALS: on(),
  HLEN: on(),
  HSTRLEN: on(field),
  HEXISTS: on(field),
  HDEL: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  HINCRBY: on(field, integer),
  HINCRBYFLOAT: on(field, (draw) => draw.float()),
  HSCAN: (draw) => [
    draw.key(),
    draw.of(["0", "0", "x", ""]),
    "COUNT",
    draw.of(["1000", "0", "x"]),
    ...draw.of([[], ["MATCH", draw.of(["f*", "*", "[^f]"])], ["TYPE", "hash"], ["MATCH"]]),
  ],
  HRANDFIELD: (draw) => [draw.key(), "100", ...draw.of([[], ["WITHVALUES"], ["x"]])],
};

const COLLECTIONS: Readonly<Record<string, Make>> = {
  LPUSH: (draw) => [draw.key(), ...draw.some(() => draw.value())],
  RPUSH: (draw) => [draw.key(), ...draw.some(() => draw.value())],
  LPUSHX: on(value),
  RPUSHX: on(value),
  LPOP: (draw) => [draw.key(), ...draw.of([[], [draw.integer()]])],
  RPOP: (draw) => [draw.key(), ...draw.of([[], [draw.integer()]])],
  LLEN: on(),
  LRANGE: on(integer, integer),
  LINDEX: on(integer),
  LSET: on(integer, value),
  LREM: on(integer, value),
  LTRIM: on(integer, integer),
  LINSERT: on((draw) => draw.of(["before", "AFTER", "x"]), value, value),
  SADD: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SREM: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SCARD: on(),
  SISMEMBER: on(field),
  SMISMEMBER: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SMEMBERS: on(),
  SINTER: keys,
  SUNION: keys,
  SDIFF: keys,
  SPOP: (draw) => [draw.key(), draw.of(["100", "-1", "x", "0"])],
  SRANDMEMBER: (draw) => [draw.key(), draw.of(["100", "x", "0"])],
  SSCAN: (draw) => [draw.key(), "0", "COUNT", "1000"],
};

const GENERIC: Readonly<Record<string, Make>> = {
  DEL: keys,
  UNLINK: keys,
  EXISTS: keys,
  TOUCH: keys,
  TYPE: on(),
  RENAME: on((draw) => draw.key()),
  RENAMENX: on((draw) => draw.key()),
  COPY: (draw) => [draw.key(), draw.key(), ...draw.of([[], [], ["REPLACE"], ["DB", "0"], ["x"], ["DB"]])],
  KEYS: (draw) => [
    draw.of(["*", "k?", "k[0-1]", "k[^0]", "\\k*", "?", "", "[", "*[", "a\\", "**0", "k[1-", "[\\k]0"]),
  ],
  SCAN: (draw) => [
    "0",
    "COUNT",
    "1000",
    ...draw.of([[], ["MATCH", "k*"], ["TYPE", "string"], ["TYPE", "HASH"], ["x"], ["MATCH"]]),
  ],
  DBSIZE: () => [],
  FLUSHDB: (draw) => (draw.below(8) === 0 ? draw.of([[], ["ASYNC"], ["sync"]]) : ["x"]),
  EXPIRE: (draw) => [draw.key(), draw.seconds(), ...draw.expireOptions()],
  PEXPIRE: (draw) => [draw.key(), draw.milliseconds(), ...draw.expireOptions()],
  EXPIREAT: (draw) => [draw.key(), draw.at("s"), ...draw.expireOptions()],
  PEXPIREAT: (draw) => [draw.key(), draw.at("ms"), ...draw.expireOptions()],
  TTL: on(),
  PTTL: on(),
  EXPIRETIME: on(),
  PEXPIRETIME: on(),
  PERSIST: on(),
  PING: (draw) => draw.of([[], [draw.value()], ["a", "b"]]),
  ECHO: (draw) => [draw.value()],
  PUBLISH: (draw) => [draw.value(), draw.value()],
  PUBSUB: (draw) =>
    draw.of([
      ["CHANNELS"],
      ["channels", "*"],
      ["CHANNELS", "a", "b"],
      ["NUMSUB"],
      ["numsub", "a", "b", "a"],
      ["NUMPAT"],
      ["NumPat", "x"],
      ["bogus", "x"],
    ]),
  NOSUCH: (draw) => draw.some(() => draw.value(), 5),
};

/** What Redis answers in an order of its own. */
const UNORDERED = new Set([
  "HKEYS",
  "HVALS",
  "KEYS",
  "SMEMBERS",
  "SINTER",
  "SUNION",
  "SDIFF",
  "SPOP",
  "SRANDMEMBER",
]);
const PAIRS = new Set(["HGETALL"]);
const SCANS = new Set(["SCAN", "HSCAN", "SSCAN"]);
/** With other arguments these would answer at random, or reach a second database, which the keyspace has not. */
const FIXED_ARGUMENTS = new Set(["HRANDFIELD", "SPOP", "SRANDMEMBER", "COPY"]);
/** Answers that follow the clock, and by how much they may differ. */
const CLOCK: Readonly<Record<string, number>> = {
  TTL: 60,
  PTTL: 60_000,
  EXPIRETIME: 60,
  PEXPIRETIME: 60_000,
};

function show(reply: RespValue): string {
  switch (reply.kind) {
    case "bulk":
      return reply.bytes === null ? "$null" : JSON.stringify(Buffer.from(reply.bytes).toString("latin1"));
    case "array":
      return reply.items === null ? "*null" : `[${reply.items.map(show).join(" ")}]`;
    case "integer":
      return `:${reply.value}`;
    default:
      return `${reply.kind} ${reply.text}`;
  }
}

const sorted = (reply: RespValue, size: number): RespValue => {
  if (reply.kind !== "array" || reply.items === null) return reply;
  const groups: string[] = [];
  for (let at = 0; at < reply.items.length; at += size)
    groups.push(
      reply.items
        .slice(at, at + size)
        .map(show)
        .join(" "),
    );
  return { kind: "status", text: groups.sort().join(" ") };
};

/** A reply as a text that must be equal on both sides. */
function comparable(command: readonly Argument[], reply: RespValue): string {
  const name = String(command[0]).toUpperCase();
  if (name === "HRANDFIELD") return show(sorted(reply, command.length === 4 ? 2 : 1));
  if (UNORDERED.has(name)) return show(sorted(reply, 1));
  if (PAIRS.has(name)) return show(sorted(reply, 2));
  if (SCANS.has(name) && reply.kind === "array") {
    const [cursor, items] = reply.items ?? [];
    if (cursor === undefined || items === undefined) throw new Error("a scan's reply has a cursor and items");
    return `${show(cursor)} ${show(sorted(items, name === "HSCAN" ? 2 : 1))}`;
  }
  const tolerance = CLOCK[name];
  if (tolerance !== undefined && reply.kind === "integer" && reply.value > 0) {
    return `about ${Math.round(Number(reply.value) / tolerance / 2)}`;
  }
  return show(reply);
}

function equal(command: readonly Argument[], a: RespValue, b: RespValue): boolean {
  const tolerance = CLOCK[String(command[0]).toUpperCase()];
  if (tolerance !== undefined && a.kind === "integer" && b.kind === "integer" && a.value > 0 && b.value > 0) {
    return Math.abs(Number(a.value) - Number(b.value)) <= tolerance;
  }
  return comparable(command, a) === comparable(command, b);
}

const real = await startRedisServer();
if (real === undefined) {
  if (process.env["CI"] !== undefined)
    throw new Error("no redis-server on the PATH: the differential test needs it");
  console.warn(
    "skipped: the embedded keyspace is not compared with a real Redis, there is no redis-server on the PATH",
  );
}

describe.skipIf(real === undefined)("the embedded keyspace replies as Redis does", () => {
  let redis: Backend;
  let embedded: Backend;
  beforeAll(() => {
    redis = real as Backend;
    embedded = createEmbeddedBackend();
  });
  afterAll(async () => {
    await embedded.close();
    await redis.close();
  });

  const GROUPS: Readonly<Record<string, readonly Readonly<Record<string, Make>>[]>> = {
    strings: [STRINGS, GENERIC],
    hashes: [HASHES, GENERIC],
    "lists and sets": [COLLECTIONS, GENERIC],
    "all types": [STRINGS, HASHES, COLLECTIONS, GENERIC],
  };

  test.each(Object.entries(GROUPS))("%s", async (_, tables) => {
    for (let sequence = 0; sequence < SEQUENCES; sequence++) {
      const seed = SEED + sequence;
      const draw = new Draw(seed);
      for (const backend of [redis, embedded]) await backend.execute([bytesOf("FLUSHALL")]);
      const history: string[] = [];
      for (let index = 0; index < LENGTH; index++) {
        const table = draw.of(tables);
        const name = draw.of(Object.keys(table));
        const args = table[name]?.(draw) ?? [];
        // Now and then an argument too few or too many.
        const change = FIXED_ARGUMENTS.has(name) ? 0 : draw.below(40);
        if (change === 1) args.pop();
        else if (change === 2) args.push(draw.value());
        const command = [draw.spelled(name), ...args];
        const wire = command.map(bytesOf);
        const [theirs, ours] = [await redis.execute(wire), await embedded.execute(wire)];
        history.push(
          `${wire.map((bytes) => JSON.stringify(Buffer.from(bytes).toString("latin1"))).join(" ")} → ${show(theirs)}`,
        );
        if (!equal(command, theirs, ours)) {
          expect.fail(`seed ${seed}:\n${history.slice(-12).join("\n")}\nembedded: ${show(ours)}`);
        }
      }
    }
  });

  test("transactions", async () => {
    for (let sequence = 0; sequence < SEQUENCES; sequence++) {
      const draw = new Draw(SEED + 1_000 + sequence);
      for (const backend of [redis, embedded]) await backend.execute([bytesOf("FLUSHALL")]);
      for (let index = 0; index < 40; index++) {
        const commands = Array.from({ length: 1 + draw.below(5) }, () => {
          const table = draw.of([STRINGS, HASHES, COLLECTIONS]);
          const name = draw.of(Object.keys(table));
          return [draw.below(30) === 0 ? "NOSUCH" : name, ...(table[name]?.(draw) ?? [])];
        });
        const wire = commands.map((command) => command.map(bytesOf));
        const [theirs, ours] = [await redis.transaction(wire), await embedded.transaction(wire)];
        if (theirs.kind !== "array" || ours.kind !== "array") {
          expect(show(ours)).toBe(show(theirs));
          continue;
        }
        expect(ours.items?.length).toBe(theirs.items?.length);
        commands.forEach((command, at) => {
          const [a, b] = [theirs.items?.[at], ours.items?.[at]];
          if (a === undefined || b === undefined) throw new Error("a transaction replies to each command");
          if (!equal(command, a, b)) expect.fail(`${command.join(" ")}: ${show(a)}, embedded: ${show(b)}`);
        });
      }
    }
  });
});
