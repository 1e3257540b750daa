/** The commands about sorted sets that are compared, and how their arguments are drawn. */
import { field, integer, on } from "./draw.ts";
import type { Argument, Draw, Make } from "./draw.ts";

/** Keys that ZADD gives members of many scores, and those whose members all score 0: ranges of bytes need the latter. */
const SCORED: readonly Argument[] = ["k0", "k1", "k2", "\xff\x00\x80", ""];
const EVEN: readonly Argument[] = ["even0", "even1"];
const MEMBERS: readonly Argument[] = [
  "f0",
  "f1",
  "f2",
  "f3",
  "",
  "\x00\xff",
  "1",
  "a",
  "aa",
  "b",
  "B",
  "\xe9",
  "10",
  "-1",
];

const key = (draw: Draw): Argument => draw.of(SCORED);
const anyKey = (draw: Draw): Argument => (draw.below(5) === 0 ? draw.of(EVEN) : draw.of(SCORED));
const member = (draw: Draw): Argument => draw.of(MEMBERS);
const score = (draw: Draw): Argument => {
  const odd = [
    "x",
    "",
    " 1",
    "nan",
    "inf",
    "-Inf",
    "+infinity",
    "1e400",
    "1e-400",
    "0x10",
    "0x1.8p1",
    "0xg",
    "1e17",
    "-1e17",
    "123456789012345678",
    "0.1",
    "0.30000000000000004",
    "-0",
    "1e-5",
    "1.00000762939453125",
    "5e-324",
    "1e308",
    ".5",
    "5.",
    "1e",
    "9007199254740993",
    "1e-7",
    "100000000000000000000",
    "4503599627370497.5",
    "1\x002",
  ];
  return draw.below(3) === 0 ? draw.of(odd) : `${(draw.below(200) - 100) / 10 ** draw.below(3)}`;
};
const bound = (draw: Draw): Argument => {
  const exclusive = draw.of(["", "", "("]);
  return draw.below(6) === 0
    ? draw.of(["-inf", "+inf", "(", "", "(x", " 1", "nan", "((1"])
    : `${exclusive}${draw.below(21) - 10}`;
};
const lexBound = (draw: Draw): Argument =>
  draw.below(4) === 0
    ? draw.of(["-", "+", "", "x", "[", "(", "-x"])
    : `${draw.of(["[", "("])}${draw.of(MEMBERS) as string}`;

const flags = (draw: Draw): Argument[] => {
  const chosen: Argument[] = [];
  while (draw.below(2) === 0) chosen.push(draw.spelled(draw.of(["NX", "XX", "GT", "LT", "CH", "INCR"])));
  return chosen;
};
const scoredMembers = (draw: Draw): Argument[] =>
  draw.below(40) === 0 ? [] : draw.some(() => "x", 6).flatMap(() => [score(draw), member(draw)]);
const withScores = (draw: Draw): Argument[] => draw.of([[], [], [draw.spelled("WITHSCORES")]]);
const limit = (draw: Draw): Argument[] =>
  draw.below(3) > 0
    ? []
    : ["LIMIT", draw.below(6) === 0 ? "x" : `${draw.below(6) - 1}`, `${draw.below(6) - 1}`];

/** `numkeys key …`; now and then another number. */
const keysWithNumber = (draw: Draw): Argument[] => {
  const keys = draw.some(() => (draw.below(8) === 0 ? draw.of(["k3", "none"]) : key(draw)), 3);
  return [draw.below(15) === 0 ? draw.of(["0", "-1", "x", "9"]) : `${keys.length}`, ...keys];
};
const combination =
  (weighted: boolean, ...more: ((draw: Draw) => Argument[])[]): Make =>
  (draw) => {
    const keys = keysWithNumber(draw);
    const weights = (): Argument[] => [
      draw.spelled("WEIGHTS"),
      ...keys
        .slice(1)
        .map(() => draw.of(["1", "2", "-1", "0.5", "0", "inf", draw.below(8) === 0 ? "x" : "3"])),
    ];
    return [
      ...keys,
      ...(weighted && draw.below(2) === 0 ? weights() : []),
      ...(weighted && draw.below(2) === 0
        ? ["AGGREGATE", draw.of(["SUM", "min", "MAX", draw.below(5) === 0 ? "x" : "SUM"])]
        : []),
      ...more.flatMap((make) => make(draw)),
    ];
  };
const storing =
  (make: Make): Make =>
  (draw) => [draw.of(["k0", "k1", "k2", "k3"]), ...make(draw)];

const byOption = (draw: Draw): Argument[] => {
  const reversed = draw.below(3) === 0 ? [draw.spelled("REV")] : [];
  switch (draw.below(3)) {
    case 0:
      return [key(draw), bound(draw), bound(draw), "BYSCORE", ...reversed, ...limit(draw)];
    case 1:
      return [draw.of(EVEN), lexBound(draw), lexBound(draw), ...reversed, "bylex", ...limit(draw)];
    default:
      return [
        anyKey(draw),
        draw.integer(),
        draw.integer(),
        ...reversed,
        ...(draw.below(10) === 0 ? limit(draw) : []),
      ];
  }
};

export const SORTED_SETS: Readonly<Record<string, Make>> = {
  ZADD: (draw) =>
    draw.below(4) === 0
      ? [draw.of(EVEN), ...draw.some(() => "x", 6).flatMap(() => ["0", member(draw)])]
      : [key(draw), ...flags(draw), ...scoredMembers(draw)],
  ZINCRBY: (draw) => [key(draw), score(draw), member(draw)],
  ZREM: (draw) => [anyKey(draw), ...draw.some(() => member(draw))],
  ZCARD: (draw) => [anyKey(draw)],
  ZSCORE: (draw) => [anyKey(draw), member(draw)],
  ZMSCORE: (draw) => [anyKey(draw), ...draw.some(() => member(draw))],
  ZRANK: (draw) => [anyKey(draw), member(draw)],
  ZREVRANK: (draw) => [anyKey(draw), member(draw)],
  ZCOUNT: (draw) => [key(draw), bound(draw), bound(draw)],
  ZLEXCOUNT: (draw) => [draw.of(EVEN), lexBound(draw), lexBound(draw)],
  ZRANGE: (draw) => [...byOption(draw), ...withScores(draw)],
  ZRANGESTORE: (draw) => [
    draw.of(["k0", "k1", "k2"]),
    ...byOption(draw),
    ...(draw.below(12) === 0 ? withScores(draw) : []),
  ],
  ZREVRANGE: (draw) => [anyKey(draw), draw.integer(), draw.integer(), ...withScores(draw)],
  ZRANGEBYSCORE: (draw) => [key(draw), bound(draw), bound(draw), ...withScores(draw), ...limit(draw)],
  ZREVRANGEBYSCORE: (draw) => [key(draw), bound(draw), bound(draw), ...limit(draw), ...withScores(draw)],
  ZRANGEBYLEX: (draw) => [draw.of(EVEN), lexBound(draw), lexBound(draw), ...limit(draw)],
  ZREVRANGEBYLEX: (draw) => [draw.of(EVEN), lexBound(draw), lexBound(draw), ...limit(draw)],
  ZREMRANGEBYRANK: (draw) => [anyKey(draw), draw.integer(), draw.integer()],
  ZREMRANGEBYSCORE: (draw) => [key(draw), bound(draw), bound(draw)],
  ZREMRANGEBYLEX: (draw) => [draw.of(EVEN), lexBound(draw), lexBound(draw)],
  ZPOPMIN: (draw) => [anyKey(draw), ...draw.of([[], [], [draw.integer()]])],
  ZPOPMAX: (draw) => [anyKey(draw), ...draw.of([[], [], [draw.integer()]])],
  ZMPOP: (draw) => [
    ...keysWithNumber(draw),
    draw.of(["MIN", "max", "MAX", draw.below(6) === 0 ? "x" : "min"]),
    ...draw.of([[], ["COUNT", "2"], ["count", draw.integer()], ["COUNT", "1", "COUNT", "1"]]),
  ],
  ZUNION: combination(true, withScores),
  ZINTER: combination(true, withScores),
  ZDIFF: combination(false, withScores),
  ZUNIONSTORE: storing(combination(true)),
  ZINTERSTORE: storing(combination(true)),
  ZDIFFSTORE: storing(combination(false)),
  ZINTERCARD: combination(false, (draw) => (draw.below(2) === 0 ? [] : ["LIMIT", draw.integer()])),
  ZRANDMEMBER: (draw) => [anyKey(draw), "100", ...draw.of([[], ["WITHSCORES"], ["x"]])],
  ZSCAN: (draw) => [
    anyKey(draw),
    draw.of(["0", "0", "x"]),
    "COUNT",
    draw.of(["1000", "0"]),
    ...draw.of([[], ["MATCH", "f*"]]),
  ],
  SADD: on(field, field),
  DEL: (draw) => [draw.of([...SCORED, ...EVEN, "k3"])],
  COPY: (draw) => [key(draw), key(draw), ...draw.of([[], ["REPLACE"]])],
  TYPE: (draw) => [anyKey(draw)],
  LPUSH: on(integer),
};
