/** The `policy` option, which decides what is compressed and at which level, with its checks and defaults. */
import {
  describe,
  requireInteger,
  requireLevel,
  requireNumber,
  requireOneOf,
  requireOptions,
  requireSynchronous,
} from "../check.ts";
import { emit, type EventListener, type ValueKind } from "../metrics/events.ts";
import type { Carrier } from "./carrier.ts";

export type { ValueKind } from "../metrics/events.ts";

/** What is worth compressing, and the level. Members that are left out have their defaults. */
export interface Policy {
  /** Values of fewer UTF-8 bytes are stored uncompressed. Default 1024, and 128 if there is a dictionary. */
  readonly minSize?: number;
  /** The smallest share of its size, 0…1, that a value must save in Redis to be stored compressed. Default 0.1. */
  readonly minSavings?: number;
  /** Compression level, an integer in −7…22. Default 1 for text and JSON, 3 for protobuf and other binary. */
  readonly level?: number;
  /**
   * The id of the dictionary, or `false` for none. Default: the first of the client's `dictionaries`. Values of 256
   * KiB or more are written without one, because it would gain little.
   */
  readonly dictionary?: number | false;
  /**
   * How the value is stored: "text" is always possible; "raw" needs a value that is sent as bytes, and is "text"
   * otherwise. Default: the client's `carrier`.
   */
  readonly carrier?: Carrier;
  /**
   * Whether the elements of lists are values too. With `true` LPUSH, RPUSH, LPUSHX, RPUSHX and LSET compress them,
   * and LRANGE, LINDEX, LPOP, LMPOP, LMOVE and similar commands decode them. "read-only" decodes them and compresses
   * none: for readers before the first writer has `true`, and after the last one had it. LREM, LPOS and LINSERT
   * compare stored bytes, and are COMMAND_REFUSED. Only clients use this option. Default false: lists are not
   * changed.
   *
   * A policy function is called once for a list, with size Infinity, when it is written and when an element of it
   * looks compressed: let it decide by the key.
   */
  readonly lists?: boolean | "read-only";
}

/** The value that a policy function decides about. */
export interface PolicyContext {
  /** The command's name in upper case. */
  readonly command: string;
  /**
   * The key as the command names it: the whole name in Redis. For `encodeValue` its option `key`, "" if that is not
   * given.
   */
  readonly key: string;
  /** The size of the value in UTF-8 bytes; Infinity if the question is whether the key may hold compressed values. */
  readonly size: number;
  /**
   * "text" for every value of the Redis client; for `encodeValue` as given, or "binary" for bytes that are not text.
   */
  readonly kind: ValueKind;
  /** Seconds to live, if the command sets them (EX, PX, SETEX, PSETEX); undefined for none and for points in time. */
  readonly ttl: number | undefined;
  /**
   * How the value will be stored if it is compressed and the policy does not say otherwise, as far as client and
   * command tell: several values or commands in one request are "text".
   */
  readonly carrier: Carrier;
  /**
   * The id of the dictionary with which it will be written if the policy does not say otherwise; undefined for none.
   */
  readonly dictionary: number | undefined;
}

/**
 * Called for every value, synchronously; returning `false` stores it uncompressed.
 *
 * The first time that a function throws or returns no policy, the call fails with a TypeError and nothing is written;
 * after that such values are stored uncompressed. A `policy-failed` event reports each failure; in mode "shadow"
 * there is only the event.
 */
export type PolicyFunction = (context: PolicyContext) => Policy | false;

/** One policy for all values, or a function. */
export type PolicyOption = Policy | PolicyFunction;

/** A policy with its defaults, except for those that depend on the dictionary. */
export interface CompletePolicy extends Required<Omit<Policy, "minSize" | "dictionary" | "carrier">> {
  readonly minSize: number | undefined;
  readonly carrier: Carrier | undefined;
  readonly dictionary: number | false | undefined;
}

/** The smallest size in UTF-8 bytes that is compressed, unless the policy says otherwise. */
export const DEFAULT_MIN_SIZE = 1024;
/** With a dictionary JSON of 128 bytes becomes half as long; without one it does not shrink. */
export const DICTIONARY_MIN_SIZE = 128;
const DEFAULT_MIN_SAVINGS = 0.1;

/**
 * Level 3 pays off on binary data, in which level 1 finds too little; on text it takes 20–50 % more time for a few
 * percent.
 */
const levels: Readonly<Record<ValueKind, number>> = { text: 1, json: 1, protobuf: 3, binary: 3 };

/** All kinds of values. */
export const KINDS: readonly ValueKind[] = ["text", "json", "protobuf", "binary"];

/** The level for values of a kind. */
export function levelOf(kind: ValueKind): number {
  return levels[kind];
}

/**
 * Fills in the defaults of a policy.
 *
 * @throws {TypeError | RangeError} that names the wrong member
 */
export function completePolicy(policy: Policy, kind: ValueKind): CompletePolicy {
  requireSynchronous("policy", policy);
  requireOptions(policy, ["minSize", "minSavings", "level", "dictionary", "carrier", "lists"], "policy");
  const {
    minSize,
    minSavings = DEFAULT_MIN_SAVINGS,
    level = levels[kind],
    dictionary,
    carrier,
    lists = false,
  } = policy;
  if (minSize !== undefined) requireNumber("minSize", minSize, 0, Infinity);
  requireNumber("minSavings", minSavings, 0, 1);
  requireLevel(level);
  requireDictionaryId(dictionary);
  if (carrier !== undefined) requireOneOf("carrier", carrier, ["text", "raw"]);
  if (typeof lists !== "boolean" && lists !== "read-only")
    throw new TypeError(`"lists" must be a boolean or "read-only", got ${describe(lists)}`);
  return { minSize, minSavings, level, dictionary, carrier, lists };
}

/** Throws unless the value is the id of a dictionary, `false` or undefined. */
export function requireDictionaryId(id: unknown): asserts id is number | false | undefined {
  if (id !== undefined && id !== false) requireInteger("dictionary", id, 1, 2 ** 32 - 1);
}

/**
 * Asks a policy function about a value.
 *
 * @throws {TypeError | RangeError} if it throws, or returns a promise or anything else that is not a policy
 */
export function askPolicy(policy: PolicyFunction, context: PolicyContext): CompletePolicy | false {
  let chosen: Policy | false;
  try {
    chosen = policy(context);
  } catch (cause) {
    // Its message may contain anything.
    throw new TypeError('"policy" threw', { cause });
  }
  return chosen === false ? false : completePolicy(chosen, context.kind);
}

/** Policy functions whose first failure was already thrown from a call. */
const shown = new WeakSet<PolicyFunction>();

/**
 * Reports that a policy has failed for a value.
 *
 * @throws {TypeError} with `throws`, the first time that this policy does, before anything is written
 */
export function policyFailed(
  policy: CompletePolicy | PolicyFunction,
  error: unknown,
  { command, key }: { readonly command: string; readonly key: string },
  throws: boolean,
  onEvent: EventListener | undefined,
): void {
  if (onEvent !== undefined) emit(onEvent, { type: "policy-failed", command, key, error });
  if (!throws || typeof policy !== "function" || shown.has(policy)) return;
  shown.add(policy);
  const reason = error instanceof Error ? error.message : "it failed";
  throw new TypeError(
    `Cannot write ${JSON.stringify(key)} (${command}): ${reason}. Said once for this policy: later values that it fails for ` +
      "are stored uncompressed",
    { cause: error },
  );
}
