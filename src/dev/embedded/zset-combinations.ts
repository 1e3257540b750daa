/** Unions, intersections and differences of sorted sets. A set counts as a sorted set whose scores are 1. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary } from "../text.ts";
import { ByteMap } from "./byte-map.ts";
import type { Arguments, CommandTable } from "./command.ts";
import { parseDouble } from "./doubles.ts";
import type { Keyspace } from "./keyspace.ts";
import { ErrorReply, integer, WRONG_TYPE } from "./replies.ts";
import { readLimit } from "./shared-arguments.ts";
import { isBefore } from "./sorted-set.ts";
import type { Scored } from "./sorted-set.ts";
import { entriesReply } from "./sorted-sets.ts";
import { storeSortedSet } from "./zset-range-commands.ts";

type Operation = "union" | "intersection" | "difference";

/** A set or sorted set to combine. */
interface Source {
  readonly size: number;
  readonly weight: number;
  score(member: Uint8Array): number | undefined;
  entries(): Iterable<readonly [member: Uint8Array, score: number]>;
}

/** What a combination asks for. */
interface Combination {
  readonly operation: Operation;
  readonly sources: readonly Source[];
  readonly aggregate: (a: number, b: number) => number;
  readonly withScores: boolean;
  /** The most members that are counted, for ZINTERCARD. */
  readonly limit: number;
}

/** A command of the family: the operation, and what is done with its result. */
interface Form {
  readonly operation: Operation;
  readonly result: "reply" | "store" | "count";
}

/** Infinity − Infinity and 0 × Infinity are 0 here, as in Redis. */
const orZero = (score: number): number => (Number.isNaN(score) ? 0 : score);

const AGGREGATES: Readonly<Record<string, Combination["aggregate"]>> = {
  SUM: (a, b) => orZero(a + b),
  MIN: (a, b) => (b < a ? b : a),
  MAX: (a, b) => (b > a ? b : a),
};

function readSource(keyspace: Keyspace, key: Uint8Array): Omit<Source, "weight"> {
  const value = keyspace.value(key);
  if (value === undefined) return { size: 0, score: () => undefined, entries: () => [] };
  if (value.type === "zset") {
    const { zset } = value;
    return { size: zset.size, score: (member) => zset.score(member), entries: () => zset.entries() };
  }
  if (value.type !== "set") throw new ErrorReply(WRONG_TYPE);
  const { set } = value;
  return {
    size: set.size,
    score: (member) => (set.has(member) ? 1 : undefined),
    entries: () => Array.from(set.keys(), (member) => [member, 1] as const),
  };
}

/** Reads `numkeys key … [WEIGHTS …] [AGGREGATE …] [WITHSCORES]`, or `[LIMIT n]` for ZINTERCARD, from an index on. */
function readCombination(keyspace: Keyspace, args: Arguments, first: number, form: Form): Combination {
  const numberOfKeys = args.number(first);
  if (numberOfKeys < 1) throw new ErrorReply(`ERR at least 1 input key is needed for '${args.name}' command`);
  if (numberOfKeys > args.length - first - 1) throw args.syntaxError();
  const optionsIndex = first + 1 + numberOfKeys;
  const keys = args.from(first + 1).slice(0, numberOfKeys);
  const found = keys.map((key) => readSource(keyspace, key));
  let weights: readonly number[] = [];
  let aggregate = AGGREGATES["SUM"] as Combination["aggregate"];
  let withScores = false;
  let limit = 0;
  const hasWeights = form.operation !== "difference" && form.result !== "count";
  for (let index = optionsIndex; index < args.length; index++) {
    const option = args.option(index);
    const left = args.length - index - 1;
    if (option === "WEIGHTS" && hasWeights && left >= numberOfKeys) {
      weights = args
        .from(index + 1)
        .slice(0, numberOfKeys)
        .map(readWeight);
      index += numberOfKeys;
    } else if (option === "AGGREGATE" && hasWeights && left >= 1) {
      const named = AGGREGATES[args.option(++index)];
      if (named === undefined) throw args.syntaxError();
      aggregate = named;
    } else if (option === "WITHSCORES" && form.result === "reply") withScores = true;
    else if (option === "LIMIT" && form.result === "count" && left >= 1) limit = readLimit(args, ++index);
    else throw args.syntaxError();
  }
  const sources = found.map((source, index) => ({ ...source, weight: weights[index] ?? 1 }));
  return { operation: form.operation, sources, aggregate, withScores, limit: limit === 0 ? Infinity : limit };
}

function readWeight(bytes: Uint8Array): number {
  const weight = parseDouble(toBinary(bytes));
  if (weight === undefined) throw new ErrorReply("ERR weight value is not a float");
  return weight;
}

/** The members of the result with their scores, in no order. */
function* combine({ operation, sources, aggregate }: Combination): Generator<readonly [Uint8Array, number]> {
  if (operation === "union") {
    yield* unite(sources, aggregate);
    return;
  }
  // Redis adds the scores up from the smallest set on, which decides how a sum is rounded.
  const [first, ...others] = operation === "difference" ? sources : bySize(sources);
  if (first === undefined) return;
  for (const [member, own] of first.entries()) {
    if (operation === "difference") {
      if (others.every((other) => other.score(member) === undefined)) yield [member, own];
      continue;
    }
    let score = orZero(first.weight * own);
    const isInAll = others.every((other) => {
      const found = other.score(member);
      if (found !== undefined) score = aggregate(score, other.weight * found);
      return found !== undefined;
    });
    if (isInAll) yield [member, score];
  }
}

function bySize(sources: readonly Source[]): Source[] {
  return sources.toSorted((a, b) => a.size - b.size);
}

function unite(
  sources: readonly Source[],
  aggregate: Combination["aggregate"],
): Iterable<readonly [Uint8Array, number]> {
  const scores = new ByteMap<number>();
  for (const source of bySize(sources)) {
    for (const [member, own] of source.entries()) {
      const score = orZero(source.weight * own);
      const before = scores.get(member);
      scores.set(member, before === undefined ? score : aggregate(before, score));
    }
  }
  return scores.entries();
}

function command(form: Form): (keyspace: Keyspace, args: Arguments) => RespValue {
  return (keyspace, args) => {
    const combination = readCombination(keyspace, args, form.result === "store" ? 2 : 1, form);
    if (form.result === "count") {
      let found = 0;
      for (const _ of combine(combination)) if (++found >= combination.limit) break;
      return integer(found);
    }
    const entries: Scored[] = Array.from(combine(combination), ([member, score]) => ({
      member: toBinary(member),
      score,
    }));
    if (form.result === "store") return storeSortedSet(keyspace, args.bytes(1), entries);
    return entriesReply(
      entries.sort((a, b) => (isBefore(a, b) ? -1 : 1)),
      combination.withScores,
    );
  };
}

export const SORTED_SET_COMBINATION_COMMANDS: CommandTable = {
  ZUNION: [-3, command({ operation: "union", result: "reply" })],
  ZINTER: [-3, command({ operation: "intersection", result: "reply" })],
  ZDIFF: [-3, command({ operation: "difference", result: "reply" })],
  ZUNIONSTORE: [-4, command({ operation: "union", result: "store" })],
  ZINTERSTORE: [-4, command({ operation: "intersection", result: "store" })],
  ZDIFFSTORE: [-4, command({ operation: "difference", result: "store" })],
  ZINTERCARD: [-3, command({ operation: "intersection", result: "count" })],
};
