/** Puts a value: opens the source, compresses it as the layout says, and uploads what comes out. */
import type { Zstd } from "../codec/zstd.ts";
import { readFrameHeader } from "../format/frame.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { SeekTableWriter } from "../format/seek-table.ts";
import { createVersionFrame } from "../format/version-frame.ts";
import { emit } from "../metrics/events.ts";
import { anyOf } from "../rest/exchange.ts";
import { levelOf } from "../value/policy.ts";
import type { LayoutSettings, PutSettings, StoreSettings } from "./options.ts";
import { withKey } from "./reply.ts";
import { openSource, type OpenedSource, type ValueSource } from "./source.ts";
import { ValueUpload } from "./value-upload.ts";

/** The result of a `put`. */
export interface PutResult {
  /** Bytes of the value. */
  readonly size: number;
  /** Bytes in Redis. */
  readonly storedSize: number;
  /** Frames that the value was cut into. */
  readonly frameCount: number;
  /** Bytes of the largest of several frames; 0 for one frame. */
  readonly largestFrame: number;
}

/** Counts what is read and written on the way. */
export interface PutCount {
  /** Bytes read from the source. */
  size: number;
  /** Frames with content. */
  frameCount: number;
  /** Bytes of the largest frame if frames are chunks; 0 for one frame. */
  largestFrame: number;
}

type ByteTransform = TransformStream<Uint8Array, Uint8Array>;

/** Compresses a source and stores it; null if `ifAbsent` found a value. */
export async function put(
  settings: StoreSettings,
  key: string,
  source: ValueSource,
  putSettings: PutSettings,
): Promise<PutResult | null> {
  const opened = openSource(source);
  const ended = new AbortController();
  const signal = anyOf(ended.signal, putSettings.signal) ?? ended.signal;
  const count: PutCount = { size: 0, frameCount: 0, largestFrame: 0 };
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const upload = new ValueUpload(settings, key, putSettings, count, signal);
  try {
    signal.throwIfAborted();
    const compression = await openCompression(settings, key, putSettings, opened, count);
    reader = opened.stream.pipeThrough(counting(count)).pipeThrough(compression).getReader();
    // A signal ends the reading too, even if the source hangs.
    const stop = (): void => void reader?.cancel(signal.reason).catch(() => undefined);
    signal.addEventListener("abort", stop, { once: true });
    for (;;) {
      const { done, value: chunk } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      await upload.write(chunk);
    }
    const stored = await upload.finish();
    return stored ? { ...count, storedSize: upload.size } : null;
  } catch (error) {
    reader?.cancel(error).catch(() => undefined);
    if (putSettings.signal?.aborted !== true) await upload.drain(error);
    ended.abort(error);
    if (reader === undefined) opened.stream.cancel(error).catch(() => undefined);
    await upload.abandon();
    throw withKey(error, key);
  }
}

/** Passes chunks and counts their bytes. */
function counting(count: PutCount): ByteTransform {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      count.size += chunk?.length ?? 0;
      controller.enqueue(chunk);
    },
  });
}

/** The compression that the settings ask for; without a codec, frames of raw blocks: a write never fails for it. */
async function openCompression(
  { codec, level, onEvent }: StoreSettings,
  key: string,
  putSettings: PutSettings,
  { size, kind }: OpenedSource,
  count: PutCount,
): Promise<ByteTransform> {
  const loaded = codec.loaded ?? (await codec.load());
  if (!("error" in loaded)) {
    const chosen = putSettings.level ?? level ?? levelOf(putSettings.kind ?? kind ?? "text");
    return compressLayout(loaded, putSettings.layout, chosen, size, count);
  }
  if (onEvent !== undefined) {
    emit(onEvent, { type: "uncompressed", command: "PUT", key, size: size ?? 0, error: loaded.error });
  }
  let written = false;
  const write = (chunk: Uint8Array, controller: TransformStreamDefaultController<Uint8Array>): void => {
    written = true;
    controller.enqueue(writeRawBlocks(chunk));
  };
  const frames = new TransformStream<Uint8Array, Uint8Array>({
    transform: write,
    flush: (controller) => (written ? undefined : write(new Uint8Array(0), controller)),
  });
  return withSeekTable(frames, count);
}

/** Makes the stream that compresses a value; `size` is its number of bytes, if that is known. */
export function compressLayout(
  zstd: Zstd,
  { kind, flush, frameSize }: LayoutSettings,
  level: number,
  size: number | undefined,
  count: PutCount,
): ByteTransform {
  if (kind === "frame") {
    count.frameCount = 1;
    return zstd.compressStream({ level, flush, contentSize: size });
  }
  const frames =
    kind === "frames"
      ? zstd.compressStream({ level, frameSize })
      : zstd.compressFrames({ level, maxFrameSize: frameSize });
  return withSeekTable(frames, count);
}

/** Counts frames, one a chunk, and ends them with a version frame and the seek table. */
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
