/** Random commands for the tests of equality, as data. */
import type { Random } from "../random.ts";
import {
  bits,
  byteHashes,
  bytes,
  Draw,
  fields,
  hashes,
  lists,
  sets,
  SINGLE,
  sorted,
  STREAM,
  strings,
  type Operation,
} from "./draw.ts";
import type { Values } from "./values.ts";

type Make = () => Operation;
type Weighted = readonly (readonly [weight: number, make: Make])[];

/** Draws operations. */
export class Operations {
  readonly #random: Random;
  readonly #makes: readonly Make[];

  /** `realRedis` says whether there are sorted sets, streams and scripts. */
  constructor(random: Random, values: Values, realRedis: boolean) {
    this.#random = random;
    const draw = new Draw(random, values);
    const common = [writing, reading, ofHashes, ofKeyspace, onStoredBytes, ofCollections];
    const groups: Weighted = [
      ...common.flatMap((group) => group(draw)),
      ...ofRealRedis(draw).map(([weight, make]): Weighted[number] => [realRedis ? weight : weight / 4, make]),
    ];
    this.#makes = groups.flatMap(([weight, make]) =>
      Array.from({ length: Math.round(weight * 4) }, () => make),
    );
  }

  next(): Operation {
    return this.#random.pick(this.#makes)();
  }
}

function writing(draw: Draw): Weighted {
  const value = (): unknown => draw.values.any();
  const key = (): string => draw.key(strings);
  return [
    [8, () => draw.on("set", key(), [value()])],
    [14, () => draw.on("set", key(), [value(), draw.setOptions()])],
    [4, () => draw.raw([...draw.spelled("SET"), key(), draw.values.string(), ...draw.rawSetOptions()])],
    [2, () => draw.on("setex", key(), [draw.life(), value()])],
    [2, () => draw.on("psetex", key(), [draw.life() * 1000, value()])],
    [3, () => draw.on("setnx", key(), [value()])],
    [3, () => draw.on("getset", key(), [value()])],
    [4, () => draw.many("mset")],
    [2, () => draw.many("msetnx")],
    [
      1,
      () => {
        const other = draw.random.pick(strings);
        const record = { v0: draw.values.text(2000), [other]: draw.values.untouched() };
        return { method: "mset", args: [record], view: "exact", keys: Object.keys(record) };
      },
    ],
    [1, () => draw.raw(["mset", ...draw.some(() => [key(), draw.values.string()]).flat()])],
    [0.5, () => draw.raw(["MSET", key(), draw.values.string(), key()])],
    [0.5, () => draw.raw(["SET", key()])],
  ];
}

function reading(draw: Draw): Weighted {
  const key = (): string => draw.key(strings);
  const expiry = (): Record<string, unknown> =>
    draw.random.below(3) === 0 ? { persist: true } : (draw.time() ?? {});
  return [
    [14, () => draw.on("get", key())],
    [5, () => draw.on("getex", key(), [expiry()])],
    [1, () => draw.raw(["GetEx", key(), ...draw.rawTime()])],
    [4, () => draw.on("getdel", key())],
    [6, () => draw.several("mget", strings)],
    [2, () => draw.on("mget", key(), [])],
    [
      1,
      () => {
        const keys = draw.some(key);
        return { method: "mget", args: [keys], view: "exact", keys };
      },
    ],
    [2, () => draw.raw([...draw.spelled("GET"), key()])],
  ];
}

function ofHashes(draw: Draw): Weighted {
  const key = (): string => draw.key(hashes);
  const field = (): string => draw.random.pick(fields);
  const value = (): unknown => draw.values.any();
  const record = (): Record<string, unknown> => Object.fromEntries(draw.some(() => [field(), value()]));
  const drawFields = (): string[] => draw.some(field);
  return [
    [8, () => draw.on("hset", key(), [record()])],
    // One value that is compressed, and behind it what could be taken for an option.
    [2, () => draw.on("hset", key(), [{ f0: draw.values.text(2000), [field()]: draw.values.untouched() }])],
    [2, () => draw.on("hmset", key(), [record()])],
    [3, () => draw.on("hsetnx", key(), [field(), value()])],
    [1, () => draw.raw(["HSET", key(), ...drawFields().flatMap((name) => [name, draw.values.string()])])],
    [3, () => draw.on("hsetex", key(), [draw.fieldOptions(), record()])],
    [1, () => draw.raw(["hsetEx", key(), "fxx", "fields", "1", field(), draw.values.string()])],
    [7, () => draw.on("hget", key(), [field()])],
    [4, () => draw.on("hmget", key(), drawFields())],
    [5, () => draw.on("hgetall", key(), [], "pairs")],
    [3, () => draw.on("hvals", key(), [], "list")],
    [2, () => draw.on("hkeys", key(), [], "list")],
    [1, () => draw.on("hlen", key())],
    [1, () => draw.on("hexists", key(), [field()])],
    [3, () => draw.on("hdel", key(), drawFields())],
    [3, () => draw.on("hgetex", key(), [draw.time() ?? { persist: true }, ...drawFields()])],
    [2, () => draw.on("hgetdel", key(), drawFields())],
    [1, () => draw.on("httl", key(), [drawFields()])],
    // More than there are: the whole hash.
    [3, () => draw.on("hrandfield", key(), [100, true], "pairs")],
    [1, () => draw.on("hrandfield", key(), [100, false], "list")],
    [
      1,
      () => draw.raw(["HRANDFIELD", key(), "100", draw.random.pick(["withvalues", "WithValues"])], "pairs"),
    ],
    [1, () => draw.on("hset", SINGLE, [{ only: value() }])],
    [1, () => draw.on("hrandfield", SINGLE, draw.random.pick([[], [1], [-3], [1, true]]))],
    [1, () => draw.raw(["hrandfield", SINGLE, "-3", "WITHVALUES"])],
    [3, () => draw.on("hscan", key(), draw.scanArguments(), "scanPairs")],
    [
      1,
      () => ({
        ...draw.on("hscan", key(), ["0", { count: 1 + draw.random.below(5) }], "pairs"),
        alone: true,
        pages: 1,
      }),
    ],
    [1, () => draw.raw(["HSCAN", key(), "0", "COUNT", "1000", "NOVALUES"], "scan")],
    // These work on what is stored.
    [1, () => draw.on("hset", draw.random.pick(byteHashes), [{ [draw.counter()]: draw.values.untouched() }])],
    [
      1,
      () => draw.on("hincrby", draw.random.pick(byteHashes), [draw.counter(), draw.random.below(100) - 50]),
    ],
    [1, () => draw.on("hincrbyfloat", draw.random.pick(byteHashes), [draw.counter(), 0.25])],
    [1, () => draw.on("hstrlen", draw.random.pick(byteHashes), [draw.counter()])],
    [1, () => draw.on("hgetall", draw.random.pick(byteHashes), [], "pairs")],
    // On values that may be compressed, where they fail on both sides or meet a number.
    [1, () => draw.on("hincrby", key(), [field(), 3])],
  ];
}

/** Not DBSIZE: Redis counts keys that are over until it finds the time to remove them. */
function ofKeyspace(draw: Draw): Weighted {
  const any = (): string => draw.key(draw.random.pick([strings, strings, hashes, lists, sets]));
  const life = (): number => draw.life();
  return [
    [3, () => draw.several("del", draw.random.pick([strings, hashes]))],
    [1, () => draw.several("unlink", strings)],
    [2, () => draw.several("exists", strings)],
    [1, () => draw.several("touch", strings)],
    [2, () => draw.on("type", any())],
    [3, () => draw.on("ttl", any(), [], "seconds")],
    [2, () => draw.on("pttl", any(), [], "milliseconds")],
    [1, () => draw.raw(["PEXPIRETIME", any()], "atMilliseconds")],
    [
      3,
      () => draw.on("expire", any(), [life(), ...draw.random.pick([[], [], ["NX"], ["XX"], ["gt"], ["LT"]])]),
    ],
    [1, () => draw.on("pexpire", any(), [life() * 1000])],
    [1, () => draw.on("expireat", any(), [draw.start + life()])],
    [1, () => draw.on("pexpireat", any(), [(draw.start + life()) * 1000])],
    [0.5, () => draw.on("expire", any(), [-1])],
    [2, () => draw.on("persist", any())],
    [2, () => draw.pair("rename")],
    [1, () => draw.pair("renamenx")],
    [2, () => draw.pair("copy", draw.random.pick([[], [{ replace: true }]]))],
    [
      1,
      () => ({
        method: "keys",
        args: [draw.random.pick(["*", "v*", "h*", "[ab]*", "*\\**"])],
        view: "list",
        keys: undefined,
      }),
    ],
    [1, () => draw.scan()],
    [0.25, () => ({ method: "flushdb", args: [], view: "exact", keys: undefined })],
    [1, () => draw.on("incr", draw.key(strings))],
    [1, () => draw.on("decrby", draw.key(strings), [7])],
    [1, () => draw.on("incrbyfloat", draw.key(strings), [0.5])],
    [0.5, () => ({ method: "ping", args: [], view: "exact", keys: [] })],
    [0.5, () => ({ method: "echo", args: [draw.values.string()], view: "exact", keys: [] })],
    [0.5, () => draw.raw(["NOSUCHCOMMAND", any(), draw.values.string()])],
    [0.5, () => draw.raw(["GET"])],
  ];
}

/** What works on stored bytes, on keys that never hold a compressed value: that is the documented exception. */
function onStoredBytes(draw: Draw): Weighted {
  const key = (): string => draw.random.pick(bytes);
  const bit = (): string => draw.random.pick(bits);
  const below = (limit: number): number => draw.random.below(limit);
  return [
    [2, () => draw.on("set", key(), [draw.values.untouched()])],
    [2, () => draw.on("append", key(), [`${draw.values.untouched()}`])],
    [1, () => draw.on("append", key(), ["appended ".repeat(below(300))])],
    [1, () => draw.on("strlen", key())],
    [1, () => draw.on("getrange", key(), [below(20) - 5, below(2000) - 5])],
    [1, () => draw.raw(["SUBSTR", key(), "0", "-2"])],
    [1, () => draw.on("setrange", key(), [below(3000), `${draw.values.untouched()}`])],
    [1, () => draw.on("get", key())],
    [1, () => draw.on("incr", key())],
    [1, () => draw.on("decr", key())],
    [1, () => draw.on("incrby", key(), [below(1000)])],
    [1, () => draw.on("incrbyfloat", key(), [below(1000) / 8])],
    [1, () => draw.on("set", key(), [below(1000), draw.setOptions()])],
    [1, () => draw.on("setbit", bit(), [below(200), below(2)])],
    [1, () => draw.on("getbit", bit(), [below(200)])],
    [1, () => draw.on("bitcount", bit(), draw.random.pick([[], [0, 3]]))],
    [0.5, () => ({ method: "bitop", args: ["or", bits[0], bits[0], bits[1]], view: "exact", keys: bits })],
  ];
}

function ofCollections(draw: Draw): Weighted {
  const value = (): unknown => draw.values.any();
  const values = (): unknown[] => draw.some(value);
  const list = (): string => draw.key(lists);
  const set = (): string => draw.key(sets);
  const at = (): number => draw.random.below(7) - 3;
  return [
    [3, () => draw.on("rpush", list(), values())],
    [2, () => draw.on("lpush", list(), values())],
    [1, () => draw.on("rpushx", list(), values())],
    [3, () => draw.on("lrange", list(), [0, -1])],
    [1, () => draw.on("lindex", list(), [at()])],
    [1, () => draw.on("lset", list(), [at(), value()])],
    [1, () => draw.on("lrem", list(), [at(), value()])],
    [1, () => draw.on("ltrim", list(), [-20, -1])],
    [1, () => draw.on("linsert", list(), ["before", value(), value()])],
    [1, () => draw.on("lpop", list(), draw.random.pick([[], [2]]))],
    [1, () => draw.on("rpop", list())],
    [1, () => draw.on("llen", list())],
    [3, () => draw.on("sadd", set(), values())],
    [2, () => draw.on("smembers", set(), [], "list")],
    [1, () => draw.on("sismember", set(), [value()])],
    [1, () => draw.on("smismember", set(), [values()])],
    [1, () => draw.on("srem", set(), values())],
    [1, () => draw.on("scard", set())],
    [1, () => draw.on("srandmember", set(), [1000], "list")],
    [0.5, () => draw.on("spop", set(), [1000], "list")],
    [1, () => draw.on("sscan", set(), draw.scanArguments(), "scan")],
    [1, () => ({ method: "sunion", args: [...sets], view: "list", keys: sets })],
  ];
}

function ofRealRedis(draw: Draw): Weighted {
  const value = (): unknown => draw.values.any();
  const set = (): string => draw.key(sorted);
  const score = (): number => draw.random.below(40) / 4;
  return [
    [
      3,
      () =>
        draw.on(
          "zadd",
          set(),
          draw.some(() => ({ score: score(), member: value() })),
        ),
    ],
    [
      1,
      () =>
        draw.on("zadd", set(), [
          draw.random.pick([{ nx: true }, { xx: true, ch: true }]),
          { score: score(), member: value() },
        ]),
    ],
    [
      2,
      () =>
        draw.on(
          "zrange",
          set(),
          draw.random.pick<unknown[]>([
            [0, -1],
            [0, -1, { withScores: true }],
            [2, 7, { byScore: true }],
          ]),
        ),
    ],
    [1, () => draw.on("zscore", set(), [value()])],
    [1, () => draw.on("zincrby", set(), [score(), value()])],
    [1, () => draw.on("zrem", set(), draw.some(value))],
    [1, () => draw.on("zpopmin", set(), [2])],
    [0.5, () => draw.on("zcard", set())],
    [1, () => draw.on("xadd", STREAM, [draw.streamId(), { field: value(), "zs1:KLUv/": value() }])],
    [1, () => draw.on("xrange", STREAM, ["-", "+", 5])],
    [0.5, () => draw.on("pfadd", "hll", draw.some(value))],
    [0.5, () => draw.on("pfcount", "hll")],
    // Scripts see what they are given, and give what they return.
    [
      1,
      () => ({
        method: "eval",
        args: [
          "return {KEYS[1], ARGV[1], 1, {ARGV[1]}}",
          [draw.random.pick(strings)],
          [draw.values.string()],
        ],
        view: "exact",
        keys: [],
      }),
    ],
    [0.5, () => draw.on("lpos", draw.key(lists), [value()])],
  ];
}
