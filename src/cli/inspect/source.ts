/**
 * Where inspected bytes come from: a key of a server, a field of a hash, or a file. Of large values only the ends are
 * read.
 */
import { open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { concatenate, sameBytes } from "../../bytes.ts";
import { createPullStream } from "../../codec/pull-stream.ts";
import { openStored, streamOf } from "../../store/content.ts";
import type { StoreSettings } from "../../store/options.ts";
import { commandError, requireBulk } from "../../store/reply.ts";
import { TAIL_SIZE, valueChanged } from "../../store/slice.ts";
import type { ByteStream } from "../../streams.ts";
import { utf8Lossy } from "../../text.ts";
import { Failure } from "../command.ts";
import { missing } from "../missing.ts";
import { fileReason } from "../output.ts";
import { withinLimits } from "../piece-size.ts";

/** The largest value that is read whole without being asked to, in bytes. */
export const WHOLE_MAX: number = 1 << 20;
/** Bytes that are read of a larger one, at its start and at its end. */
const HEAD_SIZE: number = 64 << 10;
const END_SIZE: number = 32 << 10;
/** Redis reports milliseconds; the output shows seconds. */
const MS = 1000;

/** Bytes as they are stored. */
export interface Source {
  readonly kind: "key" | "file";
  readonly name: string;
  readonly field?: string | undefined;
  readonly size: number;
  /** The first bytes: all of them up to 1 MiB. */
  readonly head: Uint8Array;
  /** The last bytes, if `head` does not hold all. */
  readonly tail: Uint8Array;
  /** Seconds to live; undefined for a file and for a key that does not expire. */
  readonly ttl?: number | undefined;
  /** Bytes that the key takes in the server's memory, if the server says. */
  readonly memory?: number | undefined;
  /** Reads the bytes `[start, end)` of the same version of the value. */
  read(start: number, end: number): Promise<Uint8Array>;
  /** Streams all bytes. */
  stream(): Promise<ByteStream>;
}

/** Opens a file. */
export async function openFileSource(path: string): Promise<Source> {
  const failed = (error: unknown): Failure => {
    const absent = (error as NodeJS.ErrnoException).code === "ENOENT";
    return new Failure(
      `Cannot inspect the file ${path}: ${absent ? "it does not exist" : fileReason(error)}`,
    );
  };
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const file = await open(path).catch((error: unknown) => {
      throw failed(error);
    });
    try {
      const bytes = new Uint8Array(end - start);
      let at = 0;
      while (at < bytes.length) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0)
          throw new Failure(`Cannot inspect the file ${path}: it became shorter meanwhile`);
        at += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw error instanceof Failure ? error : failed(error);
    } finally {
      await file.close();
    }
  };
  const file = await open(path).catch((error: unknown) => {
    throw failed(error);
  });
  const found = await file.stat().finally(() => file.close());
  if (!found.isFile()) throw new Failure(`Cannot inspect ${path}: it is no regular file`);
  const { size } = found;
  const stream = (): Promise<ByteStream> => {
    const chunks = createReadStream(path);
    return Promise.resolve(
      createPullStream(async function* all() {
        for await (const chunk of chunks) yield chunk as Uint8Array<ArrayBuffer>;
      }, undefined),
    );
  };
  const isSmall = size <= WHOLE_MAX;
  const head = await read(0, isSmall ? size : HEAD_SIZE);
  const tail = isSmall ? new Uint8Array(0) : await read(size - END_SIZE, size);
  return { kind: "file", name: path, size, head, tail, read, stream };
}

/** Opens a key. */
export async function openKeySource(settings: StoreSettings, key: string): Promise<Source> {
  const { slices, client } = settings;
  const first = await slices
    .read(
      key,
      [
        [0, HEAD_SIZE - 1],
        [-END_SIZE, -1],
      ],
      undefined,
    )
    .catch(async (error: unknown) => {
      throw await explainType(settings, key, error);
    });
  if (first === null) throw missing("inspect", key);
  const { size, ttl } = first;
  let [head, tail] = first.parts as [Uint8Array, Uint8Array];
  const end = tail.slice(-TAIL_SIZE);
  const read = async (start: number, to: number): Promise<Uint8Array> => {
    const slice = await slices.read(
      key,
      [
        [start, to - 1],
        [-TAIL_SIZE, -1],
      ],
      undefined,
    );
    if (slice?.size !== size || !sameBytes(slice.parts[1]!, end)) throw valueChanged(key);
    return slice.parts[0]!;
  };
  if (size <= WHOLE_MAX) {
    if (size > head.length) head = concatenate([head, await read(head.length, size)]);
    tail = new Uint8Array(0);
  }
  const memory = await client.command(["MEMORY", "USAGE", key]).catch(() => undefined);
  return {
    kind: "key",
    name: key,
    size,
    head,
    tail,
    ttl: ttl < 0 ? undefined : ttl / MS,
    memory: memory?.kind === "integer" ? Number(memory.value) : undefined,
    read,
    async stream() {
      const stored = await withinLimits((pieceSize = settings.pieceSize) =>
        openStored({ ...settings, pieceSize }, key, { signal: undefined }),
      );
      if (stored?.size !== size) throw valueChanged(key);
      return stored.stream;
    },
  };
}

/** Opens a field of a hash, which is read whole. */
export async function openFieldSource(settings: StoreSettings, key: string, field: string): Promise<Source> {
  const reply = await settings.client.command(["HGET", key, field]);
  if (reply.kind === "error")
    throw await explainType(settings, key, commandError(reply.text, "inspect", key));
  const bytes = requireBulk(reply, "inspect", key);
  if (bytes === null)
    throw new Failure(`Cannot inspect ${JSON.stringify(key)}: there is no such field or no such key`);
  return {
    kind: "key",
    name: key,
    field,
    size: bytes.length,
    head: bytes,
    tail: new Uint8Array(0),
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    stream: () => Promise.resolve(streamOf(bytes)),
  };
}

/** The error for a key of another type, which says what to do; the same error otherwise. */
async function explainType({ client }: StoreSettings, key: string, error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !error.message.includes("WRONGTYPE")) return error;
  const reply = await client.command(["TYPE", key]).catch(() => undefined);
  const type =
    reply?.kind === "status"
      ? reply.text
      : reply?.kind === "bulk" && reply.bytes !== null
        ? utf8Lossy(reply.bytes)
        : "value of another type";
  const advice =
    type === "hash"
      ? "zstash compresses the values in its fields: give --field <name>"
      : type === "string"
        ? "it is no hash: leave out --field"
        : "zstash inspects strings, and fields of hashes";
  return new Failure(`Cannot inspect ${JSON.stringify(key)}: it holds a ${type}: ${advice}`);
}
