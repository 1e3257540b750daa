/** The parts that SCAN, HSCAN, SSCAN and ZSCAN share: their cursor, their options and their reply. */
import type { RespValue } from "../../rest/resp.ts";
import { toBinary, utf8 } from "../text.ts";
import type { Arguments } from "./command.ts";
import { matchesGlob } from "../../dictionaries/glob.ts";
import { array, bulk, bulks, ErrorReply } from "./replies.ts";

/** An option that only some scans have. TYPE has a value, the others have none. */
export type ScanExtra = "TYPE" | "WITHTYPE" | "NOVALUES";

/** The options of SCAN, HSCAN, SSCAN and ZSCAN. */
export interface ScanOptions {
  readonly count: number;
  readonly type: string | undefined;
  readonly flags: ReadonlySet<string>;
  matches(name: Uint8Array): boolean;
}

/** Reads a cursor: an unsigned 64-bit integer as strtoul reads one, for which an empty text is 0. */
export function readCursor(args: Arguments, index: number): bigint {
  const text = toBinary(args.bytes(index));
  if (!/^[0-9]{0,20}$/.test(text)) throw new ErrorReply("ERR invalid cursor");
  return BigInt(text);
}

/** Reads MATCH, COUNT and the extra options of this scan from an index on. */
export function readScanOptions(
  args: Arguments,
  firstIndex: number,
  extras: readonly ScanExtra[],
): ScanOptions {
  let count = 10;
  let pattern = "*";
  let type: string | undefined;
  const flags = new Set<string>();
  for (let index = firstIndex; index < args.length; index += 2) {
    const option = args.option(index);
    const extra = extras.find((one) => one === option);
    if (extra !== undefined && extra !== "TYPE") {
      flags.add(extra);
      index--;
      continue;
    }
    if (index + 1 >= args.length) throw args.syntaxError();
    if (option === "COUNT") {
      count = args.number(index + 1);
      if (count < 1) throw args.syntaxError();
    } else if (option === "MATCH") pattern = toBinary(args.bytes(index + 1));
    else if (extra === "TYPE") type = toBinary(args.bytes(index + 1)).toLowerCase();
    else throw args.syntaxError();
  }
  return { count, type, flags, matches: (name) => pattern === "*" || matchesGlob(pattern, toBinary(name)) };
}

/** The reply of a scan: the next cursor and what was found. */
export function scanReply(cursor: number, items: readonly Uint8Array[]): RespValue {
  return array([bulk(utf8(`${cursor}`)), bulks(items)]);
}
