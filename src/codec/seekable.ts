import { ZstashError, type ZstashErrorDetails } from "../errors.ts";
import { parseSeekTable, seekTableSize, type SeekTable } from "../format/seek-table.ts";
import { describe, requireInteger } from "../check.ts";
import { DEFAULT_MAX_SIZE, RANGE_READ_SIZE } from "../limits.ts";
import { createPullStream } from "./pull-stream.ts";
import { planReads, type FrameRead, type PlanLimits } from "./range-plan.ts";
import { readExactly, requireSource, withBytes, type RangeSource } from "./range-source.ts";

export type { RangeSource, SeekTable };

/** Options of `decompressRange`. */
export interface RangeOptions {
  /** The source's seek table from an earlier `readSeekTable`: saves reading it again. */
  readonly seekTable?: SeekTable;
  /** The most bytes of one read; up to two are held. A single larger frame is read at once. Default 1 MiB. */
  readonly readSize?: number;
  /** The most bytes a frame may have, compressed and decompressed; more is SIZE_LIMIT before it is read. Default 32 MiB. */
  readonly maxFrameSize?: number;
  /** Stops the running read and errors the stream. */
  readonly signal?: AbortSignal | undefined;
}

/** What of a `Decoder` reading ranges takes. */
export interface RangeDecoder {
  decompress(data: Uint8Array, options: { readonly maxSize: number }): Uint8Array;
  decompressStream(): TransformStream<Uint8Array, Uint8Array>;
}

type ByteGenerator = AsyncGenerator<Uint8Array, void, undefined>;

/**
 * First read of the end of a source. A 128th of it holds the table of frames of 1 KiB and more; below 4 KiB a request
 * costs the same, and above 64 KiB a second one costs less than the bytes that most tables do not have.
 */
const TAIL_SHARE = 128;
const TAIL_MIN = 4096;
const TAIL_MAX = 65536;

/**
 * Reads the seek table at the end of a source: one read, and a second one where the table is longer than 64 KiB or a
 * 128th of the source. Undefined where the source does not end with a table.
 *
 * @throws {ZstashError} CORRUPT (also a table that does not account for every byte before it), SIZE_LIMIT (a table
 * over 64 MiB), TRUNCATED (the source returned less than it was asked for)
 * @example
 * ```ts
 * const seekTable = await readSeekTable(source);
 * const part = zstd.decompressRange(source, 0, 1000, { seekTable });
 * ```
 */
export async function readSeekTable(
  source: RangeSource,
  { signal = new AbortController().signal }: { readonly signal?: AbortSignal } = {},
): Promise<SeekTable | undefined> {
  requireSource(source);
  return (await readEnd(source, signal)).table;
}

/**
 * Makes `Decoder.decompressRange`: the bytes `[start, end)` of the content, as a stream that reads when it is read.
 *
 * With a seek table only the frames that hold a part of the range are read, neighbours together, one read ahead.
 * Each is held to the sizes that the table gives for it. The format has no checksum of the table itself: a wrong
 * decompressed size of a frame before the range moves the range, and only a read from the beginning notices.
 * Without one the source is decoded from its beginning up to `end`, in bounded memory whatever its frames are.
 * `end` is clamped to the size of the content; a `start` past it is a RangeError in the stream; an empty range reads
 * nothing.
 */
export function createRangeReader(
  decoder: RangeDecoder,
): (source: RangeSource, start: number, end?: number, options?: RangeOptions) => ReadableStream<Uint8Array> {
  return (source, start, end = Number.MAX_SAFE_INTEGER, options = {}) => {
    requireSource(source);
    requireInteger("start", start, 0, Number.MAX_SAFE_INTEGER);
    requireInteger("end", end, 0, Number.MAX_SAFE_INTEGER);
    if (end < start) throw new RangeError(`"end" must not lie before "start" at ${start}, got ${end}`);
    if (typeof options !== "object" || options === null) {
      throw new TypeError(`"options" must be an object, got ${describe(options)}`);
    }
    const { seekTable, readSize = RANGE_READ_SIZE, maxFrameSize = DEFAULT_MAX_SIZE, signal } = options;
    requireInteger("readSize", readSize, 1, Number.MAX_SAFE_INTEGER);
    requireInteger("maxFrameSize", maxFrameSize, 1, Number.MAX_SAFE_INTEGER);
    if (seekTable !== undefined) requireTable(seekTable, source.size);
    return createPullStream(
      (ended) => readRange(decoder, source, start, end, seekTable, { readSize, maxFrameSize }, ended),
      signal,
    );
  };
}

async function* readRange(
  decoder: RangeDecoder,
  source: RangeSource,
  start: number,
  end: number,
  known: SeekTable | undefined,
  limits: PlanLimits,
  signal: AbortSignal,
): ByteGenerator {
  if (start === end) return;
  const { table, source: held } =
    known === undefined ? await readEnd(source, signal) : { table: known, source };
  if (table === undefined) {
    yield* readFromStart(decoder, held, start, end, limits.readSize, signal);
    return;
  }
  if (start > table.size) throw beyond(start, table.size);
  const contentEnd = Math.min(end, table.size);
  for await (const { read, bytes } of fetchReads(held, planReads(table, start, contentEnd, limits), signal)) {
    for (let index = read.first; index < read.last; index++) {
      const { start: at, end: to, contentStart, contentEnd: contentTo } = table.frame(index);
      if (contentStart === contentTo) continue;
      const frame = bytes.subarray(at - read.start, to - read.start);
      const content = decodeFrame(decoder, frame, index, at, contentTo - contentStart);
      yield content.subarray(Math.max(0, start - contentStart), contentEnd - contentStart);
    }
  }
}

/** The table at the end of a source, if there is one, and the source with the bytes that were read for it. */
async function readEnd(
  source: RangeSource,
  signal: AbortSignal,
): Promise<{ table: SeekTable | undefined; source: RangeSource }> {
  const { size } = source;
  const length = Math.min(size, TAIL_MAX, Math.max(TAIL_MIN, Math.ceil(size / TAIL_SHARE)));
  let tail: Uint8Array =
    length === 0 ? new Uint8Array(0) : await readExactly(source, size - length, size, undefined, signal);
  const tableSize = seekTableSize(tail, size);
  if (tableSize !== undefined && tableSize > length) {
    const front = await readExactly(source, size - tableSize, size - length, undefined, signal);
    const whole = new Uint8Array(tableSize);
    whole.set(front);
    whole.set(tail, front.length);
    tail = whole;
  }
  return { table: parseSeekTable(tail, size), source: withBytes(source, size - tail.length, tail) };
}

/** Carries out a plan, one read ahead of its consumer. */
async function* fetchReads(
  source: RangeSource,
  plan: Iterator<FrameRead>,
  signal: AbortSignal,
): AsyncGenerator<{ read: FrameRead; bytes: Uint8Array }, void, undefined> {
  const begin = (): { read: FrameRead; bytes: Promise<Uint8Array> } | undefined => {
    const { done, value: read } = plan.next();
    if (done === true) return undefined;
    const bytes = readExactly(source, read.start, read.end, read.first, signal);
    // A read ahead may fail when nobody waits for it any more.
    bytes.catch(() => undefined);
    return { read, bytes };
  };
  for (let current = begin(); current !== undefined;) {
    const bytes = await current.bytes;
    const next = begin();
    yield { read: current.read, bytes };
    current = next;
  }
}

/** Decodes one entry of the table, and holds it to what the table says; errors tell its number and place. */
function decodeFrame(
  decoder: RangeDecoder,
  frame: Uint8Array,
  index: number,
  offset: number,
  contentSize: number,
): Uint8Array {
  let content: Uint8Array;
  try {
    content = decoder.decompress(frame, { maxSize: contentSize });
  } catch (error) {
    throw error instanceof ZstashError ? relocated(error, index, offset, contentSize) : error;
  }
  if (content.length !== contentSize) throw wrongSize(index, offset, contentSize, `got ${content.length}`);
  return content;
}

/** The same error with its place in the source. What a lone frame would be foreign by or too large is damage here. */
function relocated(error: ZstashError, frame: number, offset: number, contentSize: number): ZstashError {
  if (error.code === "SIZE_LIMIT") return wrongSize(frame, offset, contentSize, "got more");
  const details: ZstashErrorDetails = {
    frame,
    offset: offset + (error.offset ?? 0),
    cause: error,
    ...(error.dictionaryId === undefined ? {} : { dictionaryId: error.dictionaryId }),
    ...(error.zstdCode === undefined ? {} : { zstdCode: error.zstdCode }),
  };
  // Bytes that the table calls a frame are there in full: an end inside it is a wrong table or a damaged frame.
  const code = error.code === "NOT_ZSTD" || error.code === "TRUNCATED" ? "CORRUPT" : error.code;
  return new ZstashError(code, error.message, details);
}

/** Without a table: everything from the first byte, dropped up to `start`. */
async function* readFromStart(
  decoder: RangeDecoder,
  source: RangeSource,
  start: number,
  end: number,
  readSize: number,
  signal: AbortSignal,
): ByteGenerator {
  const compressed = createPullStream((ended) => readAll(source, readSize, ended), signal);
  const content = compressed.pipeThrough(decoder.decompressStream()).getReader();
  let at = 0;
  try {
    while (at < end) {
      const { done, value } = await content.read();
      if (done) break;
      const chunk = value.subarray(Math.max(0, start - at), end - at);
      at += value.length;
      if (at > start && chunk.length > 0) yield chunk;
    }
    if (at < start) throw beyond(start, at);
  } finally {
    content.cancel().catch(() => undefined);
  }
}

async function* readAll(source: RangeSource, readSize: number, signal: AbortSignal): ByteGenerator {
  for (let at = 0; at < source.size; at += readSize) {
    yield await readExactly(source, at, Math.min(source.size, at + readSize), undefined, signal);
  }
}

function requireTable(table: unknown, sourceSize: number): void {
  const { find, frame, compressedSize } = (table ?? {}) as Partial<SeekTable>;
  if (typeof find !== "function" || typeof frame !== "function" || typeof compressedSize !== "number") {
    throw new TypeError(`"seekTable" must be what readSeekTable returns, got ${describe(table)}`);
  }
  if (compressedSize > sourceSize) {
    throw new RangeError(
      `"seekTable" must be of this source of ${sourceSize} bytes, got one of ${compressedSize}`,
    );
  }
}

function wrongSize(frame: number, offset: number, contentSize: number, got: string): ZstashError {
  return new ZstashError(
    "CORRUPT",
    `Cannot decompress frame ${frame}: the seek table says ${contentSize} bytes, ${got}`,
    { frame, offset },
  );
}

function beyond(start: number, size: number): RangeError {
  return new RangeError(`"start" must not lie past the content of ${size} bytes, got ${start}`);
}
