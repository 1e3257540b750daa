/** The request log of `zstash dev --verbose`: one line for each request, without values and tokens. */
import type { RequestRecord } from "../dev/index.ts";
import { bytes, cut, printable } from "./text.ts";

/** The widths of a size ("1023.9 KiB") and of a time ("12345.6 ms"). */
const COLUMNS = 10;

/** The heading of the log. */
export const LOG_HEAD: string = `time     code ${"took".padStart(COLUMNS)} ${"in".padStart(COLUMNS)} ${"out".padStart(COLUMNS)} request`;

/**
 * The line of a request: time of day, status, duration, sizes of both bodies, method, commands, key and the error's
 * code. It is cut at `columns`, if that is given.
 */
export function describeRequest(record: RequestRecord, columns: number | undefined): string {
  const { at, duration, method, status, requestSize, responseSize, error } = record;
  const sizes = [bytes(requestSize), responseSize === undefined ? "stream" : bytes(responseSize)];
  const numbers = [`${duration.toFixed(1)} ms`, ...sizes].map((text) => text.padStart(COLUMNS));
  const words = [method, commandsOf(record), keyOf(record), codeOf(error)].filter((word) => word !== "");
  const line = [timeOfDay(at), ` ${status}`, ...numbers, words.join(" ")].join(" ");
  return columns === undefined ? line : cut(line, columns);
}

function timeOfDay(at: number): string {
  return new Date(at).toTimeString().slice(0, 8);
}

/** "SET", or "SET×3 GET +7" for a pipeline: each repeated name once, and the number of commands that are not listed. */
function commandsOf({ commands, count }: RequestRecord): string {
  const words: string[] = [];
  for (let start = 0; start < commands.length;) {
    let end = start + 1;
    while (commands[end] === commands[start]) end++;
    const times = end - start === 1 ? "" : `×${end - start}`;
    words.push(printable(commands[start] ?? "") + times);
    start = end;
  }
  return [...words, ...(count > commands.length ? [`+${count - commands.length}`] : [])].join(" ");
}

function keyOf({ key }: RequestRecord): string {
  return key === undefined ? "" : printable(key);
}

/** The first word of an error, such as WRONGTYPE or ERR: the rest may repeat arguments. */
function codeOf(error: string | undefined): string {
  const code = /^[A-Z]+/.exec(error ?? "")?.[0];
  return code === undefined ? "" : `(${code})`;
}
