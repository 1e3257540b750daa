/** Arguments that commands of several types share: `numkeys key … END [COUNT n]` of LMPOP and ZMPOP, and LIMIT. */
import type { Arguments } from "./command.ts";
import { ErrorReply } from "./replies.ts";

const BAD_COUNT = "ERR count should be greater than 0";
export const BAD_NUMBER_OF_KEYS = "ERR numkeys should be greater than 0";

/** What LMPOP or ZMPOP asks for. */
export interface Pop<End extends string> {
  readonly keys: readonly Uint8Array[];
  readonly end: End;
  readonly count: number;
}

/** Reads the arguments. `ends` are the words for the two ends. */
export function readPop<End extends string>(args: Arguments, ends: readonly End[]): Pop<End> {
  const numberOfKeys = args.number(1, BAD_NUMBER_OF_KEYS);
  if (numberOfKeys < 1) throw new ErrorReply(BAD_NUMBER_OF_KEYS);
  const endIndex = 2 + numberOfKeys;
  const end = ends.find((word) => endIndex < args.length && word === args.option(endIndex));
  if (end === undefined) throw args.syntaxError();
  let count: number | undefined;
  for (let index = endIndex + 1; index < args.length; index += 2) {
    if (count !== undefined || args.option(index) !== "COUNT" || index + 1 >= args.length)
      throw args.syntaxError();
    count = args.number(index + 1, BAD_COUNT);
    if (count < 1) throw new ErrorReply(BAD_COUNT);
  }
  return { keys: args.from(2).slice(0, numberOfKeys), end, count: count ?? 1 };
}

/** Reads the limit of ZINTERCARD or SINTERCARD: 0 means none. */
export function readLimit(args: Arguments, index: number): number {
  const text = "ERR LIMIT can't be negative";
  const limit = args.number(index, text);
  if (limit < 0) throw new ErrorReply(text);
  return limit;
}
