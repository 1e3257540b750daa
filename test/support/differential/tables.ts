/** The commands that are compared, by type, and how the arguments of each are drawn. */
import { bit, field, integer, keys, offset, on, pairs, value } from "./draw.ts";
import type { Argument, Draw, Make } from "./draw.ts";

/** Operations of BITFIELD; only those that read, if that is wanted. */
function bitOperations(draw: Draw, readOnly: boolean): Argument[] {
  const type = (): Argument =>
    draw.below(12) === 0
      ? draw.of(["u64", "i65", "u0", "x", "i", "i08"])
      : draw.of(["u1", "u8", "i8", "i5", "u13", "i64", "u63", "I8"]);
  const offset = (): Argument =>
    draw.below(12) === 0
      ? draw.of(["-1", "x", "#x", "4294967296", "#"])
      : `${draw.of(["", "", "#"])}${draw.below(40)}`;
  const kinds = readOnly ? ["GET", "get"] : ["GET", "SET", "INCRBY", "incrby", "OVERFLOW"];
  return draw
    .some(() => draw.of(kinds), 4)
    .flatMap((kind): Argument[] => {
      if (kind === "OVERFLOW")
        return [kind, draw.of(["WRAP", "sat", "FAIL", draw.below(8) === 0 ? "x" : "SAT"])];
      const place = [kind, type(), offset()];
      return kind === "GET" || kind === "get" ? place : [...place, draw.integer()];
    });
}

export const STRINGS: Readonly<Record<string, Make>> = {
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
  BITPOS: (draw) => [
    draw.key(),
    draw.of(["0", "1", "1", "2", "x"]),
    ...draw.of([
      [],
      [draw.integer()],
      [draw.integer(), draw.integer()],
      [draw.integer(), draw.integer(), draw.of(["bit", "BYTE", "x"])],
    ]),
  ],
  BITFIELD: (draw) => [draw.key(), ...bitOperations(draw, false)],
  BITFIELD_RO: (draw) => [draw.key(), ...bitOperations(draw, draw.below(10) > 0)],
  BITOP: (draw) => [draw.of(["AND", "or", "XOR", "NOT", "x"]), draw.key(), ...keys(draw)],
};

export const HASHES: Readonly<Record<string, Make>> = {
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

/** `numkeys key …`; now and then another number. */
function numbered(draw: Draw): Argument[] {
  const list = draw.some(() => draw.key());
  return [draw.below(10) === 0 ? draw.of(["0", "-1", "x", "9"]) : `${list.length}`, ...list];
}

function end(draw: Draw): Argument {
  return draw.spelled(draw.of(["LEFT", "RIGHT", draw.below(8) === 0 ? "UP" : "LEFT"]));
}

export const COLLECTIONS: Readonly<Record<string, Make>> = {
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
  LMPOP: (draw) => [
    ...numbered(draw),
    draw.of(["LEFT", "right", "RIGHT", draw.below(6) === 0 ? "x" : "left"]),
    ...draw.of([[], ["COUNT", "2"], ["count", draw.integer()]]),
  ],
  LMOVE: (draw) => [draw.key(), draw.key(), end(draw), end(draw)],
  RPOPLPUSH: on((draw) => draw.key()),
  LPOS: (draw) => {
    const options: Argument[] = [];
    while (draw.below(2) === 0)
      options.push(
        draw.spelled(draw.of(["RANK", "COUNT", "MAXLEN", draw.below(6) === 0 ? "BOGUS" : "RANK"])),
        // Not LONG_MIN, whose opposite is undefined in C: newer Redis refuse it as a rank.
        draw.below(10) === 0 ? "x" : `${draw.below(9) - 4}`,
      );
    return [draw.key(), draw.value(), ...options];
  },
  SADD: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SREM: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SCARD: on(),
  SISMEMBER: on(field),
  SMISMEMBER: (draw) => [draw.key(), ...draw.some(() => draw.field())],
  SMEMBERS: on(),
  SINTER: keys,
  SUNION: keys,
  SDIFF: keys,
  SINTERSTORE: on(
    (draw) => draw.key(),
    (draw) => draw.key(),
  ),
  SUNIONSTORE: on(
    (draw) => draw.key(),
    (draw) => draw.key(),
  ),
  SDIFFSTORE: on(
    (draw) => draw.key(),
    (draw) => draw.key(),
  ),
  SINTERCARD: (draw) => [...numbered(draw), ...draw.of([[], [], ["LIMIT", draw.integer()]])],
  SMOVE: on((draw) => draw.key(), field),
  SPOP: (draw) => [draw.key(), draw.of(["100", "-1", "x", "0"])],
  SRANDMEMBER: (draw) => [draw.key(), draw.of(["100", "x", "0"])],
  SSCAN: (draw) => [draw.key(), "0", "COUNT", "1000"],
};

export const GENERIC: Readonly<Record<string, Make>> = {
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

/** HyperLogLogs, without the commands that see their bytes: those of small ones differ. */
export const HYPERLOGLOGS: Readonly<Record<string, Make>> = {
  PFADD: (draw) => [
    draw.of(["k0", "k1", "k2"]),
    ...(draw.below(8) === 0
      ? Array.from({ length: draw.below(3_000) }, () => `e${draw.below(100_000)}`)
      : draw.some(() => draw.value())),
  ],
  PFCOUNT: (draw) => draw.some(() => draw.of(["k0", "k1", "k2", "none", "text", "list"])),
  PFMERGE: (draw) =>
    draw.some(() => draw.of(["k0", "k1", "k2", "none", draw.below(4) === 0 ? "text" : "k0"])),
  DEL: (draw) => [draw.of(["k0", "k1", "k2", "none"])],
  COPY: () => ["k0", "k1", "REPLACE"],
  TYPE: (draw) => [draw.of(["k0", "text"])],
  SET: () => ["text", "v"],
  RPUSH: () => ["list", "v"],
};

const streamKey = (draw: Draw): Argument => draw.of(["s0", "s1", draw.below(10) === 0 ? "text" : "s0"]);
const id = (draw: Draw): Argument =>
  draw.below(12) === 0
    ? draw.of([
        "x",
        "0-0",
        "5-",
        "-5",
        "01-2",
        "18446744073709551615-18446744073709551615",
        "1-2-3",
        "",
        "18446744073709551616",
      ])
    : `${draw.below(40)}${draw.of(["", `-${draw.below(6)}`, `-${draw.below(6)}`])}`;
const edge = (draw: Draw): Argument =>
  draw.below(4) === 0 ? draw.of(["-", "+", "(", "(-", "(0-0"]) : `${draw.of(["", "("])}${String(id(draw))}`;
/** Without `~`: how much it keeps depends on how Redis packs entries. */
const trim = (draw: Draw): Argument[] =>
  draw.of([
    ["MAXLEN", draw.integer()],
    ["maxlen", "=", `${draw.below(8)}`],
    ["MINID", id(draw)],
    ["MINID", "=", id(draw)],
    ["MAXLEN", "5", "LIMIT", draw.integer()],
    ["LIMIT", draw.integer()],
    ["MAXLEN", "3", "MINID", "2"],
    ["MAXLEN"],
  ]);
const count = (draw: Draw): Argument[] => (draw.below(2) === 0 ? [] : ["COUNT", draw.integer()]);

/** Streams with IDs that are given: those of Redis' clock cannot be compared. */
export const STREAMS: Readonly<Record<string, Make>> = {
  XADD: (draw) => [
    streamKey(draw),
    ...(draw.below(4) === 0 ? trim(draw) : []),
    ...(draw.below(6) === 0 ? ["NOMKSTREAM"] : []),
    // Most are larger than those before them.
    draw.below(3) === 0 ? id(draw) : `${draw.below(300)}${draw.of(["-*", "", "-7"])}`,
    ...pairs(draw, () => draw.field()),
  ],
  XLEN: (draw) => [streamKey(draw)],
  XRANGE: (draw) => [streamKey(draw), edge(draw), edge(draw), ...count(draw)],
  XREVRANGE: (draw) => [streamKey(draw), edge(draw), edge(draw), ...count(draw)],
  XDEL: (draw) => [streamKey(draw), ...draw.some(() => id(draw))],
  XTRIM: (draw) => [streamKey(draw), ...trim(draw)],
  XREAD: (draw) => [
    ...count(draw),
    "STREAMS",
    ...draw.of<Argument[]>([
      [streamKey(draw), id(draw)],
      ["s0", "s1", id(draw), draw.of(["$", "0", draw.below(5) === 0 ? ">" : "0"])],
      ["s0", "s1", "0"],
    ]),
  ],
  COPY: (draw) => ["s0", "s1", ...draw.of([[], ["REPLACE"]])],
  DEL: (draw) => [draw.below(3) === 0 ? "s0" : "s1"],
  TYPE: (draw) => [streamKey(draw)],
  SET: () => ["text", "v"],
};

const group = (draw: Draw): Argument => draw.of(["g0", "g1", draw.below(8) === 0 ? "none" : "g0"]);
const consumer = (draw: Draw): Argument => draw.of(["c0", "c1", "\xff\x00", "b"]);
const idle = (draw: Draw): Argument => draw.of(["0", "0", "1000000", "-1", draw.below(6) === 0 ? "x" : "0"]);

/** Groups of consumers, over the streams of the table above. */
export const STREAM_GROUPS: Readonly<Record<string, Make>> = {
  XGROUP: (draw) => {
    const place = [streamKey(draw), group(draw)];
    return draw.of<Argument[]>([
      [
        "CREATE",
        ...place,
        draw.of(["$", "0", id(draw)]),
        ...draw.of([[], ["MKSTREAM"], ["ENTRIESREAD", draw.integer()], ["x"]]),
      ],
      ["create", ...place, "0", "mkstream"],
      [
        "SETID",
        ...place,
        draw.of(["$", "0", id(draw)]),
        ...draw.of([[], [], ["ENTRIESREAD", "3"], ["MKSTREAM"]]),
      ],
      draw.below(4) === 0 ? ["DESTROY", ...place] : ["DESTROY"],
      ["CREATECONSUMER", ...place, consumer(draw)],
      ["DELCONSUMER", ...place, consumer(draw)],
      ["BOGUS", ...place],
    ]);
  },
  XREADGROUP: (draw) => [
    ...(draw.below(30) === 0 ? [] : ["GROUP", group(draw), consumer(draw)]),
    ...count(draw),
    ...draw.of([[], [], ["NOACK"]]),
    "STREAMS",
    ...draw.of<Argument[]>([
      [streamKey(draw), draw.of([">", ">", "0", id(draw), draw.below(6) === 0 ? "$" : ">"])],
      ["s0", "s1", ">", draw.of([">", "0"])],
      ["s0", "s1", ">"],
    ]),
  ],
  XACK: (draw) => [streamKey(draw), group(draw), ...draw.some(() => id(draw), 5)],
  XPENDING: (draw) => [
    streamKey(draw),
    group(draw),
    ...draw.of<Argument[]>([
      [],
      ["-", "+", "10"],
      [edge(draw), edge(draw), draw.integer(), consumer(draw)],
      ["IDLE", idle(draw), "-", "+", "10"],
      ["IDLE", idle(draw), "-", "+", "10", consumer(draw)],
      ["-", "+"],
      ["a", "b", "c", "d", "e"],
    ]),
  ],
  XCLAIM: (draw) => [
    streamKey(draw),
    group(draw),
    consumer(draw),
    idle(draw),
    ...draw.some(() => id(draw), 4),
    ...draw.of<Argument[]>([
      [],
      ["JUSTID"],
      ["FORCE"],
      ["FORCE", "JUSTID"],
      ["IDLE", "2000000"],
      ["TIME", "1000"],
      ["RETRYCOUNT", draw.integer()],
      ["LASTID", id(draw)],
      ["BOGUS"],
    ]),
  ],
  XAUTOCLAIM: (draw) => [
    streamKey(draw),
    group(draw),
    consumer(draw),
    idle(draw),
    edge(draw),
    ...draw.of<Argument[]>([[], ["COUNT", draw.integer()], ["JUSTID"], ["COUNT", "1"], ["x"]]),
  ],
  XINFO: (draw) =>
    draw.of<Argument[]>([
      ["STREAM", streamKey(draw)],
      ["GROUPS", streamKey(draw)],
      ["CONSUMERS", streamKey(draw), group(draw)],
      ["GROUPS"],
      ["x"],
    ]),
};
