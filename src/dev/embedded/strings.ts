/** Commands about strings: GET, SET and their variants, counters, APPEND and ranges. */
import { REDIS_STRING_MAX } from "../../limits.ts";
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import { INT64_MAX, INT64_MIN, parseInteger } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { COMPARISONS, holds, readComparison } from "./comparisons.ts";
import type { Comparison } from "./comparisons.ts";
import { readExpiry, TIME_OPTIONS } from "./expiry.ts";
import type { Keyspace } from "./keyspace.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "./long-double.ts";
import {
  array,
  bulk,
  ErrorReply,
  integer,
  NOT_A_FLOAT,
  NOT_AN_INTEGER,
  NULL,
  OK,
  RECORD_TOO_LARGE,
  WOULD_BE_INFINITE,
  WOULD_OVERFLOW,
} from "./replies.ts";
import { ByteString } from "./values.ts";
import { xxh3 } from "./xxh3.ts";

const TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
const EMPTY = new Uint8Array(0);

/** A copy of the string of a key. */
function get(keyspace: Keyspace, key: Uint8Array): Uint8Array | undefined {
  return keyspace.read(key, "string")?.string.slice();
}

function put(
  keyspace: Keyspace,
  key: Uint8Array,
  bytes: Uint8Array,
  options: { readonly keepTtl?: boolean } = {},
): void {
  keyspace.set(key, { type: "string", string: new ByteString(bytes) }, options);
}

/** The string of a key, to write to. If there is none, an empty one is created. */
export function openString(keyspace: Keyspace, key: Uint8Array): ByteString {
  return keyspace.open(key, "string", () => ({ type: "string", string: new ByteString(EMPTY) })).string;
}

/** Throws the error reply for a string of more than 512 MiB. */
export function checkLength(length: number): void {
  if (length > REDIS_STRING_MAX) throw new ErrorReply(TOO_LONG);
}

interface SetOptions {
  readonly flags: ReadonlySet<string>;
  /** The option that gives a time, and the index of the time. */
  readonly time: { readonly option: string; readonly index: number } | undefined;
  readonly comparison: Comparison | undefined;
}

/** Two groups of options. An option excludes the others of its group. */
const CONDITIONS = ["NX", "XX", ...COMPARISONS];
const LIFETIMES = [...Object.keys(TIME_OPTIONS), "KEEPTTL", "PERSIST"];

/**
 * Reads the options of SET or GETEX from an index on. `allowed` are those that the command takes in addition to the
 * times.
 */
function readOptions(args: Arguments, firstIndex: number, allowed: readonly string[]): SetOptions {
  const flags = new Set<string>();
  let time: SetOptions["time"];
  let comparison: Comparison | undefined;
  for (let index = firstIndex; index < args.length; index++) {
    const option = args.option(index);
    const group = CONDITIONS.includes(option) ? CONDITIONS : LIFETIMES.includes(option) ? LIFETIMES : [];
    if (group.some((other) => other !== option && flags.has(other))) throw args.syntaxError();
    if (option in TIME_OPTIONS && index + 1 < args.length) time = { option, index: ++index };
    else if (COMPARISONS.includes(option) && allowed.includes(option) && index + 1 < args.length)
      comparison = readComparison(args, index++);
    else if (COMPARISONS.includes(option) || !allowed.includes(option)) throw args.syntaxError();
    flags.add(option);
  }
  return { flags, time, comparison };
}

function readTime(keyspace: Keyspace, args: Arguments, time: SetOptions["time"]): bigint | undefined {
  const form = time === undefined ? undefined : TIME_OPTIONS[time.option];
  return time === undefined || form === undefined ? undefined : readExpiry(keyspace, args, time.index, form);
}

function set(keyspace: Keyspace, args: Arguments): RespValue {
  const [key, bytes] = [args.bytes(1), args.bytes(2)];
  const { flags, time, comparison } = readOptions(args, 3, [...CONDITIONS, "GET", "KEEPTTL"]);
  const expireAt = readTime(keyspace, args, time);
  const wantsOld = flags.has("GET");
  const old = wantsOld || comparison !== undefined ? get(keyspace, key) : undefined;
  const found = keyspace.value(key) !== undefined;
  const refused =
    (flags.has("NX") && found) ||
    (flags.has("XX") && !found) ||
    (comparison !== undefined && !holds(comparison, old));
  if (!refused) {
    put(keyspace, key, bytes, { keepTtl: flags.has("KEEPTTL") });
    keyspace.expire(key, expireAt ?? (flags.has("KEEPTTL") ? keyspace.expiry(key) : undefined));
  }
  return wantsOld ? bulk(old) : refused ? NULL : OK;
}

/** DELEX as in Redis 8.4: DEL of one key, on a condition. */
function deleteIf(keyspace: Keyspace, args: Arguments): RespValue {
  const key = args.bytes(1);
  if (args.length === 2) return integer(keyspace.delete(key));
  if (args.length !== 4) throw args.wrongNumber();
  if (!COMPARISONS.includes(args.option(2)))
    throw new ErrorReply("ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
  const comparison = readComparison(args, 2);
  const value = keyspace.value(key);
  if (value === undefined) return integer(0);
  if (value.type !== "string")
    throw new ErrorReply("ERR Key should be of string type if conditions are specified");
  return integer(holds(comparison, value.string.peek()) && keyspace.delete(key));
}

function setWithTtl(keyspace: Keyspace, args: Arguments, option: "EX" | "PX"): RespValue {
  const expireAt = readTime(keyspace, args, { option, index: 2 });
  put(keyspace, args.bytes(1), args.bytes(3));
  keyspace.expire(args.bytes(1), expireAt);
  return OK;
}

function getAndExpire(keyspace: Keyspace, args: Arguments): RespValue {
  const key = args.bytes(1);
  const { flags, time } = readOptions(args, 2, ["PERSIST"]);
  const bytes = get(keyspace, key);
  if (bytes === undefined) return NULL;
  const expireAt = readTime(keyspace, args, time);
  if (expireAt !== undefined || flags.has("PERSIST")) keyspace.expire(key, expireAt);
  return bulk(bytes);
}

function increment(keyspace: Keyspace, args: Arguments, by: bigint): RespValue {
  const key = args.bytes(1);
  const bytes = get(keyspace, key);
  const value = bytes === undefined ? 0n : parseInteger(bytes);
  if (value === undefined) throw new ErrorReply(NOT_AN_INTEGER);
  const sum = value + by;
  if (sum > INT64_MAX || sum < INT64_MIN) throw new ErrorReply(WOULD_OVERFLOW);
  put(keyspace, key, utf8(sum.toString()), { keepTtl: true });
  return integer(sum);
}

function incrementByFloat(keyspace: Keyspace, args: Arguments): RespValue {
  const key = args.bytes(1);
  const value = parseLongDouble(toBinary(get(keyspace, key) ?? utf8("0")));
  const by = parseLongDouble(toBinary(args.bytes(2)));
  if (value === undefined || by === undefined) throw new ErrorReply(NOT_A_FLOAT);
  const sum = addLongDouble(value, by);
  if (sum === undefined) throw new ErrorReply(WOULD_BE_INFINITE);
  const text = utf8(formatLongDouble(sum));
  put(keyspace, key, text, { keepTtl: true });
  return bulk(text);
}

function setRange(keyspace: Keyspace, args: Arguments): RespValue {
  const offset = args.number(2);
  const [key, bytes] = [args.bytes(1), args.bytes(3)];
  if (offset < 0) throw new ErrorReply("ERR offset is out of range");
  const length = keyspace.read(key, "string")?.string.length ?? 0;
  if (bytes.length === 0) return integer(length);
  checkLength(offset + bytes.length);
  const string = openString(keyspace, key);
  string.write(offset, bytes);
  return integer(string.length);
}

function getRange(keyspace: Keyspace, args: Arguments): RespValue {
  const [first, last] = [args.number(2), args.number(3)];
  const string = keyspace.read(args.bytes(1), "string")?.string;
  if (string === undefined || (first < 0 && last < 0 && first > last)) return bulk(EMPTY);
  const start = Math.max(0, first < 0 ? string.length + first : first);
  const end = Math.max(0, last < 0 ? string.length + last : last) + 1;
  return bulk(start < end ? string.slice(start, end) : EMPTY);
}

function setMany(keyspace: Keyspace, args: Arguments): void {
  for (const [key, bytes] of args.pairs(1)) put(keyspace, key, bytes);
}

function requirePairs(args: Arguments): void {
  if (args.length % 2 === 0) throw args.wrongNumber();
}

export const STRING_COMMANDS: CommandTable = {
  SET: [-3, set],
  GET: [2, (keyspace, args) => bulk(get(keyspace, args.bytes(1)))],
  GETEX: [-2, getAndExpire],
  GETDEL: [
    2,
    (keyspace, args) => {
      const bytes = get(keyspace, args.bytes(1));
      keyspace.delete(args.bytes(1));
      return bulk(bytes);
    },
  ],
  GETSET: [
    3,
    (keyspace, args) => {
      const bytes = get(keyspace, args.bytes(1));
      put(keyspace, args.bytes(1), args.bytes(2));
      return bulk(bytes);
    },
  ],
  SETEX: [4, (keyspace, args) => setWithTtl(keyspace, args, "EX")],
  PSETEX: [4, (keyspace, args) => setWithTtl(keyspace, args, "PX")],
  SETNX: [
    3,
    (keyspace, args) => {
      if (keyspace.value(args.bytes(1)) !== undefined) return integer(0);
      put(keyspace, args.bytes(1), args.bytes(2));
      return integer(1);
    },
  ],
  MGET: [
    -2,
    (keyspace, args) =>
      array(
        args.from(1).map((key) => {
          const value = keyspace.value(key);
          return bulk(value?.type === "string" ? value.string.slice() : undefined);
        }),
      ),
  ],
  MSET: [
    -3,
    (keyspace, args) => {
      requirePairs(args);
      setMany(keyspace, args);
      return OK;
    },
  ],
  MSETNX: [
    -3,
    (keyspace, args) => {
      requirePairs(args);
      if (args.pairs(1).some(([key]) => keyspace.value(key) !== undefined)) return integer(0);
      setMany(keyspace, args);
      return integer(1);
    },
  ],
  APPEND: [
    3,
    (keyspace, args) => {
      const length = keyspace.read(args.bytes(1), "string")?.string.length ?? 0;
      if (length + args.bytes(2).length > keyspace.maxRecordSize) throw new ErrorReply(RECORD_TOO_LARGE);
      checkLength(length + args.bytes(2).length);
      const string = openString(keyspace, args.bytes(1));
      string.write(length, args.bytes(2));
      return integer(string.length);
    },
  ],
  STRLEN: [2, (keyspace, args) => integer(keyspace.read(args.bytes(1), "string")?.string.length ?? 0)],
  // As in Redis 8.4.
  DIGEST: [
    2,
    (keyspace, args) => {
      const found = keyspace.read(args.bytes(1), "string")?.string.slice();
      return found === undefined ? NULL : bulk(utf8(xxh3(found)));
    },
  ],
  DELEX: [-2, deleteIf],
  SETRANGE: [4, setRange],
  GETRANGE: [4, getRange],
  SUBSTR: [4, getRange],
  INCR: [2, (keyspace, args) => increment(keyspace, args, 1n)],
  DECR: [2, (keyspace, args) => increment(keyspace, args, -1n)],
  INCRBY: [3, (keyspace, args) => increment(keyspace, args, args.bigint(2))],
  DECRBY: [
    3,
    (keyspace, args) => {
      const by = args.bigint(2);
      if (by === INT64_MIN) throw new ErrorReply("ERR decrement would overflow");
      return increment(keyspace, args, -by);
    },
  ],
  INCRBYFLOAT: [3, incrementByFloat],
};
