/**
 * Opens the value of a key as a stream: the stored bytes, the content that they decode to, or the frames themselves.
 */
import { concatenate } from "../bytes.ts";
import { createPullStream, createReaderStream } from "../codec/pull-stream.ts";
import type { Pacing } from "../codec/pacing.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "../format/frame.ts";
import { REDIS_STRING_MAX } from "../limits.ts";
import { readBulk } from "../rest/bulk-stream.ts";
import { serverErrorCode } from "../rest/server-error.ts";
import type { ByteStream, ReadableBytes } from "../streams.ts";
import { utf8Lossy } from "../text.ts";
import { now } from "../timers.ts";
import { CARRIER_HEAD_SIZE, fromTextCarrier } from "../value/carrier.ts";
import type { DownloadProgress, StoreSettings } from "./options.ts";
import { FirstFrame } from "../format/first-frame.ts";
import { formOf, type StoredForm } from "../value/form.ts";
import { decodeFrames, endTrace, type DecodingSettings } from "./decode.ts";
import { dictionariesFor } from "./dictionaries.ts";
import { openPieces, type StoredBytes } from "./pieces.ts";
import { resumable } from "./resumable.ts";
import { report, untilAborted } from "./report.ts";
import { commandError, requireBulk, withKey } from "./reply.ts";
import type { ReadTrace } from "./value-events.ts";
import { readAll } from "./whole.ts";

/** The longest base64 that is read: a string of V8 holds 24 characters fewer than a string of Redis holds bytes. */
const TEXT_MAX = REDIS_STRING_MAX - 24;

/**
 * Opens the stored bytes of a key: by one streamed GET if the server's limits allow it, otherwise in pieces. Null if
 * the key does not exist. `decoded` tells that frames will be decoded, which checks their checksums.
 */
export async function openStored(
  settings: StoreSettings,
  key: string,
  { signal, decoded = true }: { readonly signal: AbortSignal | undefined; readonly decoded?: boolean },
): Promise<StoredBytes | null> {
  if (settings.pieceSize !== undefined) return openPieces(settings, key, signal);
  const reply = await settings.client.open(["GET", key], readBulk, { signal });
  if (reply.kind === "stream") return resumable(settings, key, reply, { decoded, signal });
  if (reply.kind === "error") {
    if (serverErrorCode(reply.text) === "REQUEST_LIMIT") return openPieces(settings, key, signal);
    throw commandError(reply.text, "read", key);
  }
  const bytes = requireBulk(reply, "read", key);
  return bytes === null ? null : { size: bytes.length, whole: bytes, ...framesIn(bytes) };
}

/** One read of a value: what ends it, and what it finds out for the store's listener. */
export interface ReadWork {
  readonly signal?: AbortSignal | undefined;
  readonly trace?: ReadTrace | undefined;
  /** Default "caller": whoever reads the stream may pause. */
  readonly pacing?: Pacing | undefined;
}

/** The content of a stored value, decoded as it arrives. A value that is stored uncompressed stays as it is. */
export async function openContent(
  settings: StoreSettings,
  key: string,
  stored: StoredBytes,
  { signal, trace, pacing = "caller" }: ReadWork,
): Promise<ByteStream> {
  const { whole } = stored;
  const traced = { ...settings, trace, pacing };
  if (whole !== undefined && formOf(whole) === "frames") {
    if (trace !== undefined) trace.encoded = true;
    const zstd = await requireCodec(settings, key, { stream: stored.stream, signal });
    const decoding = await decodingOf(traced, whole, stored.stream, signal);
    const content = decodeAtOnce(decoding, zstd, whole);
    if (content === undefined) return decodeFrames(decoding, key, zstd, stored, signal);
    return createPullStream(async function* given() {
      if (content.length > 0) yield content;
      endTrace(trace, content.length);
    }, signal);
  }
  // The header of the first frame names the value's dictionary.
  const { form, head, stream } = await peek(stored.stream, FRAME_HEADER_SIZE_MAX);
  if (form === "plain") return keyed(stream, key);
  if (trace !== undefined) trace.encoded = true;
  const zstd = await requireCodec(settings, key, { stream, signal });
  const { again } = stored;
  if (form === "frames") {
    const decoding = await decodingOf(traced, head, stream, signal);
    return decodeFrames(decoding, key, zstd, { stream, again }, signal);
  }
  const frames = await readText({ ...stored, stream }, key);
  const decoding = await decodingOf(traced, frames, stream, signal);
  return decodeFrames(decoding, key, zstd, framesIn(frames), signal);
}

/** The settings for decoding frames that begin with `head`; if they cannot be made, the stream is cancelled. */
async function decodingOf(
  settings: StoreSettings & Pick<DecodingSettings, "trace" | "pacing">,
  head: Uint8Array,
  stream: ByteStream,
  signal: AbortSignal | undefined,
): Promise<DecodingSettings> {
  const { maxWindowLog, retry, trace, pacing } = settings;
  try {
    const dictionaries = await dictionariesFor(settings, head, signal);
    return { maxWindowLog, retry, trace, pacing, dictionaries };
  } catch (error) {
    stream.cancel().catch(() => undefined);
    throw error;
  }
}

/** The most bytes of content that are decoded at once: some 2 ms. A stream takes 0.3 ms to begin and to end. */
const AT_ONCE = 1 << 20;

/** The content of one small frame; undefined for anything else, and for a failure: a stream then reports it. */
function decodeAtOnce(
  { maxWindowLog, dictionaries, trace }: DecodingSettings,
  zstd: Zstd,
  bytes: Uint8Array,
): Uint8Array | undefined {
  const start = trace && now();
  try {
    const { contentSize = Infinity, windowSize } = readFrameHeader(bytes);
    const frame = new FirstFrame();
    frame.push(bytes);
    if (contentSize > AT_ONCE || windowSize > 2 ** maxWindowLog || frame.end !== bytes.length)
      return undefined;
    return zstd.decompress(bytes, { maxSize: AT_ONCE, dictionaries });
  } catch {
    return undefined;
  } finally {
    if (trace !== undefined) trace.ms += now() - start!;
  }
}

/** Calls an observer for every chunk that arrives. */
export function observed(
  stored: StoredBytes,
  onProgress: ((progress: DownloadProgress) => void) | undefined,
): StoredBytes {
  if (onProgress === undefined) return stored;
  const { size: storedSize, stream } = stored;
  const reader = stream.getReader();
  let receivedSize = 0;
  const counted = createReaderStream(reader, async function* read() {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      receivedSize += next.value.length;
      report(onProgress, { receivedSize, storedSize });
      yield next.value;
    }
  });
  return { ...stored, whole: undefined, stream: counted };
}

/** A stream that begins with `head`, which tells its form. */
interface Peeked {
  readonly form: StoredForm;
  readonly head: Uint8Array;
  readonly stream: ByteStream;
}

/**
 * Reads as much as is needed to tell the form, and `least` bytes if there are as many, and returns the stream with
 * them.
 */
export async function peek(stream: ByteStream, least: number = CARRIER_HEAD_SIZE): Promise<Peeked> {
  const reader = stream.getReader();
  let head: Uint8Array = new Uint8Array(0);
  while (head.length < least) {
    const { done, value } = await reader.read();
    if (done) break;
    head = head.length === 0 ? value : concatenate([head, value]);
  }
  return { form: formOf(head), head, stream: prepend(reader, head) };
}

/** The frames of a value in the text carrier. */
export async function readText({ stream, inPieces }: StoredBytes, key: string): Promise<Uint8Array> {
  try {
    const frames = fromTextCarrier(utf8Lossy(await readAll(stream, TEXT_MAX)));
    if (inPieces !== true) return frames;
    // For one frame, its checksum shows whether its pieces belong together; for several, the checksum of the last one
    // does not.
    const frame = new FirstFrame();
    frame.push(frames);
    if (frame.end === undefined || (frame.end === frames.length && frame.checksum)) return frames;
    const reason = "it is base64 of several frames, or of one without a checksum";
    const advice = "store it with put, or read it whole, without pieceSize";
    throw new ZstashError(
      "UNSUPPORTED",
      `Cannot read ${JSON.stringify(key)} in pieces: ${reason}: ${advice}`,
    );
  } catch (error) {
    throw withKey(error, key);
  }
}

export async function requireCodec(
  { codec }: StoreSettings,
  key: string,
  { stream, signal }: { readonly stream: ByteStream; readonly signal: AbortSignal | undefined },
): Promise<Zstd> {
  try {
    const loaded = codec.loaded ?? (await untilAborted(codec.load(), signal));
    if (!("error" in loaded)) return loaded;
    throw withKey(loaded.error, key);
  } catch (error) {
    stream.cancel().catch(() => undefined);
    throw error;
  }
}

/** Frames that have all arrived. */
function framesIn(frames: Uint8Array): Pick<StoredBytes, "stream" | "again"> {
  return {
    stream: streamOf(frames),
    async *again(to) {
      yield frames.subarray(0, to);
    },
  };
}

/** The bytes as a stream of one chunk. */
export function streamOf(bytes: Uint8Array): ByteStream {
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  return stream as unknown as ByteStream;
}

/** A stream whose errors name the key. */
export function keyed(stream: ReadableBytes, key: string): ByteStream {
  return prepend(stream.getReader(), undefined, key);
}

/**
 * The rest of a reader as a stream, after `first`; it reads only on demand. Its errors name the key, if one is given.
 */
export function prepend(
  reader: ReturnType<ReadableBytes["getReader"]>,
  first: Uint8Array | undefined,
  key?: string,
): ByteStream {
  let unread = first;
  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (unread !== undefined && unread.length > 0) {
          controller.enqueue(unread);
          unread = undefined;
          return;
        }
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value!);
        } catch (error) {
          throw key === undefined ? error : withKey(error, key);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return stream as unknown as ByteStream;
}
