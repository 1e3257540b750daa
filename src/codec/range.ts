/** `decompressRange` and `readSeekTable`: parts of seekable files, from sources that can be read in parts. */
import { requireOptions } from "../check.ts";
import {
  parseSeekTableInSteps,
  requireAllFrames,
  seekTableSize,
  type SeekTable,
  type SeekTableFrame,
} from "../format/seek-table.ts";
import type { DictionaryLookup } from "../format/dictionary.ts";
import { macrotask } from "../timers.ts";
import type { ByteStream } from "../streams.ts";
import {
  readRangeArguments,
  requireSource,
  type RangeOptions,
  type RangeSource,
} from "./decompress-options.ts";
import { joinInTurns } from "./join.ts";
import { Pace } from "./pace.ts";
import { createPullStream, type ByteGenerator } from "./pull-stream.ts";
import { decodeFrame, requireEmpty, type RangeDecoder } from "./range-frame.ts";
import { isLongEmpty, planReads, type FrameRead, type ReadSettings } from "./range-plan.ts";
import { readExactly, withBytes } from "./range-source.ts";

/** The bytes `[start, end)` of a source's content, and how to read them. */
interface RangeRequest {
  readonly decoder: RangeDecoder;
  readonly pace: Pace;
  readonly source: RangeSource;
  readonly start: number;
  readonly end: number;
  readonly settings: ReadSettings;
  readonly dictionaries: DictionaryLookup | undefined;
}

/**
 * The first read of the end of a source. A 128th of the source holds the table of frames of 1 KiB and more. Below 4
 * KiB a request costs the same, and above 64 KiB a second request costs less than the bytes that most tables do not
 * need.
 */
const TAIL_SHARE = 128;
const TAIL_MIN = 4096;
const TAIL_MAX = 65536;

/**
 * Reads the seek table at the end of a source: one read, and a second one if the table is longer than 64 KiB or a
 * 128th of the source. Returns undefined if the source does not end with a table.
 *
 * @throws {ZstashError} CORRUPT (also for a table that does not account for every byte before it), SIZE_LIMIT (a
 * table over 64 MiB), TRUNCATED (the source returned fewer bytes than asked for)
 * @example
 * ```ts
 * const seekTable = await readSeekTable(source);
 * if (seekTable === undefined) throw new Error("not a seekable file");
 * const part = zstd.decompressRange(source, 200_000, 200_010, { seekTable });
 * await new Response(part).text(); // → "0123456789"
 * ```
 */
export async function readSeekTable(
  source: RangeSource,
  options: Pick<RangeOptions, "signal"> = {},
): Promise<SeekTable | undefined> {
  requireSource(source);
  requireOptions(options, ["signal"]);
  const { signal = new AbortController().signal } = options;
  const { table, tableStart } = await readEnd(source, signal);
  if (table !== undefined) requireAllFrames(table, tableStart);
  return table;
}

/**
 * Makes `Decoder.decompressRange`: the bytes `[start, end)` of the content, as a stream that reads from the source
 * when it is read.
 *
 * With a seek table only the frames that hold a part of the range are read, neighbours together, one read ahead. Each
 * frame is checked against the sizes in the table, and so are frames listed as empty between them and next to the
 * range. The format has no checksum of the table itself: a wrong decompressed size of a frame before the range moves
 * the range, and only a read from the beginning notices it. The source is decoded from its beginning up to `end`, in
 * bounded memory whatever its frames are, if it has no table, or if its table lists fewer bytes than lie before it: the
 * table of joined seekable files is that of the last one. `end` is clamped to the size of the content; a `start` past
 * it is a RangeError in the stream; an empty range reads nothing.
 */
export function createRangeReader(
  decoder: RangeDecoder,
  pace: Pace = new Pace(),
): (source: RangeSource, start: number, end?: number, options?: RangeOptions) => ByteStream {
  return (source, start, end, options) => {
    const { seekTable, signal, ...request } = readRangeArguments(source, start, end, options);
    return createPullStream((ended) => readRange({ decoder, pace, ...request }, seekTable, ended), signal);
  };
}

async function* readRange(
  request: RangeRequest,
  known: SeekTable | undefined,
  signal: AbortSignal,
): ByteGenerator {
  const { pace, start, end } = request;
  if (start === end) return;
  const {
    table,
    source,
    tableStart = 0,
  } = known === undefined ? await readEnd(request.source, signal) : { table: known, source: request.source };
  if (table === undefined || table.compressedSize < tableStart) {
    yield* readFromStart({ ...request, source }, signal);
    return;
  }
  if (start > table.size) throw beyond(start, table.size);
  const contentEnd = Math.min(end, table.size);
  const plan = planReads(table, start, contentEnd, request.settings);
  for await (const { read, bytes } of fetchReads(source, plan, signal)) {
    for (const { index, frame } of framesOf(table, read)) {
      if (isLongEmpty(frame, request.settings.readSize) && bytes.length < frame.end - frame.start) {
        requireEmpty(bytes, index, frame);
        continue;
      }
      const compressed = bytes.subarray(frame.start - read.start, frame.end - read.start);
      const content = await decodeFrame(request, compressed, index, frame, signal);
      const pause = pace.spend(compressed.length + content.length);
      if (pause !== undefined) await pause;
      signal.throwIfAborted();
      if (content.length === 0) continue;
      yield content.subarray(Math.max(0, start - frame.contentStart), contentEnd - frame.contentStart);
    }
  }
}

/**
 * The frames with content in a read, and the bytes before, between and after them as frames without content:
 * everything that the table lists as empty, however many entries that is.
 */
function* framesOf(
  table: SeekTable,
  { first, last }: FrameRead,
): Generator<{ index: number; frame: SeekTableFrame }, void, undefined> {
  const { start, contentStart } = table.frame(first);
  const { end, contentEnd } = table.frame(last - 1);
  let index = first;
  let from = start;
  for (let at = contentStart; at < contentEnd;) {
    const next = table.find(at);
    const frame = table.frame(next);
    if (from < frame.start)
      yield { index, frame: { start: from, end: frame.start, contentStart: at, contentEnd: at } };
    yield { index: next, frame };
    index = next + 1;
    from = frame.end;
    at = frame.contentEnd;
  }
  if (from < end) yield { index, frame: { start: from, end, contentStart: contentEnd, contentEnd } };
}

/** The table at the end of a source, if there is one, where it begins, and the source with the bytes that were already read. */
async function readEnd(
  source: RangeSource,
  signal: AbortSignal,
): Promise<{ table: SeekTable | undefined; tableStart: number; source: RangeSource }> {
  const { size } = source;
  const length = Math.min(size, TAIL_MAX, Math.max(TAIL_MIN, Math.ceil(size / TAIL_SHARE)));
  let tail: Uint8Array =
    length === 0 ? new Uint8Array(0) : await readExactly(source, size - length, size, undefined, signal);
  const tableSize = seekTableSize(tail, size);
  if (tableSize !== undefined && tableSize > length) {
    const front = await readExactly(source, size - tableSize, size - length, undefined, signal);
    tail = await joinInTurns([front, tail]);
  }
  const table = await parseTable(tail, size, signal);
  return { table, tableStart: size - (tableSize ?? 0), source: withBytes(source, size - tail.length, tail) };
}

/** Parses a table; lets the event loop run every 131,072 entries. */
async function parseTable(
  tail: Uint8Array,
  sourceSize: number,
  signal: AbortSignal,
): Promise<SeekTable | undefined> {
  const steps = parseSeekTableInSteps(tail, sourceSize);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await macrotask();
    signal.throwIfAborted();
  }
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

/** Without a table: decodes from the first byte, and drops the content up to `start`. */
async function* readFromStart(request: RangeRequest, signal: AbortSignal): ByteGenerator {
  const { decoder, source, start, end, settings, dictionaries } = request;
  const compressed = createPullStream((ended) => readAll(source, settings.readSize, ended), signal);
  const content = compressed.pipeThrough(decoder.decompressStream({ dictionaries })).getReader();
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
    const end = Math.min(source.size, at + readSize);
    yield await readExactly(source, at, end, undefined, signal);
  }
}

function beyond(start: number, size: number): RangeError {
  return new RangeError(`"start" must not lie past the content of ${size} bytes, got ${start}`);
}
