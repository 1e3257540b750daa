/** What `zstash put` reads: a file, whose size is known, or a pipe; and whether it is text, by its first bytes. */
import { createReadStream, openAsBlob } from "node:fs";
import { stat } from "node:fs/promises";
import type { ValueSource } from "../store/index.ts";
import { readUtf8 } from "../text.ts";
import { Failure } from "./command.ts";
import type { ByteChunks, StandardStreams } from "./standard-streams.ts";
import { fileReason } from "./output.ts";

/** Bytes that are looked at to tell text from other bytes. */
const LOOKED_AT = 4096;
/** The most bytes of a UTF-8 character that may be cut off at the end of those bytes. */
const CUT_MAX = 3;

/** A value to be stored. */
export interface Input {
  readonly source: ValueSource;
  /** Text and JSON are compressed at another level than other bytes. */
  readonly kind: "text" | "binary";
  /** The size in bytes, if it is known before the end. */
  readonly size: number | undefined;
}

/** Opens a file, or standard input if no path is given. */
export async function openInput(path: string | undefined, bytes: StandardStreams): Promise<Input> {
  if (path === undefined) return openStream(bytes.input());
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new Failure(`Cannot read ${path}: it is a folder`);
    // Named pipes and devices have no size.
    if (!found.isFile()) return await openStream(createReadStream(path));
    const file = await openAsBlob(path);
    const head = new Uint8Array(await file.slice(0, LOOKED_AT).arrayBuffer());
    return { source: file, kind: kindOf(head), size: file.size };
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`Cannot read ${path}: ${readReason(error)}`);
  }
}

function readReason(error: unknown): string {
  return (error as NodeJS.ErrnoException).code === "ENOENT" ? "there is no such file" : fileReason(error);
}

async function openStream(chunks: ByteChunks): Promise<Input> {
  const iterator = chunks[Symbol.asyncIterator]();
  const first = await iterator.next();
  const head = first.done === true ? new Uint8Array(0) : first.value.subarray(0, LOOKED_AT);
  // A generator's `return` would wait for a pending read of the pipe: the pipe itself is ended instead.
  const source: ByteChunks = {
    [Symbol.asyncIterator]: () => joined(first, iterator),
    destroy: () => chunks.destroy(),
  };
  return { source, kind: kindOf(head), size: undefined };
}

/** The chunk that was looked at, and then the rest. */
async function* joined(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
}

/** Text is UTF-8 without NUL; the last character may be cut. */
function kindOf(head: Uint8Array): "text" | "binary" {
  for (let cut = 0; cut <= CUT_MAX && cut <= head.length; cut++) {
    const text = readUtf8(head.subarray(0, head.length - cut));
    if (text !== undefined) return text.includes("\0") ? "binary" : "text";
  }
  return "binary";
}
