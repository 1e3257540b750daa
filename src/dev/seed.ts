/**
 * Seeds: commands that a server runs before its first request, given as a list or as NDJSON, one command in each
 * line.
 */
import { ZstashError } from "../errors.ts";
import type { RespValue } from "../rest/resp.ts";
import { readUtf8 } from "../text.ts";
import { commandName } from "./backend.ts";
import type { CommandBytes } from "./backend.ts";
import { utf8 } from "./text.ts";

/** A command of a seed: its name and its arguments. Numbers are written in decimal. */
export type SeedCommand = readonly (string | number | Uint8Array)[];

/** A list of commands, or NDJSON as text or as the bytes of a file. */
export type Seed = string | Uint8Array | Iterable<SeedCommand> | AsyncIterable<SeedCommand>;

/** A command and where it was found: "line 3" of a text, or "command 3" of a list. */
export interface SeedStep {
  readonly place: string;
  readonly command: CommandBytes;
}

const LINE_FEED = 10;
const BYTE_ORDER_MARK = "\ufeff";

/** Why a line or a command of a list cannot be used. */
export class BadCommand extends Error {
  override readonly name = "BadCommand";
}

/**
 * Reads a whole seed before any of it runs.
 *
 * @throws {TypeError} that names the line or the command, and the reason
 */
export async function readSeed(seed: Seed | undefined): Promise<readonly SeedStep[]> {
  if (seed === undefined) return [];
  if (typeof seed === "string") return readLines(utf8(seed));
  if (seed instanceof Uint8Array) return readLines(seed);
  const steps: SeedStep[] = [];
  if (!isIterable(seed))
    throw new TypeError('"seed" must be a list of commands, or NDJSON as a string or a Uint8Array');
  for await (const command of seed) {
    const place = `command ${steps.length + 1}`;
    steps.push({ place, command: at(place, () => readCommand(command)) });
  }
  return steps;
}

function isIterable(seed: unknown): boolean {
  if (typeof seed !== "object" || seed === null) return false;
  return Symbol.iterator in seed || Symbol.asyncIterator in seed;
}

function readLines(bytes: Uint8Array): SeedStep[] {
  const steps: SeedStep[] = [];
  let number = 0;
  for (const line of linesOf(bytes)) {
    const place = `line ${++number}`;
    const command = at(place, () => readLine(line, number === 1));
    if (command !== undefined) steps.push({ place, command });
  }
  return steps;
}

/** The lines of a file, without their line feeds. Text after the last line feed is a line if it is not empty. */
export function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const found = bytes.indexOf(LINE_FEED, start);
    const end = found === -1 ? bytes.length : found;
    yield bytes.subarray(start, end);
    start = end + 1;
  }
}

function at<Result>(place: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BadCommand)) throw error;
    throw new TypeError(`Cannot use the seed: ${place} ${error.message}`, { cause: error });
  }
}

/** A line of NDJSON; undefined if it is empty. */
function readLine(line: Uint8Array, isFirst: boolean): CommandBytes | undefined {
  let text = readUtf8(line);
  if (text === undefined) throw new BadCommand("is not UTF-8");
  if (isFirst && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  return text.trim() === "" ? undefined : readCommand(readJson(text), true);
}

/** Parses a JSON text. The error contains nothing of it. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const position = /position (\d+)/.exec(error instanceof Error ? error.message : "")?.[1];
    const column = position === undefined ? "" : ` from column ${Number(position) + 1} on`;
    throw new BadCommand(`is not JSON${column}; a command is an array, as ["SET","key","value"]`);
  }
}

/** Reads a command from JSON, where bytes are objects, or from JavaScript, where they are byte arrays. */
export function readCommand(command: unknown, isJson = false): CommandBytes {
  if (!Array.isArray(command) || command.length === 0)
    throw new BadCommand('is no command; one is an array, as ["SET","key","value"]');
  if (typeof command[0] !== "string" || command[0] === "")
    throw new BadCommand("has no command's name as its first item");
  return command.map((argument: unknown, index) => readArgument(argument, index, isJson));
}

function readArgument(argument: unknown, index: number, isJson: boolean): Uint8Array {
  if (typeof argument === "string") return utf8(argument);
  if (typeof argument === "number") {
    if (!Number.isFinite(argument) || Math.abs(argument) > Number.MAX_SAFE_INTEGER)
      throw new BadCommand(
        `has a number that JavaScript cannot hold as argument ${index}; write it as a string`,
      );
    return utf8(`${argument}`);
  }
  if (!isJson && argument instanceof Uint8Array) return new Uint8Array(argument);
  const bytes = isJson ? readBase64(argument) : undefined;
  if (bytes !== undefined) return bytes;
  const form = isJson ? '{"base64":"…"}' : "Uint8Array";
  throw new BadCommand(`has an argument ${index} that is no string, number or ${form}`);
}

/** The bytes of `{"base64":"…"}`; undefined for anything else. */
function readBase64(argument: unknown): Uint8Array | undefined {
  if (typeof argument !== "object" || argument === null) return undefined;
  const { base64, ...others } = argument as { base64?: unknown };
  if (typeof base64 !== "string" || Object.keys(others).length > 0) return undefined;
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return undefined;
  const binary = atob(base64);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}

/**
 * Runs the commands in order, and stops after the first that fails.
 *
 * @throws {ZstashError} REDIS; the message has the line or the command, its name and Redis' error
 */
export async function runSeed(
  steps: readonly SeedStep[],
  run: (commands: readonly CommandBytes[]) => Promise<readonly RespValue[]>,
): Promise<void> {
  for (const { place, command } of steps) {
    // One after another: no command runs after one that fails.
    const [reply] = await run([command]);
    if (reply?.kind !== "error") continue;
    throw new ZstashError("REDIS", `Cannot use the seed: ${place}, ${commandName(command)}: ${reply.text}`);
  }
}
