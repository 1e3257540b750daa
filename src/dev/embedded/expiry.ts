/** Commands about the expiry of keys, and the time arguments and conditions that other commands share with them. */
import type { RespValue } from "../../rest/resp.ts";
import { INT64_MAX, INT64_MIN } from "./command.ts";
import type { Arguments, CommandTable } from "./command.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer } from "./replies.ts";

/** The unit of a time argument, and its origin. */
export interface TimeForm {
  /** Milliseconds. */
  readonly unit: bigint;
  /** True if the time counts from the epoch, false if it counts from now. */
  readonly absolute: boolean;
}

export const RELATIVE_SECONDS: TimeForm = { unit: 1000n, absolute: false };
export const RELATIVE_MS: TimeForm = { unit: 1n, absolute: false };
export const ABSOLUTE_SECONDS: TimeForm = { unit: 1000n, absolute: true };
export const ABSOLUTE_MS: TimeForm = { unit: 1n, absolute: true };

/** The options of SET, GETEX, HSETEX and HGETEX that give a time. */
export const TIME_OPTIONS: Readonly<Record<string, TimeForm>> = {
  EX: RELATIVE_SECONDS,
  PX: RELATIVE_MS,
  EXAT: ABSOLUTE_SECONDS,
  PXAT: ABSOLUTE_MS,
};

/** The options of EXPIRE, HEXPIRE and others that say when the new expiry is refused. */
export const CONDITIONS: readonly string[] = ["NX", "XX", "GT", "LT"];

/** Reads the time argument of SET, GETEX, SETEX and PSETEX, as milliseconds since the epoch. */
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

/** Reads NX, XX, GT and LT from argument 3 on. */
function readConditions(args: Arguments): Set<string> {
  const conditions = new Set<string>();
  for (let index = 3; index < args.length; index++) {
    const option = args.option(index);
    if (!CONDITIONS.includes(option)) throw new ErrorReply(`ERR Unsupported option ${args.printable(index)}`);
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

/** Returns true if a condition forbids the new expiry. A key or field that never expires counts as the latest. */
export function refusesExpiry(
  conditions: ReadonlySet<string>,
  current: bigint | undefined,
  at: bigint,
): boolean {
  return (
    (conditions.has("NX") && current !== undefined) ||
    (conditions.has("XX") && current === undefined) ||
    (conditions.has("GT") && (current === undefined || at <= current)) ||
    (conditions.has("LT") && current !== undefined && at >= current)
  );
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
  if (refusesExpiry(conditions, keyspace.expiry(key), at)) return integer(0);
  keyspace.expire(key, at);
  return integer(1);
}

/** TTL, EXPIRETIME and others: −2 without the key, −1 without an expiry. Seconds are rounded to the nearest. */
function timeOf(keyspace: Keyspace, args: Arguments, form: TimeForm): RespValue {
  const key = args.bytes(1);
  if (keyspace.value(key) === undefined) return integer(-2);
  const at = keyspace.expiry(key);
  if (at === undefined) return integer(-1);
  const left = form.absolute ? at : at - keyspace.now;
  const positive = left < 0n ? 0n : left;
  return integer(form.unit === 1n ? positive : (positive + 500n) / 1000n);
}

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
