/** Commands about hashes, except those about the expiry of fields. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import { INT64_MAX, INT64_MIN, parseInteger } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { addLongDouble, formatLongDouble, parseLongDouble } from "./long-double.ts";
import {
  bulk,
  bulks,
  ErrorReply,
  integer,
  NOT_A_FLOAT,
  OK,
  WOULD_BE_INFINITE,
  WOULD_OVERFLOW,
} from "./replies.ts";
import { readCursor, readScanOptions, scanReply } from "./scan.ts";
import { FieldMap } from "./values.ts";

function read(keyspace: Keyspace, args: Arguments): FieldMap | undefined {
  return keyspace.read(args.bytes(1), "hash")?.hash;
}

function open(keyspace: Keyspace, args: Arguments): FieldMap {
  return keyspace.open(args.bytes(1), "hash", () => ({ type: "hash", hash: new FieldMap() })).hash;
}

/** Sets the pairs from argument 2 on. Returns the number of new fields. */
function setFields(keyspace: Keyspace, args: Arguments): number {
  if (args.length % 2 === 1) throw args.wrongNumber();
  const hash = open(keyspace, args);
  return args.pairs(2).filter(([field, bytes]) => hash.set(field, bytes)).length;
}

function deleteFields(keyspace: Keyspace, args: Arguments): RespValue {
  const hash = read(keyspace, args);
  if (hash === undefined) return integer(0);
  const removed = args.from(2).filter((field) => hash.delete(field)).length;
  if (hash.size === 0) keyspace.delete(args.bytes(1));
  return integer(removed);
}

function increment(keyspace: Keyspace, args: Arguments): RespValue {
  const by = args.bigint(3);
  const bytes = read(keyspace, args)?.get(args.bytes(2));
  const value = bytes === undefined ? 0n : parseInteger(bytes);
  if (value === undefined) throw new ErrorReply("ERR hash value is not an integer");
  const sum = value + by;
  if (sum > INT64_MAX || sum < INT64_MIN) throw new ErrorReply(WOULD_OVERFLOW);
  open(keyspace, args).replace(args.bytes(2), utf8(sum.toString()));
  return integer(sum);
}

function incrementByFloat(keyspace: Keyspace, args: Arguments): RespValue {
  const by = parseLongDouble(toBinary(args.bytes(3)));
  if (by === undefined) throw new ErrorReply(NOT_A_FLOAT);
  const value = parseLongDouble(toBinary(read(keyspace, args)?.get(args.bytes(2)) ?? utf8("0")));
  if (value === undefined) throw new ErrorReply("ERR hash value is not a float");
  const sum = addLongDouble(value, by);
  if (sum === undefined) throw new ErrorReply(WOULD_BE_INFINITE);
  const text = utf8(formatLongDouble(sum));
  open(keyspace, args).replace(args.bytes(2), text);
  return bulk(text);
}

/** HRANDFIELD: a positive count returns distinct fields, a negative one allows repetition. */
function random(keyspace: Keyspace, args: Arguments): RespValue {
  if (args.length === 2) return bulk(read(keyspace, args)?.sample(1, { repeat: true })[0]?.[0]);
  const count = args.number(2);
  const withValues = args.length === 4 && args.option(3) === "WITHVALUES";
  if (args.length > 3 && !withValues) throw args.syntaxError();
  const drawn = read(keyspace, args)?.sample(Math.abs(count), { repeat: count < 0 }) ?? [];
  return bulks(withValues ? drawn.flat() : drawn.map(([field]) => field));
}

function scan(keyspace: Keyspace, args: Arguments): RespValue {
  const cursor = readCursor(args, 2);
  const hash = read(keyspace, args);
  if (hash === undefined) return scanReply(0, []);
  const options = readScanOptions(args, 3, ["NOVALUES"]);
  const found = hash.scan(cursor, options.count);
  const pairs = found.entries.filter(([field]) => options.matches(field));
  const fields = options.flags.has("NOVALUES") ? pairs.map(([field]) => field) : pairs.flat();
  return scanReply(found.cursor, fields);
}

export const HASH_COMMANDS: CommandTable = {
  HSET: [-4, (keyspace, args) => integer(setFields(keyspace, args))],
  HMSET: [
    -4,
    (keyspace, args) => {
      setFields(keyspace, args);
      return OK;
    },
  ],
  HSETNX: [
    4,
    (keyspace, args) => {
      if (read(keyspace, args)?.has(args.bytes(2)) === true) return integer(0);
      open(keyspace, args).set(args.bytes(2), args.bytes(3));
      return integer(1);
    },
  ],
  HGET: [3, (keyspace, args) => bulk(read(keyspace, args)?.get(args.bytes(2)))],
  HMGET: [
    -3,
    (keyspace, args) => {
      const hash = read(keyspace, args);
      return bulks(args.from(2).map((field) => hash?.get(field)));
    },
  ],
  HGETALL: [2, (keyspace, args) => bulks([...(read(keyspace, args)?.entries() ?? [])].flat())],
  HKEYS: [2, (keyspace, args) => bulks(read(keyspace, args)?.keys() ?? [])],
  HVALS: [2, (keyspace, args) => bulks(read(keyspace, args)?.values() ?? [])],
  HLEN: [2, (keyspace, args) => integer(read(keyspace, args)?.size ?? 0)],
  HSTRLEN: [3, (keyspace, args) => integer(read(keyspace, args)?.get(args.bytes(2))?.length ?? 0)],
  HEXISTS: [3, (keyspace, args) => integer(read(keyspace, args)?.has(args.bytes(2)) ?? false)],
  HDEL: [-3, deleteFields],
  HINCRBY: [4, increment],
  HINCRBYFLOAT: [4, incrementByFloat],
  HRANDFIELD: [-2, random],
  HSCAN: [-3, scan],
};
