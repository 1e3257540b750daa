/** IDs of stream entries as commands have them: `ms-sequence`, `ms` alone, and the ends of intervals. */
import { toBinary, utf8 } from "../text.ts";
import type { Arguments } from "./command.ts";
import { ErrorReply } from "./replies.ts";
import { ID_MAX, SEQUENCE_BITS, SEQUENCE_MAX } from "./stream.ts";

const BAD_ID = "ERR Invalid stream ID specified as stream command argument";

/** An unsigned 64-bit integer as strtoull reads one. */
function readUnsigned(text: string): bigint | undefined {
  if (!/^[ \t-\r]*\+?[0-9]{1,30}$/.test(text)) return undefined;
  const value = BigInt(text.trim().replace("+", ""));
  return value > SEQUENCE_MAX ? undefined : value;
}

/** Reads `ms` or `ms-sequence`; undefined for another text. `missing` replaces a missing sequence. */
export function parseId(text: string, missing: bigint): bigint | undefined {
  const [time = "", ...rest] = text.split("-");
  const ms = readUnsigned(time);
  const sequence = rest.length === 0 ? missing : readUnsigned(rest.join("-"));
  if (text.length > 127 || ms === undefined || sequence === undefined) return undefined;
  return (ms << SEQUENCE_BITS) | sequence;
}

/** The same; throws Redis' error for another text. */
export function readId(text: string, missing: bigint): bigint {
  const id = parseId(text, missing);
  if (id === undefined) throw new ErrorReply(BAD_ID);
  return id;
}

export function writeId(id: bigint): Uint8Array {
  return utf8(`${id >> SEQUENCE_BITS}-${id & SEQUENCE_MAX}`);
}

/** One end of an interval: an ID, `-`, `+`, or `(` and an ID that is excluded. */
export function readEnd(args: Arguments, index: number, end: "start" | "end"): bigint {
  const text = toBinary(args.bytes(index));
  const missing = end === "start" ? 0n : SEQUENCE_MAX;
  if (text === "-") return 0n;
  if (text === "+") return ID_MAX;
  if (!text.startsWith("(") || text.length === 1) return readId(text, missing);
  const id = readId(text.slice(1), missing) + (end === "start" ? 1n : -1n);
  if (id < 0n || id > ID_MAX) throw new ErrorReply(`ERR invalid ${end} ID for the interval`);
  return id;
}
