/** The table of commands that may be sent twice. */
import { describe, expect, test } from "vitest";
import { isRepeatable } from "../../../src/rest/repeatable.ts";
import type { RestCommand } from "../../../src/rest/rest-command.ts";

const split = (lines: string): [string, RestCommand][] =>
  lines
    .trim()
    .split("\n")
    .map((line) => [line.trim(), line.trim().split(" ")]);

describe("a command that leaves and answers the same when it runs twice", () => {
  test.each(
    split(`
      GET k
      get k
      MGET a b
      SET k v
      set k v
      SET k v EX 10
      SET k v XX
      SET k v PX 3600000 XX
      SET k v KEEPTTL
      SET k NX
      SET NX NX
      SET k GET EX 5
      SETEX k 10 v
      PSETEX k 10 v
      MSET a 1 b 2
      HMSET h f v
      SETRANGE k 0 v
      GETRANGE k 0 1
      GETEX k
      HGET h f
      HGETALL h
      HSCAN h 0
      LRANGE l 0 -1
      EXISTS a b
      TTL k
      PING
      EVAL_RO script 0
      EVALSHA_RO sha 0
      JSON.GET k $
    `),
  )("%s", (_, command) => {
    expect(isRepeatable(command)).toBe(true);
  });

  test("also where its value is bytes", () => {
    expect(isRepeatable(["SET", "k", new TextEncoder().encode("NX"), "EX", 10])).toBe(true);
    expect(isRepeatable(["SET", "k", new TextEncoder().encode("v"), "NX"])).toBe(false);
  });
});

describe("a command that does not", () => {
  test.each(
    split(`
      SET k v NX
      SET k v nx EX 10
      SET k v EX 10 NX
      SET k v GET
      SET k v XX get
      SET k v IFEQ w
      SET k v IFNE w
      SET k v IFDEQ d
      SET k v ifdne d
      SETNX k v
      MSETNX a 1 b 2
      GETSET k v
      GETDEL k
      APPEND k v
      INCR k
      INCRBY k 2
      INCRBYFLOAT k 1.5
      DECR k
      HINCRBY h f 1
      HSET h f v
      HSETNX h f v
      HSETEX h EX 10 FIELDS 1 f v
      HGETDEL h FIELDS 1 f
      HDEL h f
      DEL k
      UNLINK k
      PERSIST k
      RENAME a b
      COPY a b
      LPUSH l v
      RPUSH l v
      LPOP l
      RPOPLPUSH a b
      BLPOP l 1
      SADD s v
      SREM s v
      SPOP s
      ZADD z 1 m
      ZINCRBY z 1 m
      ZPOPMIN z
      XADD x * f v
      XREADGROUP GROUP g c STREAMS x >
      PUBLISH c m
      EVAL script 0
      EVALSHA sha 0
      FCALL f 0
      SETBIT k 1 1
      BITFIELD k INCRBY u8 0 1
      BITOP AND d a b
      DELEX k IFEQ v
      FLUSHDB
      FLUSHALL
      EXPIRE k 10 NX
      EXPIRE k 10 gt
      PEXPIRE k 10 LT
      PFADD p a
      GEOADD g 1 1 m
      JSON.SET k $ 1
      JSON.NUMINCRBY k $ 1
      JSON.ARRAPPEND k $ 1
      SORT l STORE d
      NOSUCHCOMMAND k
      constructor
      __proto__
    `),
  )("%s", (_, command) => {
    expect(isRepeatable(command)).toBe(false);
  });

  // What has expired in the meantime, or is deleted because the time is past, is not there the second time.
  test.each(
    split(`
      GETEX k EXAT 1
      GETEX k PX 1
      HGETEX h PXAT 1 FIELDS 1 f
      EXPIRE k -1
      EXPIRE k 0
      PEXPIRE k 0
      EXPIREAT k 1
      PEXPIREAT k 1
    `),
  )("%s, which deletes", (_, command) => {
    expect(isRepeatable(command)).toBe(false);
  });
});
