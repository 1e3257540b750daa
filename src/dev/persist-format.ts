/**
 * The file of `persist`: NDJSON. The first line identifies the file, the others are commands that restore the
 * keyspace, and every few hundred lines one has the SHA-256 of all bytes before it. The last of these marks the end.
 */
import { createHash } from "node:crypto";
import { ZstashError } from "../errors.ts";
import { readUtf8 } from "../text.ts";
import type { CommandBytes } from "./backend.ts";
import { BadCommand, linesOf, readCommand, readJson } from "./seed.ts";

const KIND = "zstash dev --persist";
const VERSION = 1;
/** Commands between two checksums: a fault is located to that many lines. */
const BLOCK = 256;
/** Bytes that are passed on at a time. */
const CHUNK = 1 << 20;

/** A command and the number of its line. */
export interface KeptCommand {
  readonly line: number;
  readonly command: CommandBytes;
}

/** The file's bytes, in chunks of about 1 MiB. */
export function* writeFileOf(commands: readonly CommandBytes[]): Generator<Uint8Array> {
  const hash = createHash("sha256");
  let chunk = `${JSON.stringify({ kind: KIND, version: VERSION })}\n`;
  for (let at = 0; at < commands.length; at += BLOCK) {
    for (const command of commands.slice(at, at + BLOCK)) {
      chunk += `${JSON.stringify(command.map(writeArgument))}\n`;
      if (chunk.length < CHUNK) continue;
      const bytes = Buffer.from(chunk);
      hash.update(bytes);
      yield bytes;
      chunk = "";
    }
    if (at + BLOCK >= commands.length) break;
    hash.update(chunk);
    const check = `${JSON.stringify({ sha256: hash.copy().digest("hex") })}\n`;
    hash.update(check);
    yield Buffer.from(chunk + check);
    chunk = "";
  }
  hash.update(chunk);
  const end = { end: commands.length, sha256: hash.digest("hex") };
  yield Buffer.from(`${chunk}${JSON.stringify(end)}\n`);
}

/** A string if the bytes are UTF-8, otherwise base64. */
function writeArgument(bytes: Uint8Array): string | { readonly base64: string } {
  return (
    readUtf8(bytes) ?? {
      base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"),
    }
  );
}

/**
 * Reads the whole file before any of its commands runs.
 *
 * @throws {ZstashError} CORRUPT with the line and the reason; UNSUPPORTED for another kind of file or a later version
 */
export function readFileOf(bytes: Uint8Array): KeptCommand[] {
  const hash = createHash("sha256");
  const commands: KeptCommand[] = [];
  let [line, checked, ended, offset] = [0, 1, false, 0];
  for (const content of linesOf(bytes)) {
    line++;
    const isWhole = offset + content.length < bytes.length;
    offset += content.length + 1;
    if (line === 1) {
      checkHead(content);
      hash.update(content).update("\n");
      continue;
    }
    if (ended) throw corrupt(`line ${line} comes after the end`);
    if (!isWhole) throw corrupt(`it ends within line ${line}`);
    const read = readContent(content, line);
    if (Array.isArray(read)) commands.push({ line, command: read });
    else {
      const { sha256, end } = read as Check;
      if (sha256 !== hash.copy().digest("hex"))
        throw corrupt(`lines ${checked} to ${line} are not as they were written`);
      checked = line + 1;
      ended = end !== undefined;
    }
    hash.update(content).update("\n");
  }
  if (line === 0) throw new ZstashError("UNSUPPORTED", "it is empty");
  if (!ended) throw corrupt(`it ends after line ${line}, before its last line`);
  return commands;
}

interface Check {
  readonly sha256?: unknown;
  readonly end?: unknown;
}

function checkHead(content: Uint8Array): void {
  const text = content.length > 200 ? undefined : readUtf8(content);
  const { kind, version } = (text === undefined ? {} : readHead(text)) as {
    kind?: unknown;
    version?: unknown;
  };
  if (kind !== KIND)
    throw new ZstashError("UNSUPPORTED", `line 1 is not that of a file which "${KIND}" has written`);
  if (version !== VERSION) {
    const found = typeof version === "number" ? version : "unknown";
    throw new ZstashError("UNSUPPORTED", `its version is ${found}, and this zstash reads version ${VERSION}`);
  }
}

function readHead(text: string): object {
  try {
    return Object(readJson(text)) as object;
  } catch {
    return {};
  }
}

function readContent(content: Uint8Array, line: number): CommandBytes | Check {
  const text = readUtf8(content);
  if (text === undefined) throw corrupt(`line ${line} is not UTF-8`);
  try {
    const value = readJson(text);
    if (Array.isArray(value) || typeof value !== "object" || value === null) return readCommand(value, true);
    return value;
  } catch (error) {
    if (error instanceof BadCommand) throw corrupt(`line ${line} ${error.message}`);
    throw error;
  }
}

function corrupt(reason: string): ZstashError {
  return new ZstashError("CORRUPT", reason);
}
