/** The `policy` option, which decides what is compressed and at which level, with its checks and defaults. */
import {
  describe,
  requireInteger,
  requireLevel,
  requireNumber,
  requireOptions,
  requireSynchronous,
} from "../check.ts";
import type { ValueKind } from "../metrics/events.ts";

export type { ValueKind } from "../metrics/events.ts";

/** Bounds of what is worth compressing, and the level. Members that are left out have their defaults. */
export interface Policy {
  /** Values of fewer UTF-8 bytes are stored as they are. Default 1024, and 128 where there is a dictionary. */
  readonly minSize?: number;
  /** The least share of its size, 0…1, that a value must save as it lies in Redis, or it is stored as it is. Default 0.1. */
  readonly minSavings?: number;
  /** Compression level, an integer −7…22. Default 1 for text and JSON, 3 for protobuf and other binary. */
  readonly level?: number;
  /**
   * The dictionary, by its id, or `false` for none. Default: the first of the client's `dictionaries`. Values of 256 KiB and
   * more are written without one, which would gain them little.
   */
  readonly dictionary?: number | false;
  /**
   * The elements of lists are values too: with `true` LPUSH, RPUSH, LPUSHX, RPUSHX and LSET compress them, and LRANGE,
   * LINDEX, LPOP, LMPOP, LMOVE and their kin decode them. "read-only" decodes them and compresses none: for readers before the
   * first writer has `true`, and after the last one had it. LREM, LPOS and LINSERT compare stored bytes, and are
   * COMMAND_REFUSED. Read by clients alone. Default false: lists are not touched.
   *
   * A policy function is asked once for a list, with size Infinity, when it is written and when an element of it looks
   * compressed: let it answer by the key.
   */
  readonly lists?: boolean | "read-only";
}

/** The value that a policy function decides about. */
export interface PolicyContext {
  /** The command's name in upper case. */
  readonly command: string;
  readonly key: string;
  /** Bytes of the value in UTF-8; Infinity where the question is whether there may be compressed ones under the key. */
  readonly size: number;
  /** "text" for every value that comes through the Redis client. */
  readonly kind: ValueKind;
  /** Seconds to live, where the command gives them (EX, PX, SETEX, PSETEX); undefined for none and for points in time. */
  readonly ttl: number | undefined;
}

/** Asked for every value, synchronously; `false` stores it as it is. */
export type PolicyFunction = (context: PolicyContext) => Policy | false;

/** One policy for all values, or a function. */
export type PolicyOption = Policy | PolicyFunction;

/** A policy whose defaults are filled in, but for those that hang on the dictionary. */
export interface CompletePolicy extends Required<Omit<Policy, "minSize" | "dictionary">> {
  readonly minSize: number | undefined;
  readonly dictionary: number | false | undefined;
}

/** The least size in UTF-8 bytes of what is compressed, unless the policy says otherwise. */
export const DEFAULT_MIN_SIZE = 1024;
/** With a dictionary JSON of 128 bytes becomes half as long; without one it does not shrink. */
export const DICTIONARY_MIN_SIZE = 128;
const DEFAULT_MIN_SAVINGS = 0.1;

/** Level 3 pays on binary, where level 1 finds too little; on text it costs 20–50 % more time for a few percent. */
const levels: Readonly<Record<ValueKind, number>> = { text: 1, json: 1, protobuf: 3, binary: 3 };

/** The level for values of a kind. */
export function levelOf(kind: ValueKind): number {
  return levels[kind];
}

/**
 * The policy with its defaults filled in.
 *
 * @throws {TypeError | RangeError} naming the member that is wrong
 */
export function completePolicy(policy: Policy, kind: ValueKind): CompletePolicy {
  requireSynchronous("policy", policy);
  requireOptions(policy, ["minSize", "minSavings", "level", "dictionary", "lists"], "policy");
  const {
    minSize,
    minSavings = DEFAULT_MIN_SAVINGS,
    level = levels[kind],
    dictionary,
    lists = false,
  } = policy;
  if (minSize !== undefined) requireNumber("minSize", minSize, 0, Infinity);
  requireNumber("minSavings", minSavings, 0, 1);
  requireLevel(level);
  requireDictionaryId(dictionary);
  if (typeof lists !== "boolean" && lists !== "read-only")
    throw new TypeError(`"lists" must be a boolean or "read-only", got ${describe(lists)}`);
  return { minSize, minSavings, level, dictionary, lists };
}

/** Throws unless the value is the id of a dictionary, `false` or undefined. */
export function requireDictionaryId(id: unknown): asserts id is number | false | undefined {
  if (id !== undefined && id !== false) requireInteger("dictionary", id, 1, 2 ** 32 - 1);
}

/**
 * Asks a policy function about a value.
 *
 * @throws what the function throws, and {TypeError | RangeError} where it gives no policy or a promise
 */
export function askPolicy(policy: PolicyFunction, context: PolicyContext): CompletePolicy | false {
  const chosen = policy(context);
  return chosen === false ? false : completePolicy(chosen, context.kind);
}
