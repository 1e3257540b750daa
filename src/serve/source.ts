/** What a response is made of: the stored bytes as a client may take them, and the content that they decode to. */
import { concatenate } from "../bytes.ts";
import { chunksOf, createPullStream, createReaderStream } from "../codec/pull-stream.ts";
import type { Zstd } from "../codec/zstd.ts";
import { ZstashError } from "../errors.ts";
import { FirstFrame } from "../format/first-frame.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader, walkFrame, type FrameHeader } from "../format/frame.ts";
import { DEFAULT_MAX_SIZE, DEFAULT_MAX_WINDOW_LOG } from "../limits.ts";
import type { ByteReader, ByteStream } from "../streams.ts";
import { utf8Lossy } from "../text.ts";
import { fromTextCarrier } from "../value/carrier.ts";
import type { CodecLoader } from "../value/codec-loader.ts";
import { formOf } from "../value/form.ts";
import type { ServedRange } from "./ranges.ts";
import { tagOf } from "./tag.ts";

/** The body of a response: bytes, or a stream of them. */
export type Body = Uint8Array<ArrayBuffer> | ByteStream;

/** The value that a response is made of. Of its methods one is called, once, or `drop`. */
export interface Source {
  /** Bytes of the content; undefined if nothing declares them. */
  readonly size: number | undefined;
  /** What tells versions of the content apart; undefined if that is not known before the end. */
  readonly tag: string | undefined;
  /** One frame that every client of HTTP decodes, as it lies there; undefined for any other value. */
  readonly frame?: { readonly size: number | undefined; open(): Promise<Body> } | undefined;
  /** True if the value lies uncompressed, because compressing it was not worth it. */
  readonly plain: boolean;
  /** The content, or a range of it. Rejects where its first bytes cannot be decoded. */
  content(range?: ServedRange): Promise<Body>;
  /** The content as one new frame. */
  recompressed(): Promise<Body>;
  /** Nothing of it will be read. */
  drop(): void;
}

/** Level of what is compressed anew. */
const LEVEL = 1;
/** The most bytes of content that are decoded before the response begins: a stream takes longer to begin. */
const AT_ONCE = 1 << 20;
/** The largest window that is decoded: 128 MiB, the most that `zstd` writes without `--ultra` or `--long`. */
const MAX_WINDOW_LOG = 27;
/** The largest window of a decoder for HTTP (RFC 9659). */
const HTTP_WINDOW_MAX = 2 ** DEFAULT_MAX_WINDOW_LOG;

/**
 * A source of stored bytes: frames, frames in base64, or an uncompressed value.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT for frames that are cut off or malformed
 */
export async function sourceOfBytes(bytes: Uint8Array<ArrayBuffer>, codec: CodecLoader): Promise<Source> {
  const form = formOf(bytes);
  if (form === "text") return sourceOfBytes(asOwn(fromTextCarrier(utf8Lossy(bytes))), codec);
  if (form === "plain") return plainSource(bytes, bytes.length, await tagOf(bytes, []), codec);
  const frames: FrameHeader[] = [];
  const checksums: Uint8Array[] = [];
  let size: number | undefined = 0;
  let skippable = 0;
  for (let at = 0; at < bytes.length;) {
    const { header, end } = walkFrame(bytes, at, frames.length);
    at = end;
    if (header.type === "skippable") {
      skippable += 1;
      continue;
    }
    frames.push(header);
    if (header.checksum) checksums.push(bytes.subarray(end - 4, end));
    size = size === undefined || header.contentSize === undefined ? undefined : size + header.contentSize;
  }
  const tag = await tagOf(bytes, checksums.length === frames.length ? checksums : []);
  const isOne = frames.length === 1 && skippable === 0 && passes(frames[0]!);
  return {
    size,
    tag,
    plain: false,
    frame: isOne ? { size: bytes.length, open: () => Promise.resolve(bytes) } : undefined,
    async content(range) {
      const zstd = await loaded(codec);
      if (size !== undefined && size <= AT_ONCE) {
        const content = zstd.decompress(bytes, { maxSize: AT_ONCE });
        return range === undefined ? content : content.subarray(range.start, range.end);
      }
      if (range === undefined) return begun(decodedStream(bytes, frames, zstd));
      const source = {
        size: bytes.length,
        read: (start: number, end: number) => Promise.resolve(bytes.subarray(start, end)),
      };
      return begun(zstd.decompressRange(source, range.start, range.end));
    },
    async recompressed() {
      const zstd = await loaded(codec);
      return begun(compressed(decodedStream(bytes, frames, zstd), zstd, size));
    },
    drop() {
      // Bytes hold nothing.
    },
  };
}

/** Windows above what a stream takes are decoded at once, up to 32 MiB: the content is the window then. */
function decodedStream(
  bytes: Uint8Array<ArrayBuffer>,
  frames: readonly FrameHeader[],
  zstd: Zstd,
): ByteStream {
  if (frames.some(({ windowSize }) => windowSize > 2 ** MAX_WINDOW_LOG))
    return streamOf(zstd.decompress(bytes, { maxSize: DEFAULT_MAX_SIZE }));
  return decoded(streamOf(bytes), zstd);
}

/**
 * A source of a stream of stored bytes, which its caller cancels if this rejects. Only its beginning is looked at, unless
 * that is all of it. Its frames may be several, so that nothing tells the size of its content.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT for a header that is cut off or malformed
 */
export async function sourceOfReader(reader: ByteReader, codec: CodecLoader): Promise<Source> {
  const drop = (): void => void reader.cancel().catch(() => undefined);
  const { head, ended, end } = await readHead(reader);
  if (ended) return sourceOfBytes(head, codec);
  const form = formOf(head);
  const whole = prepend(reader, head);
  if (form === "plain") return plainSource(whole, undefined, undefined, codec, drop);
  if (form === "text") return sourceOfBytes(await readWhole(whole), codec);
  const header = readFrameHeader(head);
  const mayBeOne = end === undefined || end === head.length;
  return {
    size: undefined,
    tag: undefined,
    plain: false,
    frame:
      mayBeOne && passes(header)
        ? { size: undefined, open: () => Promise.resolve(onlyFrame(whole)) }
        : undefined,
    content: async () => begun(decoded(whole, await loaded(codec))),
    recompressed: async () => {
      const zstd = await loaded(codec);
      return begun(compressed(decoded(whole, zstd), zstd, undefined));
    },
    drop,
  };
}

/** The first bytes of a stream, whether they are all, and where the first frame ends if it does so among them. */
interface Head {
  readonly head: Uint8Array<ArrayBuffer>;
  readonly ended: boolean;
  readonly end: number | undefined;
}

/** Reads at least a frame's header, and all of a stream that is a single chunk. */
async function readHead(reader: ByteReader): Promise<Head> {
  let head: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  const frame = new FirstFrame();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { head, ended: true, end: frame.end };
    head = head.length === 0 ? value : asOwn(concatenate([head, value]));
    // Where a frame ends, the stream may: one more read tells.
    const atEnd = frame.push(value) && frame.end === head.length;
    if (head.length >= FRAME_HEADER_SIZE_MAX && !atEnd) return { head, ended: false, end: frame.end };
  }
}

function plainSource(
  body: Body,
  size: number | undefined,
  tag: string | undefined,
  codec: CodecLoader,
  drop: () => void = () => undefined,
): Source {
  const stream = (): ByteStream => (body instanceof Uint8Array ? streamOf(body) : body);
  return {
    size,
    tag,
    plain: true,
    content: (range) =>
      Promise.resolve(
        // The size of a stream is not known, so that no range of it is asked for.
        body instanceof Uint8Array ? body.subarray(range?.start, range?.end) : body,
      ),
    recompressed: async () => begun(compressed(stream(), await loaded(codec), size)),
    drop,
  };
}

/** True for a frame that every client of HTTP decodes: it needs no dictionary, and a window of 8 MiB at most. */
function passes({ windowSize, dictionaryId }: FrameHeader): boolean {
  return windowSize <= HTTP_WINDOW_MAX && dictionaryId === 0;
}

async function loaded(codec: CodecLoader): Promise<Zstd> {
  const zstd = codec.loaded ?? (await codec.load());
  if ("error" in zstd) throw zstd.error;
  return zstd;
}

function decoded(stream: ByteStream, zstd: Zstd): ByteStream {
  return stream.pipeThrough<ByteStream>(zstd.decompressStream({ maxWindowLog: MAX_WINDOW_LOG }));
}

function compressed(stream: ByteStream, zstd: Zstd, contentSize: number | undefined): ByteStream {
  return stream.pipeThrough<ByteStream>(zstd.compressStream({ level: LEVEL, contentSize }));
}

/** A stream whose first chunk is there: what is wrong with the beginning is known before a response begins. */
async function begun(stream: ByteStream): Promise<ByteStream> {
  const reader = stream.getReader();
  const { done, value } = await reader.read();
  return done ? streamOf(new Uint8Array(0)) : prepend(reader, value);
}

/** The only frame of a stream, to its end; an error if it is cut off, or if something follows it. */
function onlyFrame(stream: ByteStream): ByteStream {
  const frame = new FirstFrame();
  return createReaderStream(stream.getReader(), async function* pass(reader) {
    let size = 0;
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      frame.push(next.value);
      if (frame.end !== undefined && frame.end < size)
        throw new ZstashError(
          "UNSUPPORTED",
          "Cannot send the stream as it is: something follows its first frame, which clients of HTTP do not read",
        );
      yield next.value;
    }
    if (frame.end === undefined) throw new ZstashError("TRUNCATED", "Cannot send the frame: it is cut off");
  });
}

function prepend(reader: ByteReader, head: Uint8Array): ByteStream {
  return createReaderStream(reader, async function* all() {
    if (head.length > 0) yield head;
    yield* chunksOf(reader);
  });
}

function streamOf(bytes: Uint8Array): ByteStream {
  return createPullStream(async function* given() {
    if (bytes.length > 0) yield bytes;
  });
}

/** A value in base64 is one that a client for text wrote: 32 MiB are more than any such request may have. */
async function readWhole(stream: ByteStream): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > DEFAULT_MAX_SIZE) {
      reader.cancel().catch(() => undefined);
      throw new ZstashError(
        "SIZE_LIMIT",
        `Cannot send the value: its base64 has over ${DEFAULT_MAX_SIZE} bytes`,
      );
    }
    chunks.push(next.value);
  }
  return asOwn(concatenate(chunks));
}

/** Bytes that are known to lie in a buffer of their own. */
function asOwn(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>;
}
