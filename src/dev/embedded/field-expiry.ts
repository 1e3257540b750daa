/** Commands about the expiry of hash fields, as Redis 8 has them. */
import type { RespValue } from "../../rest/resp.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { TimeForm } from "./expiry.ts";
import {
  ABSOLUTE_MS,
  ABSOLUTE_SECONDS,
  CONDITIONS,
  refusesExpiry,
  RELATIVE_MS,
  RELATIVE_SECONDS,
  TIME_OPTIONS,
} from "./expiry.ts";
import type { Keyspace } from "./keyspace.ts";
import { array, bulks, ErrorReply, integer } from "./replies.ts";
import { FieldMap } from "./values.ts";

/** The latest time at which a field may expire, in milliseconds since the epoch: Redis keeps 46 bits of it. */
const MAX_TIME = 2n ** 46n - 1n;
const MISMATCH = "ERR The `numfields` parameter must match the number of arguments";

/** The options of HSETEX or HGETEX. */
interface FieldOptions {
  readonly flags: ReadonlySet<string>;
  readonly expireAt: bigint | undefined;
  /** The index of the first field. */
  readonly fieldsIndex: number;
}

/** Mutually exclusive options, and the error for two of them. */
type ExclusiveOptions = readonly [options: readonly string[], error: string];

function readTime(keyspace: Keyspace, args: Arguments, index: number, form: TimeForm): bigint {
  const value = args.bigint(index);
  if (value < 0n) throw new ErrorReply("ERR invalid expire time, must be >= 0");
  const at = value * form.unit + (form.absolute ? 0n : keyspace.now);
  if (at > MAX_TIME) throw new ErrorReply(`ERR invalid expire time in '${args.name}' command`);
  return at;
}

/** Reads the options of HSETEX or HGETEX, which end at FIELDS. A field takes `width` arguments. */
function readOptions(
  keyspace: Keyspace,
  args: Arguments,
  groups: readonly ExclusiveOptions[],
  width: number,
): FieldOptions {
  const flags = new Set<string>();
  let expireAt: bigint | undefined;
  for (let index = 2; index < args.length; index++) {
    const option = args.option(index);
    if (option === "FIELDS") {
      if (index + 1 + width >= args.length) throw args.wrongNumber();
      const count = args.number(index + 1, "ERR invalid number of fields");
      if (count < 1) throw new ErrorReply("ERR invalid number of fields");
      if (count * width !== args.length - index - 2) throw args.wrongNumber();
      return { flags, expireAt, fieldsIndex: index + 2 };
    }
    const group = groups.find(([options]) => options.includes(option));
    if (group === undefined) throw new ErrorReply(`ERR unknown argument: ${args.printable(index)}`);
    if (group[0].some((other) => flags.has(other))) throw new ErrorReply(group[1]);
    flags.add(option);
    const form = TIME_OPTIONS[option];
    if (form === undefined) continue;
    if (index + 1 >= args.length) throw new ErrorReply("ERR missing expire time");
    expireAt = readTime(keyspace, args, ++index, form);
  }
  throw new ErrorReply("ERR missing FIELDS argument");
}

/** Reads `FIELDS numfields field …` at an index. */
function readFields(args: Arguments, index: number): readonly Uint8Array[] {
  if (args.option(index) !== "FIELDS")
    throw new ErrorReply("ERR Mandatory argument FIELDS is missing or not at the right position");
  const text = "ERR Number of fields must be a positive integer";
  const count = args.number(index + 1, text);
  if (count < 1) throw new ErrorReply(text);
  if (count !== args.length - index - 2) throw new ErrorReply(MISMATCH);
  return args.from(index + 2);
}

/** Sets or removes a field's expiry. A time in the past removes the field. */
function expireField(keyspace: Keyspace, hash: FieldMap, field: Uint8Array, at: bigint | undefined): void {
  if (at !== undefined && at <= keyspace.now) {
    hash.delete(field);
    return;
  }
  hash.expire(field, at);
  if (at !== undefined) keyspace.noteExpiry(at);
}

function removeIfEmpty(keyspace: Keyspace, key: Uint8Array, hash: FieldMap): void {
  if (hash.size === 0) keyspace.delete(key);
}

/** The times, and one more option that excludes them. */
function timesOr(option: string): ExclusiveOptions {
  const error = `ERR Only one of EX, PX, EXAT, PXAT or ${option} arguments can be specified`;
  return [[...Object.keys(TIME_OPTIONS), option], error];
}

function setAndExpire(keyspace: Keyspace, args: Arguments): RespValue {
  const { flags, expireAt, fieldsIndex } = readOptions(
    keyspace,
    args,
    [[["FNX", "FXX"], "ERR Only one of FXX or FNX arguments can be specified"], timesOr("KEEPTTL")],
    2,
  );
  const key = args.bytes(1);
  const found = keyspace.read(key, "hash")?.hash;
  const pairs = args.pairs(fieldsIndex);
  if (flags.has("FXX") && !pairs.every(([field]) => found?.has(field) === true)) return integer(0);
  if (flags.has("FNX") && pairs.some(([field]) => found?.has(field) === true)) return integer(0);
  const { hash } = keyspace.open(key, "hash", () => ({ type: "hash", hash: new FieldMap() }));
  for (const [field, bytes] of pairs) {
    if (flags.has("KEEPTTL")) hash.replace(field, bytes);
    else hash.set(field, bytes);
    if (expireAt !== undefined) expireField(keyspace, hash, field, expireAt);
  }
  removeIfEmpty(keyspace, key, hash);
  return integer(1);
}

function getAndExpire(keyspace: Keyspace, args: Arguments): RespValue {
  const { flags, expireAt, fieldsIndex } = readOptions(keyspace, args, [timesOr("PERSIST")], 1);
  const key = args.bytes(1);
  const hash = keyspace.read(key, "hash")?.hash;
  const fields = args.from(fieldsIndex);
  const replies = fields.map((field) => hash?.get(field));
  if (hash === undefined) return bulks(replies);
  for (const field of fields) {
    if (hash.has(field) && (expireAt !== undefined || flags.has("PERSIST")))
      expireField(keyspace, hash, field, expireAt);
  }
  removeIfEmpty(keyspace, key, hash);
  return bulks(replies);
}

function getAndDelete(keyspace: Keyspace, args: Arguments): RespValue {
  const key = args.bytes(1);
  const fields = readFields(args, 2);
  const hash = keyspace.read(key, "hash")?.hash;
  const replies = fields.map((field) => {
    const bytes = hash?.get(field);
    hash?.delete(field);
    return bytes;
  });
  if (hash !== undefined) removeIfEmpty(keyspace, key, hash);
  return bulks(replies);
}

/** HEXPIRE and others: −2 without the field, 0 if refused by a condition, 1 if set, 2 if the time is past. */
function expire(keyspace: Keyspace, args: Arguments, form: TimeForm): RespValue {
  const condition = CONDITIONS.find((name) => name === args.option(3));
  const expireAt = readTime(keyspace, args, 2, form);
  const fields = readFields(args, condition === undefined ? 3 : 4);
  const conditions = new Set(condition === undefined ? [] : [condition]);
  const key = args.bytes(1);
  const hash = keyspace.read(key, "hash")?.hash;
  const replies = fields.map((field) => {
    if (hash === undefined || !hash.has(field)) return integer(-2);
    if (refusesExpiry(conditions, hash.expiry(field), expireAt)) return integer(0);
    expireField(keyspace, hash, field, expireAt);
    return integer(hash.has(field) ? 1 : 2);
  });
  if (hash !== undefined) removeIfEmpty(keyspace, key, hash);
  return array(replies);
}

/** HTTL, HEXPIRETIME and others: −2 without the field, −1 without an expiry. Seconds are rounded up. */
function timeOf(keyspace: Keyspace, args: Arguments, form: TimeForm): RespValue {
  const fields = readFields(args, 2);
  const hash = keyspace.read(args.bytes(1), "hash")?.hash;
  return array(
    fields.map((field) => {
      if (hash === undefined || !hash.has(field)) return integer(-2);
      const at = hash.expiry(field);
      if (at === undefined) return integer(-1);
      const left = form.absolute ? at : at - keyspace.now;
      return integer((left + form.unit - 1n) / form.unit);
    }),
  );
}

function persist(keyspace: Keyspace, args: Arguments): RespValue {
  const fields = readFields(args, 2);
  const hash = keyspace.read(args.bytes(1), "hash")?.hash;
  return array(
    fields.map((field) => {
      if (hash === undefined || !hash.has(field)) return integer(-2);
      const had = hash.expiry(field) !== undefined;
      hash.expire(field, undefined);
      return integer(had ? 1 : -1);
    }),
  );
}

export const FIELD_EXPIRY_COMMANDS: CommandTable = {
  HSETEX: [-6, setAndExpire],
  HGETEX: [-5, getAndExpire],
  HGETDEL: [-5, getAndDelete],
  HEXPIRE: [-6, (keyspace, args) => expire(keyspace, args, RELATIVE_SECONDS)],
  HPEXPIRE: [-6, (keyspace, args) => expire(keyspace, args, RELATIVE_MS)],
  HEXPIREAT: [-6, (keyspace, args) => expire(keyspace, args, ABSOLUTE_SECONDS)],
  HPEXPIREAT: [-6, (keyspace, args) => expire(keyspace, args, ABSOLUTE_MS)],
  HTTL: [-5, (keyspace, args) => timeOf(keyspace, args, RELATIVE_SECONDS)],
  HPTTL: [-5, (keyspace, args) => timeOf(keyspace, args, RELATIVE_MS)],
  HEXPIRETIME: [-5, (keyspace, args) => timeOf(keyspace, args, ABSOLUTE_SECONDS)],
  HPEXPIRETIME: [-5, (keyspace, args) => timeOf(keyspace, args, ABSOLUTE_MS)],
  HPERSIST: [-5, persist],
};
