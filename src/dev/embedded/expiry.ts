import type { RespValue } from "../../rest/resp.ts";
import { fromBinary, toBinary, toText } from "../text.ts";
import type { Arguments } from "./arguments.ts";
import { INT64_MAX, INT64_MIN, printable } from "./arguments.ts";
import type { CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer } from "./replies.ts";

/** The unit of a time argument in milliseconds, and what it counts from. */
export interface TimeForm {
  readonly unit: bigint;
  readonly absolute: boolean;
}

/** How SET and GETEX say when a key expires. */
export const TIME_OPTIONS: Readonly<Record<string, TimeForm>> = {
  EX: { unit: 1000n, absolute: false },
  PX: { unit: 1n, absolute: false },
  EXAT: { unit: 1000n, absolute: true },
  PXAT: { unit: 1n, absolute: true },
};

/** Read the time argument of SET, GETEX, SETEX and PSETEX, as milliseconds since the epoch. */
export function readExpiry(keyspace: Keyspace, args: Arguments, index: number, form: TimeForm): bigint {
  const value = args.bigint(index);
  const base = form.absolute ? 0n : keyspace.now;
  const at = value * form.unit + base;
  if (value <= 0n || value * form.unit > INT64_MAX || at > INT64_MAX) throw invalidExpireTime(args);
  return at;
}

function invalidExpireTime(args: Arguments): ErrorReply {
  return new ErrorReply(`ERR invalid expire time in '${args.name}' command`);
}

function readConditions(args: Arguments): Set<string> {
  const conditions = new Set<string>();
  for (let index = 3; index < args.length; index++) {
    const option = args.option(index);
    if (!["NX", "XX", "GT", "LT"].includes(option)) {
      throw new ErrorReply(
        `ERR Unsupported option ${toText(fromBinary(printable(toBinary(args.bytes(index)))))}`,
      );
    }
    conditions.add(option);
  }
  if (conditions.has("NX") && conditions.size > 1) {
    throw new ErrorReply("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.has("GT") && conditions.has("LT")) {
    throw new ErrorReply("ERR GT and LT options at the same time are not compatible");
  }
  return conditions;
}

function expire(keyspace: Keyspace, args: Arguments, form: TimeForm): RespValue {
  const conditions = readConditions(args);
  const value = args.bigint(2);
  const base = form.absolute ? 0n : keyspace.now;
  const [most, least] = [INT64_MAX / form.unit, INT64_MIN / form.unit];
  if (value > most || value < least || value * form.unit + base > INT64_MAX) throw invalidExpireTime(args);
  const at = value * form.unit + base;
  const key = args.bytes(1);
  if (keyspace.value(key) === undefined) return integer(0);
  const current = keyspace.expiry(key);
  if (conditions.has("NX") && current !== undefined) return integer(0);
  if (conditions.has("XX") && current === undefined) return integer(0);
  // A key that stays counts as one that expires at infinity.
  if (conditions.has("GT") && (current === undefined || at <= current)) return integer(0);
  if (conditions.has("LT") && current !== undefined && at >= current) return integer(0);
  keyspace.expire(key, at);
  return integer(1);
}

/** −2 without the key, −1 without an expiry; seconds are rounded to the nearest. */
function timeOf(keyspace: Keyspace, args: Arguments, form: TimeForm): RespValue {
  const key = args.bytes(1);
  if (keyspace.value(key) === undefined) return integer(-2);
  const at = keyspace.expiry(key);
  if (at === undefined) return integer(-1);
  const left = form.absolute ? at : at - keyspace.now;
  const positive = left < 0n ? 0n : left;
  return integer(form.unit === 1n ? positive : (positive + 500n) / 1000n);
}

export const RELATIVE_SECONDS: TimeForm = { unit: 1000n, absolute: false };
export const RELATIVE_MS: TimeForm = { unit: 1n, absolute: false };
export const ABSOLUTE_SECONDS: TimeForm = { unit: 1000n, absolute: true };
export const ABSOLUTE_MS: TimeForm = { unit: 1n, absolute: true };

/** When keys expire. */
export const EXPIRY_COMMANDS: CommandTable = {
  EXPIRE: [-3, (keyspace, args) => expire(keyspace, args, RELATIVE_SECONDS)],
  PEXPIRE: [-3, (keyspace, args) => expire(keyspace, args, RELATIVE_MS)],
  EXPIREAT: [-3, (keyspace, args) => expire(keyspace, args, ABSOLUTE_SECONDS)],
  PEXPIREAT: [-3, (keyspace, args) => expire(keyspace, args, ABSOLUTE_MS)],
  TTL: [2, (keyspace, args) => timeOf(keyspace, args, RELATIVE_SECONDS)],
  PTTL: [2, (keyspace, args) => timeOf(keyspace, args, RELATIVE_MS)],
  EXPIRETIME: [2, (keyspace, args) => timeOf(keyspace, args, ABSOLUTE_SECONDS)],
  PEXPIRETIME: [2, (keyspace, args) => timeOf(keyspace, args, ABSOLUTE_MS)],
  PERSIST: [
    2,
    (keyspace, args) => {
      const key = args.bytes(1);
      if (keyspace.expiry(key) === undefined) return integer(0);
      keyspace.expire(key, undefined);
      return integer(1);
    },
  ],
};
