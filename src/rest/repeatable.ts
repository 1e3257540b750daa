import type { RestCommand } from "./rest-command.ts";

/**
 * Commands that, run twice, leave the same and answer the same as run once, whatever their arguments. All that is not
 * listed here or below is sent once: INCR and APPEND change more, DEL and HSET answer another number.
 */
const always: ReadonlySet<string> = new Set(
  (
    "GET MGET GETRANGE SUBSTR STRLEN LCS SETEX PSETEX MSET SETRANGE GETEX EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME " +
    "KEYS SCAN DBSIZE RANDOMKEY TOUCH DUMP HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSTRLEN HSCAN HRANDFIELD HMSET " +
    "HGETEX HTTL HPTTL HEXPIRETIME HPEXPIRETIME LRANGE LLEN LINDEX LPOS LSET SMEMBERS SCARD SISMEMBER SMISMEMBER " +
    "SRANDMEMBER SSCAN SINTER SUNION SDIFF SINTERCARD ZRANGE ZRANGEBYSCORE ZRANGEBYLEX ZREVRANGE ZREVRANGEBYSCORE " +
    "ZREVRANGEBYLEX ZSCORE ZMSCORE ZRANK ZREVRANK ZCARD ZCOUNT ZLEXCOUNT ZSCAN ZRANDMEMBER ZINTER ZUNION ZDIFF " +
    "ZINTERCARD XRANGE XREVRANGE XLEN XREAD XINFO XPENDING GETBIT BITCOUNT BITPOS PFCOUNT GEOPOS GEODIST GEOHASH " +
    "GEOSEARCH PING ECHO TIME INFO SCRIPT DIGEST JSON.GET JSON.MGET JSON.TYPE JSON.STRLEN JSON.ARRLEN JSON.OBJLEN " +
    "JSON.OBJKEYS JSON.ARRINDEX"
  ).split(" "),
);

/** Commands that are, unless one of these stands among their options. */
const unless: Readonly<Record<string, readonly string[]>> = {
  SET: ["NX", "GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"],
  EXPIRE: ["NX", "GT", "LT"],
  PEXPIRE: ["NX", "GT", "LT"],
  EXPIREAT: ["NX", "GT", "LT"],
  PEXPIREAT: ["NX", "GT", "LT"],
};
/** The first argument of these that may be an option. */
const FIRST_OPTION = 3;

/** Whether a command may be sent again when it is not known whether it has run. */
export function isRepeatable(command: RestCommand): boolean {
  const name = String(command[0]).toUpperCase();
  // Scripts that may not write.
  if (always.has(name) || name.endsWith("_RO")) return true;
  const options = unless[name];
  if (options === undefined) return false;
  return !command.slice(FIRST_OPTION).some((argument) => options.includes(String(argument).toUpperCase()));
}
