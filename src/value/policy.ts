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
   * How the value lies in Redis: "text" holds anywhere; "raw" holds where the value travels as bytes, and is "text" elsewhere.
   * Default: the client's `carrier`.
   */
  readonly carrier?: Carrier;
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
  /** "text" for every value that comes through the Redis client; of `encodeValue` as given, or "binary" for what is no text. */
  readonly kind: ValueKind;
  /** Seconds to live, where the command gives them (EX, PX, SETEX, PSETEX); undefined for none and for points in time. */
  readonly ttl: number | undefined;
  /**
   * How the value will lie in Redis if it is compressed and the policy does not say otherwise, as far as client and command tell:
   * several values or commands in one request are "text".
   */
  readonly carrier: Carrier;
  /** The id of the dictionary that it will be written with if the policy does not say otherwise; undefined for none. */
  readonly dictionary: number | undefined;
}

/**
 * Asked for every value, synchronously; `false` stores it as it is.
 *
 * The first time that a function throws or gives no policy, the call that shows it is a TypeError and nothing is written; after that
 * such values are stored as they are. A `policy-failed` event tells of each; in mode "shadow" the event alone.
 */
export type PolicyFunction = (context: PolicyContext) => Policy | false;

/** One policy for all values, or a function. */
export type PolicyOption = Policy | PolicyFunction;

/** A policy whose defaults are filled in, but for those that hang on the dictionary. */
export interface CompletePolicy extends Required<Omit<Policy, "minSize" | "dictionary" | "carrier">> {
  readonly minSize: number | undefined;
  readonly carrier: Carrier | undefined;
  readonly dictionary: number | false | undefined;
}

/** The least size in UTF-8 bytes of what is compressed, unless the policy says otherwise. */
export const DEFAULT_MIN_SIZE = 1024;
/** With a dictionary JSON of 128 bytes becomes half as long; without one it does not shrink. */
export const DICTIONARY_MIN_SIZE = 128;
const DEFAULT_MIN_SAVINGS = 0.1;

/** Level 3 pays on binary, where level 1 finds too little; on text it costs 20–50 % more time for a few percent. */
const levels: Readonly<Record<ValueKind, number>> = { text: 1, json: 1, protobuf: 3, binary: 3 };

/** All kinds of values. */
export const KINDS: readonly ValueKind[] = ["text", "json", "protobuf", "binary"];

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
 * @throws {TypeError | RangeError} where it throws, or gives no policy or a promise
 */
export function askPolicy(policy: PolicyFunction, context: PolicyContext): CompletePolicy | false {
  let chosen: Policy | false;
  try {
    chosen = policy(context);
  } catch (cause) {
    // What it says may hold anything.
    throw new TypeError('"policy" threw', { cause });
  }
  return chosen === false ? false : completePolicy(chosen, context.kind);
}

/** Policies whose failure was the error of a call. */
const shown = new WeakSet<PolicyFunction>();

/**
 * Tells that a policy has failed for a value.
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
