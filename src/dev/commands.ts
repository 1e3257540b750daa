/** The table of commands: which ones Upstash has, the oldest Redis that has each too, and whether embedded has it. */

/** A command of Upstash. */
export interface CommandFacts {
  /** The oldest Redis that has the command, as `major.minor`; undefined if only Upstash has it. */
  readonly since: string | undefined;
  /** True if the embedded backend has the command. */
  readonly embedded: boolean;
}

type Group = readonly [since: string | undefined, embedded: boolean, names: string];

/** The oldest version in this table: older ones count as this one. */
const OLDEST = "6.2";

/**
 * The commands of Upstash's command reference that its REST API takes, and SUBSTR, an alias there. A command that is
 * not in this table gets Upstash's error, and never reaches a backend.
 */
const GROUPS: readonly Group[] = [
  // Strings and bits
  [
    OLDEST,
    true,
    "APPEND DECR DECRBY GET GETDEL GETEX GETRANGE GETSET INCR INCRBY INCRBYFLOAT MGET MSET MSETNX PSETEX SET SETEX SETNX " +
      "SETRANGE STRLEN SUBSTR BITCOUNT BITFIELD BITFIELD_RO BITOP BITPOS GETBIT SETBIT",
  ],
  ["8.4", true, "DELEX DIGEST"],
  // Hashes
  [
    OLDEST,
    true,
    "HDEL HEXISTS HGET HGETALL HINCRBY HINCRBYFLOAT HKEYS HLEN HMGET HMSET HRANDFIELD HSCAN HSET HSETNX HSTRLEN HVALS",
  ],
  ["7.4", true, "HEXPIRE HEXPIREAT HEXPIRETIME HPERSIST HPEXPIRE HPEXPIREAT HPEXPIRETIME HPTTL HTTL"],
  ["8.0", true, "HGETDEL HGETEX HSETEX"],
  // Lists and sets
  [
    OLDEST,
    true,
    "LINDEX LINSERT LLEN LMOVE LPOP LPOS LPUSH LPUSHX LRANGE LREM LSET LTRIM RPOP RPOPLPUSH RPUSH RPUSHX " +
      "SADD SCARD SDIFF SDIFFSTORE SINTER SINTERSTORE SISMEMBER SMEMBERS SMISMEMBER SMOVE SPOP SRANDMEMBER SREM SSCAN " +
      "SUNION SUNIONSTORE",
  ],
  ["7.0", true, "LMPOP SINTERCARD"],
  // Sorted sets
  [
    OLDEST,
    true,
    "ZADD ZCARD ZCOUNT ZDIFF ZDIFFSTORE ZINCRBY ZINTER ZINTERSTORE ZLEXCOUNT ZMSCORE ZPOPMAX ZPOPMIN ZRANDMEMBER ZRANGE " +
      "ZRANGEBYLEX ZRANGEBYSCORE ZRANGESTORE ZRANK ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREVRANGE " +
      "ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION ZUNIONSTORE",
  ],
  ["7.0", true, "ZINTERCARD ZMPOP"],
  // Keys, channels and the server
  [
    OLDEST,
    true,
    "COPY DEL EXISTS EXPIRE EXPIREAT KEYS PERSIST PEXPIRE PEXPIREAT PTTL RANDOMKEY RENAME RENAMENX SCAN TOUCH TTL TYPE " +
      "UNLINK MEMORY PUBLISH PUBSUB DBSIZE FLUSHALL FLUSHDB INFO TIME PING ECHO",
  ],
  ["7.0", true, "EXPIRETIME PEXPIRETIME"],
  [OLDEST, false, "DUMP RESTORE CONFIG ACL"],
  // Places, HyperLogLogs and streams
  [
    OLDEST,
    true,
    "GEOADD GEODIST GEOHASH GEOPOS GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO GEOSEARCH " +
      "GEOSEARCHSTORE PFADD PFCOUNT PFMERGE " +
      "XACK XADD XAUTOCLAIM XCLAIM XDEL XGROUP XINFO XLEN XPENDING XRANGE XREAD XREADGROUP XREVRANGE XTRIM",
  ],
  ["8.2", true, "XACKDEL XDELEX"],
  // Scripts and functions
  [OLDEST, false, "EVAL EVALSHA SCRIPT"],
  ["7.0", false, "EVAL_RO EVALSHA_RO FCALL FCALL_RO FUNCTION"],
  // JSON, and what only Upstash has
  [
    "8.0",
    false,
    "JSON.ARRAPPEND JSON.ARRINDEX JSON.ARRINSERT JSON.ARRLEN JSON.ARRPOP JSON.ARRTRIM JSON.CLEAR JSON.DEL JSON.FORGET " +
      "JSON.GET JSON.MERGE JSON.MGET JSON.MSET JSON.NUMINCRBY JSON.NUMMULTBY JSON.OBJKEYS JSON.OBJLEN JSON.RESP JSON.SET " +
      "JSON.STRAPPEND JSON.STRLEN JSON.TOGGLE JSON.TYPE",
  ],
  [
    undefined,
    false,
    "SEARCH.AGGREGATE SEARCH.ALIASADD SEARCH.ALIASDEL SEARCH.COUNT SEARCH.CREATE SEARCH.DESCRIBE SEARCH.DROP " +
      "SEARCH.LISTALIASES SEARCH.LISTINDEXES SEARCH.QUERY SEARCH.REINDEX SEARCH.WAITINDEXING VECTOR.ADD VECTOR.COUNT " +
      "VECTOR.CREATE VECTOR.DEL VECTOR.DROP VECTOR.GET VECTOR.INFO VECTOR.QUERY ARCOUNT ARDEL ARDELRANGE ARGET " +
      "ARGETRANGE ARGREP ARINFO ARINSERT ARLASTITEMS ARLEN ARMGET ARMSET ARNEXT AROP ARRING ARSCAN ARSEEK ARSET",
  ],
];

/** The commands that go to a backend, by upper-case name. */
export const COMMANDS: ReadonlyMap<string, CommandFacts> = new Map(
  GROUPS.flatMap(([since, embedded, names]) =>
    names.split(" ").map((name): [string, CommandFacts] => [name, { since, embedded }]),
  ),
);

/**
 * Options of Upstash's commands that an older Redis refuses as a syntax error, with the oldest version that has them.
 */
const OPTIONS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  SET: { IFEQ: "8.4", IFNE: "8.4", IFDEQ: "8.4", IFDNE: "8.4" },
  ZRANK: { WITHSCORE: "7.2" },
  ZREVRANK: { WITHSCORE: "7.2" },
  HSCAN: { NOVALUES: "7.4" },
  BITOP: { DIFF: "8.2", DIFF1: "8.2", ANDOR: "8.2", ONE: "8.2" },
  XADD: { KEEPREF: "8.2", DELREF: "8.2", ACKED: "8.2" },
  XTRIM: { KEEPREF: "8.2", DELREF: "8.2", ACKED: "8.2" },
};

/**
 * Finds the options among a command's arguments that a version of Redis lacks, with the oldest version that has each.
 */
export function newerOptions(name: string, args: readonly string[], version: string): [string, string][] {
  return Object.entries(OPTIONS[name] ?? {}).filter(
    ([option, since]) => args.includes(option) && isNewer(since, version),
  );
}

/** Returns true if a version is newer than another, by their first two numbers. */
export function isNewer(version: string, than: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [thanMajor = 0, thanMinor = 0] = than.split(".").map(Number);
  return major > thanMajor || (major === thanMajor && minor > thanMinor);
}

/** The error of the embedded backend for a command of Upstash that it lacks: it names the backend that has it. */
export function lacksEmbedded(name: string, since: string | undefined): string {
  return `ERR the embedded backend has no ${name}: ${since === undefined ? "only Upstash has it" : `${redisWith(since)} has it`}`;
}

/** The error for a command or an option that the Redis behind this server lacks, by that Redis' name and version. */
export function lacksRedis(
  redis: string,
  what: string,
  since: string | undefined,
  embedded: boolean,
): string {
  const others = [
    ...(embedded ? ["the embedded backend (--backend embedded)"] : []),
    ...(since === undefined ? [] : [redisWith(since)]),
  ];
  return `ERR this server's ${redis} has no ${what}: ${others.length === 0 ? "only Upstash has it" : `${others.join(" or ")} has it`}`;
}

function redisWith(since: string): string {
  return isNewer(since, "7.0")
    ? `Redis ${since} or newer (--redis)`
    : "a redis-server on the PATH or a Redis by --redis";
}
