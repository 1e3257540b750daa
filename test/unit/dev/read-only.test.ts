/** The commands that a read-only token may run. */
import { describe, expect, test } from "vitest";
import { refuseReadOnly } from "../../../src/dev/read-only.ts";

describe("a read-only token", () => {
  test.each(
    (
      "GET MGET STRLEN GETBIT DIGEST EXISTS TTL DBSIZE HGETALL HSCAN HPEXPIRETIME LRANGE LPOS SMEMBERS SSCAN " +
      "SINTERCARD ZRANGE ZREVRANGEBYLEX ZSCAN XRANGE XREAD XPENDING GEOSEARCH PFCOUNT JSON.GET JSON.RESP MEMORY " +
      "BITFIELD_RO SORT_RO EVAL_RO EVALSHA_RO FCALL_RO GEORADIUS_RO GEORADIUSBYMEMBER_RO SUBSCRIBE PSUBSCRIBE PUBSUB " +
      "PING ECHO TIME INFO COMMAND SELECT"
    ).split(" "),
  )("may run %s", (name) => expect(refuseReadOnly(name)).toBeUndefined());

  test.each(
    (
      "SET GETSET GETDEL GETEX HGETEX APPEND INCR DEL EXPIRE HSET LPUSH SADD ZADD XADD XREADGROUP PFADD JSON.SET BITFIELD " +
      "SORT EVAL EVALSHA FCALL SCRIPT FUNCTION KEYS SCAN RANDOMKEY X_RO MONITOR PUBLISH CONFIG FLUSHALL RENAME NOSUCHCOMMAND"
    ).split(" "),
  )("may not run %s", (name) =>
    expect(refuseReadOnly(name)).toBe(
      `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command`,
    ),
  );
});
