/** Tells which commands may be sent again when it is not known whether they have run. */
import type { RestCommand } from "./rest-command.ts";

/** Commands that write nothing. */
const reads: ReadonlySet<string> = new Set(
  (
    "GET MGET GETRANGE SUBSTR STRLEN LCS EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME " +
    "KEYS SCAN DBSIZE RANDOMKEY TOUCH DUMP HGET HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSTRLEN HSCAN HRANDFIELD " +
    "HTTL HPTTL HEXPIRETIME HPEXPIRETIME LRANGE LLEN LINDEX LPOS SMEMBERS SCARD SISMEMBER SMISMEMBER " +
    "SRANDMEMBER SSCAN SINTER SUNION SDIFF SINTERCARD ZRANGE ZRANGEBYSCORE ZRANGEBYLEX ZREVRANGE ZREVRANGEBYSCORE " +
    "ZREVRANGEBYLEX ZSCORE ZMSCORE ZRANK ZREVRANK ZCARD ZCOUNT ZLEXCOUNT ZSCAN ZRANDMEMBER ZINTER ZUNION ZDIFF " +
    "ZINTERCARD XRANGE XREVRANGE XLEN XREAD XINFO XPENDING GETBIT BITCOUNT BITPOS PFCOUNT GEOPOS GEODIST GEOHASH " +
    "GEOSEARCH PING ECHO TIME INFO DIGEST JSON.GET JSON.MGET JSON.TYPE JSON.STRLEN JSON.ARRLEN JSON.OBJLEN " +
    "JSON.OBJKEYS JSON.ARRINDEX"
  ).split(" "),
);

/** The conditions under which a command that writes may be repeated. */
interface RepeatableWrite {
  /** Index of the first argument that may be an option. */
  readonly options?: number;
  /** Options with which it must not be repeated. */
  readonly unless?: readonly string[];
  /** Options with which its answer depends on what is stored; `true` if it always does. */
  readonly asks?: readonly string[] | true;
  /** The position of a time to live that is an argument by position. */
  readonly lifetime?: { readonly at: number; readonly perSecond: number };
}

/**
 * Commands that write, and have the same effect and the same answer when they run twice. A command that is not listed
 * is sent once: INCR and APPEND change more, DEL and HSET answer another number.
 */
const writes: Readonly<Record<string, RepeatableWrite>> = {
  SET: {
    options: 3,
    unless: ["NX", "GET", "IFEQ", "IFNE", "IFDEQ", "IFDNE"],
    asks: ["XX"],
  },
  SETEX: {},
  PSETEX: {},
  MSET: {},
  HMSET: {},
  SETRANGE: { asks: true },
  LSET: { asks: true },
  SCRIPT: { asks: true },
  GETEX: { options: 2, asks: true },
  HGETEX: { options: 2, asks: true },
  EXPIRE: { options: 3, unless: ["NX", "GT", "LT"], asks: true, lifetime: { at: 2, perSecond: 1 } },
  PEXPIRE: { options: 3, unless: ["NX", "GT", "LT"], asks: true, lifetime: { at: 2, perSecond: 1000 } },
};

/** Units in a second for options that set a time to live; 0 for points in time, which may be past. */
const lifetimes: Readonly<Record<string, number>> = { EX: 1, PX: 1000, EXAT: 0, PXAT: 0 };

/** A key must live this many seconds to be still there when the command is repeated. */
const LIFETIME_MIN = 120;

/** Returns true if a command may be sent again when it is not known whether it has run. */
export function isRepeatable(command: RestCommand): boolean {
  const name = nameIn(command);
  if (isReadCommand(name)) return true;
  const write = writes[name];
  if (write === undefined) return false;
  const { unless = [], lifetime } = write;
  if (optionsOf(command, write).some((option) => unless.includes(option))) return false;
  if (lifetime !== undefined) return Number(command[lifetime.at]) / lifetime.perSecond >= LIFETIME_MIN;
  // An answer that depends on what is stored stays the same only while the key exists.
  return !asksIn(command, write) || outlives(command, write);
}

/**
 * Returns true if commands may be sent again in one batch: each of them may, and no read precedes a write, whose
 * result it would see when repeated.
 */
export function isRepeatableBatch(commands: readonly RestCommand[]): boolean {
  let asked = false;
  for (const command of commands) {
    if (!isRepeatable(command)) return false;
    const write = writes[nameIn(command)];
    if (write !== undefined && asked) return false;
    asked ||= write === undefined || asksIn(command, write);
  }
  return true;
}

function nameIn(command: RestCommand): string {
  return String(command[0]).toUpperCase();
}

/** Returns true if a command of this upper-case name writes nothing. Scripts whose name ends in _RO may not write. */
export function isReadCommand(name: string): boolean {
  return reads.has(name) || name.endsWith("_RO");
}

function optionsOf(command: RestCommand, { options = command.length }: RepeatableWrite): string[] {
  return command.slice(options).map((argument) => String(argument).toUpperCase());
}

function asksIn(command: RestCommand, write: RepeatableWrite): boolean {
  const { asks = [] } = write;
  return asks === true || optionsOf(command, write).some((option) => asks.includes(option));
}

/** Returns true if no option ends the key's life before the command is repeated. */
function outlives(command: RestCommand, write: RepeatableWrite): boolean {
  const options = optionsOf(command, write);
  return options.every((option, index) => {
    const perSecond = lifetimes[option];
    return (
      perSecond === undefined || (perSecond > 0 && Number(options[index + 1]) / perSecond >= LIFETIME_MIN)
    );
  });
}
