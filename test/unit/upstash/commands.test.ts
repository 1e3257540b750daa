import { describe, expect, test } from "vitest";
import {
  fieldOfReply,
  findCommand,
  keyOfArgument,
  keyOfReply,
  timeToLive,
  valuePositions,
  valueReply,
} from "../../../src/upstash/commands.ts";

/** Arguments that are values are written <v>, and the key of each value follows in the second column. */
const writes: [command: unknown[], keys: string[]][] = [
  [["set", "k", "<v>"], ["k"]],
  [["SET", "k", "<v>", "EX", 10], ["k"]],
  [["sEt", "k", "<v>", "nx", "get", "keepTtl"], ["k"]],
  [["setex", "k", 10, "<v>"], ["k"]],
  [["psetex", "k", 10, "<v>"], ["k"]],
  [["setnx", "k", "<v>"], ["k"]],
  [["getset", "k", "<v>"], ["k"]],
  [
    ["mset", "a", "<v>", "b", "<v>"],
    ["a", "b"],
  ],
  [["msetnx", "a", "<v>"], ["a"]],
  [
    ["mset", "EX", "<v>", "GET", "<v>"],
    ["EX", "GET"],
  ],
  [
    ["hset", "k", "f", "<v>", "g", "<v>"],
    ["k", "k"],
  ],
  [["hmset", "k", "f", "<v>"], ["k"]],
  [["hsetnx", "k", "f", "<v>"], ["k"]],
  [
    ["hsetex", "k", "FNX", "EX", 10, "FIELDS", 2, "f", "<v>", "g", "<v>"],
    ["k", "k"],
  ],
  [["HSETEX", "k", "fields", 1, "FIELDS", "<v>"], ["k"]],
  [["hsetex", "k", "FIELDS", "1", "f", "<v>", "EX", "EX", 10], ["k"]],
  [["hsetex", "k", "FIELDS", "many", "f", "v"], []],
  [["hsetex", "FIELDS", "KEEPTTL", "FIELDS", 1, "f", "<v>"], ["FIELDS"]],
  [["lpush", "k", "<v>"], ["k"]],
  [
    ["RPUSH", "k", "<v>", "<v>", "<v>"],
    ["k", "k", "k"],
  ],
  [
    ["lpushx", "k", "<v>", "<v>"],
    ["k", "k"],
  ],
  [["lset", "k", 0, "<v>"], ["k"]],
  [["lpush", "k"], []],
  [["lset", "k", 0], []],
  [["get", "k"], []],
  [["set"], []],
  [["set", "k"], []],
  [["hset", "k", "f"], []],
  [["hsetex", "k", "f", "v"], []],
  [["mset", "a"], []],
];

describe("arguments that are values", () => {
  test.each(writes)("%j", (command, keys) => {
    const { row } = findCommand(command)!;
    const positions = valuePositions(command, row);
    expect(positions).toEqual(
      command.flatMap((argument, position) => (argument === "<v>" ? [position] : [])),
    );
    expect(positions.map((position) => keyOfArgument(command, row, position))).toEqual(keys);
  });
});

describe("replies that hold values", () => {
  test.each<[unknown[], string | undefined]>([
    [["get", "k"], "value"],
    [["getex", "k", "ex", 10], "value"],
    [["getdel", "k"], "value"],
    [["getset", "k", "v"], "value"],
    [["set", "k", "v"], undefined],
    [["set", "k", "get"], undefined],
    [["set", "k", "v", "ex", 10], undefined],
    [["set", "k", "v", "nx", "get"], "value"],
    [["SET", "k", "v", "GET", "EX", "10"], "value"],
    [["set", "k", "v", "IFEQ", "GET"], undefined],
    [["mget", "a", "b"], "values"],
    [["hget", "k", "f"], "value"],
    [["hmget", "k", "f"], "values"],
    [["hgetall", "k"], "pairs"],
    [["hvals", "k"], "list"],
    [["hgetex", "k", "FIELDS", 1, "f"], "values"],
    [["hgetdel", "k", "FIELDS", 1, "f"], "values"],
    [["hrandfield", "k"], undefined],
    [["hrandfield", "k", 3], undefined],
    [["hrandfield", "k", 3, "WITHVALUES"], "pairs"],
    [["hrandfield", "WITHVALUES", 3], undefined],
    [["hscan", "k", "0"], "scan"],
    [["hscan", "k", "0", "match", "*", "count", 10], "scan"],
    [["hscan", "k", "0", "MATCH", "NOVALUES"], "scan"],
    [["hscan", "k", "0", "NOVALUES"], undefined],
    [["mset", "a", "v", "b", "get"], undefined],
    [["eval", "return 1", 0], "any"],
    [["EVAL_RO", "return 1", 1, "k"], "any"],
    [["evalsha", "0".repeat(40), 1, "k", "get"], "any"],
    [["evalsha_ro", "0".repeat(40), 0], "any"],
    [["fcall", "f", 1, "k"], "any"],
    [["FCALL_RO", "f", 0], "any"],
    [["sort", "k", "GET", "v:*"], "any"],
    [["SORT_RO", "k", "by", "w:*", "LIMIT", 0, 5, "get", "#", "GET", "v:*", "DESC"], "any"],
    [["sort", "k"], undefined],
    [["sort", "k", "BY", "GET"], undefined],
    [["sort", "GET", "ALPHA"], undefined],
    [["hset", "k", "f", "get"], undefined],
    [["lrange", "k", 0, -1], "elements"],
    [["LPOP", "k"], "elements"],
    [["rpop", "k", 2], "elements"],
    [["lindex", "k", 0], "elements"],
    [["lmove", "a", "b", "left", "right"], "elements"],
    [["blmove", "a", "b", "left", "right", 1], "elements"],
    [["rpoplpush", "a", "b"], "elements"],
    [["lmpop", 2, "a", "b", "left"], "popped"],
    [["blmpop", 1, 2, "a", "b", "left"], "popped"],
    [["blpop", "a", "b", 1], "popped"],
    [["lpush", "k", "v"], undefined],
  ])("%j → %s", (command, shape) => {
    expect(valueReply(command, findCommand(command)!.row)?.shape).toBe(shape);
  });

  test("belong to their keys", () => {
    const mget = ["mget", "a", "b"];
    const reply = valueReply(mget, findCommand(mget)!.row)!;
    expect([0, 1].map((index) => keyOfReply(mget, reply, index))).toEqual(["a", "b"]);
    const hmget = ["hmget", "k", "f", "g"];
    const fields = valueReply(hmget, findCommand(hmget)!.row)!;
    expect([0, 1].map((index) => keyOfReply(hmget, fields, index))).toEqual(["k", "k"]);
    for (const [command, key] of [
      [["eval", "return 1", 2, "a", "b"], "a"],
      [["fcall", "f", "1", "a"], "a"],
      [["eval", "return 1", 0, "argument"], ""],
      [["eval", "return 1"], ""],
      [["sort", "k", "GET", "v:*"], "k"],
    ] as const) {
      expect(keyOfReply(command, valueReply(command, findCommand(command)!.row)!, 3)).toBe(key);
    }
  });

  test.each<[unknown[], number, string | undefined]>([
    [["hget", "k", "f"], 0, "f"],
    [["hmget", "k", "f", "g"], 1, "g"],
    [["hgetdel", "k", "FIELDS", 2, "f", "g"], 1, "g"],
    [["hgetex", "k", "EX", 10, "fields", 2, "f", "g"], 0, "f"],
    [["hgetex", "k", "EX", 10], 0, undefined],
    [["hgetall", "k"], 0, undefined],
    [["get", "k"], 0, undefined],
  ])("of %j, item %i belongs to field %s", (command, index, field) => {
    expect(fieldOfReply(command, valueReply(command, findCommand(command)!.row)!, index)).toBe(field);
  });
});

describe("commands without values", () => {
  test.each([
    "append",
    "getrange",
    "setrange",
    "strlen",
    "incr",
    "incrby",
    "del",
    "llen",
    "lrem",
    "lpos",
    "linsert",
    "ltrim",
    "sadd",
    "smembers",
    "zadd",
    "xadd",
    "publish",
    "json.set",
    "json.get",
    "hincrby",
    "hkeys",
    "hlen",
    "hdel",
    "expire",
    "rename",
    "copy",
    "__proto__",
    "constructor",
    "toString",
    "",
  ])("%s is not in the table", (name) => {
    expect(findCommand([name, "k", "v"])).toBeUndefined();
    expect(findCommand([name.toUpperCase(), "k", "v"])).toBeUndefined();
  });

  test.each([[[]], [undefined], ["get"], [[["get", "k"]]], [[7, "k"]], [null]])(
    "%j is no command",
    (command) => {
      expect(findCommand(command)).toBeUndefined();
    },
  );
});

describe("time to live", () => {
  test.each<[unknown[], number | undefined]>([
    [["set", "k", "v"], undefined],
    [["set", "k", "v", "ex", 10], 10],
    [["set", "k", "v", "nx", "PX", "1500"], 1.5],
    [["set", "k", "v", "exat", 1_900_000_000], undefined],
    [["set", "k", "v", "keepTtl"], undefined],
    [["set", "k", "ex", "px", 500], 0.5],
    [["set", "k", "v", "ex"], undefined],
    [["set", "k", "v", "ex", "soon"], undefined],
    [["setex", "k", 60, "v"], 60],
    [["psetex", "k", "60", "v"], 0.06],
    [["hsetex", "k", "EX", 5, "FIELDS", 1, "f", "v"], 5],
    [["hsetex", "k", "FIELDS", 2, "f", "v", "EX", 10], undefined],
    [["mset", "a", "1", "ex", 10], undefined],
    [["hset", "k", "f", "v", "ex", 10], undefined],
  ])("%j → %s", (command, ttl) => {
    expect(timeToLive(command, findCommand(command)!.row)).toBe(ttl);
  });
});
