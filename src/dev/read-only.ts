/**
 * What a read-only token may do: read keys by name. Of a name that is not here nothing is known, so it is refused:
 * a list of writes would let each one through that it lacks. SCAN, KEYS and MONITOR show what others keep to
 * themselves.
 */
const READS: ReadonlySet<string> = new Set(
  (
    "GET GETRANGE SUBSTR STRLEN MGET LCS GETBIT BITCOUNT BITPOS BITFIELD_RO DIGEST " +
    "EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME TOUCH RANDOMKEY DUMP SORT_RO MEMORY DBSIZE " +
    "HGET HMGET HGETALL HKEYS HVALS HLEN HSTRLEN HEXISTS HRANDFIELD HSCAN HTTL HPTTL HEXPIRETIME HPEXPIRETIME " +
    "LLEN LRANGE LINDEX LPOS " +
    "SCARD SISMEMBER SMISMEMBER SMEMBERS SINTER SUNION SDIFF SINTERCARD SRANDMEMBER SSCAN " +
    "ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK " +
    "ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION " +
    "XLEN XRANGE XREVRANGE XREAD XPENDING XINFO GEODIST GEOHASH GEOPOS GEOSEARCH GEORADIUS_RO " +
    "GEORADIUSBYMEMBER_RO PFCOUNT JSON.GET JSON.MGET JSON.TYPE JSON.STRLEN JSON.ARRLEN JSON.ARRINDEX " +
    "JSON.OBJKEYS JSON.OBJLEN JSON.RESP EVAL_RO EVALSHA_RO FCALL_RO SUBSCRIBE PSUBSCRIBE PUBSUB " +
    "PING ECHO TIME INFO COMMAND SELECT"
  ).split(" "),
);

/** The error for a read-only token that asks for a command; undefined for one that it may run. Upper case. */
export function refuseReadOnly(name: string): string | undefined {
  return READS.has(name)
    ? undefined
    : `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command`;
}
