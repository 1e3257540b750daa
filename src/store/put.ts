/** Puts a value: opens the source, compresses it in the chosen layout, and uploads the result. */
import type { CompressOptions } from "../codec/compress-options.ts";
import { pacing } from "../codec/pacing.ts";
import { stopwatch } from "../codec/stopwatch.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { readFrameHeader } from "../format/frame.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { SeekTableWriter } from "../format/seek-table-writer.ts";
import { createVersionFrame } from "../format/version-frame.ts";
import { anyOf, onAbort } from "../signals.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import type { ByteStream } from "../streams.ts";
import { utf8Lossy } from "../text.ts";
import { CARRIER_HEAD_SIZE, isReserved } from "../value/carrier.ts";
import { compressOptionsFor, dictionaryFor } from "../value/dictionaries.ts";
import { levelOf } from "../value/policy.ts";
import { peek } from "./content.ts";
import { bringFor } from "./dictionaries.ts";
import type { LayoutSettings } from "./layout.ts";
import type { PutSettings, StoreSettings } from "./options.ts";
import { PieceCutter } from "./piece-cutter.ts";
import { untilAborted } from "./report.ts";
import { withKey } from "./reply.ts";
import { openSource, type OpenedSource, type ValueSource } from "./source.ts";
import { newPutTrace, tellPut, type PutTrace } from "./value-events.ts";
import { ValueUpload } from "./value-upload.ts";
import { readAll } from "./whole.ts";

/** The result of a `put`. */
export interface PutResult {
  /** The size of the value in bytes. */
  readonly size: number;
  /** The size in Redis, in bytes. */
  readonly storedSize: number;
  /** The number of frames with content. */
  readonly frameCount: number;
  /** The size of the largest of several frames in bytes; 0 for one frame. */
  readonly largestFrame: number;
}

/** Counts what is read and written on the way. */
export interface PutCount {
  /** Bytes read from the source. */
  size: number;
  /** Bytes of the whole source; undefined if it is a stream. */
  readonly totalSize: number | undefined;
  /** The number of frames with content. */
  frameCount: number;
  /** The size of the largest frame in bytes, if frames are chunks; 0 for one frame. */
  largestFrame: number;
}

/** What the steps of a `put` share. */
interface PutWork {
  readonly count: PutCount;
  readonly signal: AbortSignal;
  readonly trace: PutTrace;
}

type ByteTransform = TransformStream<Uint8Array, Uint8Array>;

/** Compresses a source and stores it; null if `ifAbsent` found a value. */
export async function put(
  settings: StoreSettings,
  key: string,
  value: ValueSource,
  putSettings: PutSettings,
): Promise<PutResult | null> {
  const source = openSource(value);
  const opened = source.measure === undefined ? source : { ...source, size: await source.measure() };
  const ended = new AbortController();
  const signal = anyOf(ended.signal, putSettings.signal) ?? ended.signal;
  const count: PutCount = { size: 0, totalSize: opened.size, frameCount: 0, largestFrame: 0 };
  let ignore: (() => void) | undefined;
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const upload = new ValueUpload(settings, key, putSettings, count, signal);
  const trace = newPutTrace();
  // A signal ends the reading too, even if the source hangs.
  const stop = (): void => void reader?.cancel(signal.reason).catch(() => undefined);
  try {
    const stream = await compressSource(settings, key, putSettings, opened, { count, signal, trace });
    reader = stream.getReader();
    ignore = onAbort(signal, stop);
    for (;;) {
      // It may have been aborted while the codec was loading, which is not signalled again.
      signal.throwIfAborted();
      const { done, value: chunk } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      if (await upload.write(chunk)) continue;
      reader.cancel().catch(() => undefined);
      return null;
    }
    const stored = await upload.finish();
    if (!stored) return null;
    const { size, frameCount, largestFrame } = count;
    const result = { size, storedSize: upload.size, frameCount, largestFrame };
    if (settings.onEvent !== undefined) tellPut(settings.onEvent, key, trace, result);
    return result;
  } catch (error) {
    reader?.cancel(error).catch(() => undefined);
    if (putSettings.signal?.aborted !== true) await upload.drain(error);
    ended.abort(error);
    if (reader === undefined) opened.stream.cancel(error).catch(() => undefined);
    await upload.abandon();
    throw withKey(error, key);
  } finally {
    ignore?.();
  }
}

/** Counts bytes as they pass. */
function counting(count: PutCount): ByteTransform {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      count.size += chunk.length;
      controller.enqueue(chunk);
    },
  });
}

/** The source in its stored form: compressed as the settings say. Without a codec it is stored uncompressed. */
async function compressSource(
  settings: StoreSettings,
  key: string,
  putSettings: PutSettings,
  { stream, size, kind, pacing: pace = "caller" }: OpenedSource,
  { count, signal, trace }: PutWork,
): Promise<ReadableStream<Uint8Array>> {
  const { codec, onEvent, dictionaries } = settings;
  signal.throwIfAborted();
  if (putSettings.dictionary !== false) await bringFor(settings, key, signal);
  signal.throwIfAborted();
  const loaded = codec.loaded ?? (await untilAborted(codec.load(), signal));
  const counted = stream.pipeThrough(counting(count));
  const failed = "error" in loaded ? loaded.error : await whyNoStreams(loaded);
  if (!("error" in loaded) && failed === undefined) {
    const { layout } = putSettings;
    trace.kind = putSettings.kind ?? kind ?? "binary";
    trace.level = putSettings.level ?? settings.level ?? levelOf(trace.kind);
    // Each of several frames is small, whatever the size of the value.
    const frameSize = layout.kind === "frame" ? (size ?? 0) : 0;
    const dictionary = dictionaryFor(dictionaries, key, frameSize, putSettings);
    trace.dictionaryId = dictionary?.id;
    const watch = onEvent === undefined ? undefined : trace;
    const options = { ...compressOptionsFor(trace.level, dictionary), [stopwatch]: watch, [pacing]: pace };
    return counted.pipeThrough(compressLayout(loaded, layout, options, size, count));
  }
  trace.failure = failed;
  return untilAborted(storeUncompressed(counted, count), signal);
}

/** Why a codec has no streams; null if it has streams. */
const probed = new WeakMap<Zstd, ZstashError | null>();

/** The error for a codec without streams: the store could not read what such a codec writes. It is asked once. */
async function whyNoStreams(zstd: Zstd): Promise<ZstashError | undefined> {
  // An engine with memory of its own is zstash's; other engines may support only whole values.
  if (zstd.stats().memory > 0) return undefined;
  let failure = probed.get(zstd);
  if (failure === undefined) {
    const empty = new Blob([writeRawBlocks(new Uint8Array(0))]).stream();
    failure = await readAll((empty as unknown as ByteStream).pipeThrough(zstd.decompressStream())).then(
      () => null,
      (error: unknown) => (error instanceof ZstashError && error.code === "UNSUPPORTED" ? error : null),
    );
    probed.set(zstd, failure);
  }
  return failure ?? undefined;
}

/** Passes a value on uncompressed; one that would be taken for frames is put into frames of raw blocks. */
async function storeUncompressed(
  stream: ReadableStream<Uint8Array>,
  count: PutCount,
): Promise<ReadableStream<Uint8Array>> {
  const { form, head, stream: rest } = await peek(stream as ByteStream);
  // Older readers take more beginnings for ours.
  const isFree = form === "plain" && !isReserved(utf8Lossy(head.subarray(0, CARRIER_HEAD_SIZE)));
  if (isFree) return rest as ReadableStream<Uint8Array>;
  const cutter = new PieceCutter({ fixed: BLOCK_SIZE_MAX, first: BLOCK_SIZE_MAX });
  const frames = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      for (const { bytes } of cutter.push(chunk)) controller.enqueue(writeRawBlocks(bytes));
    },
    flush(controller) {
      const last = cutter.finish();
      if (last !== undefined) controller.enqueue(writeRawBlocks(last.bytes));
    },
  });
  return (rest as ReadableStream<Uint8Array>).pipeThrough(withSeekTable(frames, count));
}

/** Makes the stream that compresses a value; `size` is its number of bytes, if that is known. */
export function compressLayout(
  zstd: Zstd,
  { kind, flush, frameSize }: LayoutSettings,
  options: CompressOptions,
  size: number | undefined,
  count: PutCount,
): ByteTransform {
  if (kind === "frame") {
    count.frameCount = 1;
    return zstd.compressStream({ ...options, flush, contentSize: size });
  }
  const frames =
    kind === "frames"
      ? zstd.compressStream({ ...options, frameSize })
      : zstd.compressFrames({ ...options, maxFrameSize: frameSize });
  return withSeekTable(frames, count);
}

/** Counts frames, which come one in each chunk, and appends a version frame and the seek table. */
function withSeekTable({ readable, writable }: ByteTransform, count: PutCount): ByteTransform {
  const table = new SeekTableWriter();
  const ending = new TransformStream<Uint8Array, Uint8Array>({
    transform(frame, controller) {
      table.add(frame.length, readFrameHeader(frame).contentSize ?? 0);
      count.frameCount += 1;
      count.largestFrame = Math.max(count.largestFrame, frame.length);
      controller.enqueue(frame);
    },
    flush(controller) {
      const version = createVersionFrame();
      table.add(version.length, 0);
      controller.enqueue(version);
      controller.enqueue(table.toBytes());
    },
  });
  return { writable, readable: readable.pipeThrough(ending) };
}
