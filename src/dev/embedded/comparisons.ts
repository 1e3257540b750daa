/** The conditions of SET and DELEX on the value that a key has: that it equals some bytes, or has some digest. */
import { sameBytes } from "../../bytes.ts";
import { toBinary } from "../text.ts";
import type { Arguments } from "./command.ts";
import { ErrorReply } from "./replies.ts";
import { xxh3 } from "./xxh3.ts";

/** Conditions on the bytes of the old value, or on its digest: the options of SET and DELEX with a comparand. */
export const COMPARISONS: readonly string[] = ["IFEQ", "IFNE", "IFDEQ", "IFDNE"];

/** A condition, and what it compares with. */
export interface Comparison {
  readonly option: string;
  readonly comparand: Uint8Array;
}

/** Reads the comparand of an option at an index. A digest is 16 hexadecimal digits. */
export function readComparison(args: Arguments, index: number): Comparison {
  const option = args.option(index);
  const comparand = args.bytes(index + 1);
  if (option.startsWith("IFD") && comparand.length !== 16)
    throw new ErrorReply("ERR must be exactly 16 hexadecimal characters");
  return { option, comparand };
}

/** Returns true if a condition holds for a value; the value is undefined if there is none. */
export function holds({ option, comparand }: Comparison, value: Uint8Array | undefined): boolean {
  const isEqual =
    value !== undefined &&
    (option.startsWith("IFD")
      ? xxh3(value) === toBinary(comparand).toLowerCase()
      : sameBytes(value, comparand));
  return isEqual === option.endsWith("EQ");
}
