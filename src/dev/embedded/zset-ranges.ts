/** Ranges of sorted sets as commands give them: by rank, by score and by the bytes of members. */
import { toBinary } from "../text.ts";
import type { Arguments } from "./command.ts";
import { parseBound } from "./doubles.ts";
import { ErrorReply } from "./replies.ts";
import type { SortedSet } from "./sorted-set.ts";

/** The kinds of ranges: by rank, by score, or by the bytes of members. */
export type RangeKind = "rank" | "score" | "lex";

/** A range: the positions [start, end) that it covers in a set, in ascending order unless it is reversed. */
export type Range = (set: SortedSet) => readonly [start: number, end: number];

const NOT_A_SCORE = "ERR min or max is not a float";
const NOT_A_STRING_BOUND = "ERR min or max not valid string range item";

/** Reads a range from the arguments at two indexes. A reversed one counts ranks from the end. */
export function readRange(
  args: Arguments,
  kind: RangeKind,
  [minIndex, maxIndex]: readonly [number, number],
  reversed = false,
): Range {
  if (kind === "rank") return readRanks(args, [minIndex, maxIndex], reversed);
  const bounds = [minIndex, maxIndex].map((index) => toBinary(args.bytes(index)));
  const [min = "", max = ""] = bounds;
  return kind === "score" ? readScores(min, max) : readMembers(min, max);
}

function readRanks(args: Arguments, indexes: readonly [number, number], reversed: boolean): Range {
  const [first, last] = [args.number(indexes[0]), args.number(indexes[1])];
  return ({ size }) => {
    const start = Math.max(0, first < 0 ? size + first : first);
    const end = Math.max(start, Math.min(size, (last < 0 ? size + last : last) + 1));
    return reversed ? [Math.max(0, size - end), Math.max(0, size - start)] : [start, end];
  };
}

function readScores(minText: string, maxText: string): Range {
  const [min, max] = [readScore(minText), readScore(maxText)];
  return (set) => [
    set.countWhile(({ score }) => score < min.score || (min.exclusive && score === min.score)),
    set.countWhile(({ score }) => score < max.score || (!max.exclusive && score === max.score)),
  ];
}

function readScore(text: string): { readonly score: number; readonly exclusive: boolean } {
  const exclusive = text.startsWith("(");
  const score = parseBound(exclusive ? text.slice(1) : text);
  if (score === undefined) throw new ErrorReply(NOT_A_SCORE);
  return { score, exclusive };
}

/** The members in it must all have one score, or the result is unspecified, as in Redis. */
function readMembers(minText: string, maxText: string): Range {
  const [min, max] = [readMember(minText), readMember(maxText)];
  return (set) => {
    const count = ({ edge, member, exclusive }: MemberBound, inclusiveBefore: boolean): number => {
      if (edge !== undefined) return edge === "+" ? set.size : 0;
      const withEqual = exclusive === inclusiveBefore;
      return set.countWhile((entry) => entry.member < member || (withEqual && entry.member === member));
    };
    return [count(min, true), count(max, false)];
  };
}

interface MemberBound {
  /** Before or after all members. */
  readonly edge?: "-" | "+";
  readonly member: string;
  readonly exclusive: boolean;
}

function readMember(text: string): MemberBound {
  if (text === "-" || text === "+") return { edge: text, member: "", exclusive: false };
  const [sign, member] = [text.charAt(0), text.slice(1)];
  if (sign !== "(" && sign !== "[") throw new ErrorReply(NOT_A_STRING_BOUND);
  return { member, exclusive: sign === "(" };
}
