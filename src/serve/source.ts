/** What a response is made from: the stored bytes as a client may take them, and the content that they decode to. */
import { concatenate } from "../bytes.ts";
import type { Zstd } from "../codec/zstd.ts";
import { FirstFrame } from "../format/first-frame.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader, walkFrame, type FrameHeader } from "../format/frame.ts";
import { DEFAULT_MAX_SIZE, DEFAULT_MAX_WINDOW_LOG } from "../limits.ts";
import type { ByteReader, ByteStream } from "../streams.ts";
import { utf8Lossy } from "../text.ts";
import { fromTextCarrier } from "../value/carrier.ts";
import type { CodecLoader } from "../value/codec-loader.ts";
import { formOf } from "../value/form.ts";
import {
  asOwn,
  begun,
  onlyFrame,
  prepend,
  readWhole,
  streamOf,
  type Body,
  type Expected,
  type SizedBody,
} from "./body.ts";
import type { ServedRange } from "./ranges.ts";
import { tagOf } from "./tag.ts";

/** One frame that every zstd client over HTTP decodes, as it is stored. */
export interface ServedFrame {
  /** The size of the frame in bytes; undefined if it is not known yet. */
  readonly size: number | undefined;
  /** The content size that its header declares, in bytes. */
  readonly contentSize: number | undefined;
  /** Opens the frame. Rejects if the first bytes show that it is not the expected one. */
  open(expected?: Expected): Promise<SizedBody>;
}

/** The value that a response is made from. One of its methods is called, once, or `drop`. */
export interface Source {
  /** The size of the content in bytes; undefined if nothing declares it. */
  readonly size: number | undefined;
  /** What distinguishes versions of the content; undefined if that is not known before the end. */
  readonly tag: string | undefined;
  /** The value as it is stored, if that is one frame which every zstd client over HTTP decodes. */
  readonly frame?: ServedFrame | undefined;
  /** True if the value is stored uncompressed, because compressing it was not worth it. */
  readonly plain: boolean;
  /** The content, or a range of it. Rejects if its first bytes cannot be decoded. */
  content(range?: ServedRange): Promise<Body>;
  /** The content as one new frame. */
  recompressed(): Promise<Body>;
  /** Tells that nothing of it will be read. */
  drop(): void;
}

/** The level at which values are compressed again. */
const LEVEL = 1;
/** The most bytes of content that are decoded before the response begins: starting a stream takes longer. */
export const AT_ONCE: number = 1 << 20;
/** The largest window that is decoded: 128 MiB, the most that `zstd` writes without `--ultra` or `--long`. */
const MAX_WINDOW_LOG = 27;
/** The largest window of a decoder for HTTP (RFC 9659). */
const HTTP_WINDOW_MAX = 2 ** DEFAULT_MAX_WINDOW_LOG;

/**
 * Makes a source from stored bytes: frames, frames in base64, or an uncompressed value.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT for frames that are truncated or malformed
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
    frame: isOne
      ? {
          size: bytes.length,
          contentSize: frames[0]!.contentSize,
          async open(expected) {
            expected?.check(bytes.subarray(-4));
            return { body: bytes, size: bytes.length };
          },
        }
      : undefined,
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

/**
 * Frames with larger windows than a stream accepts are decoded at once, up to 32 MiB: then the content itself is the
 * window.
 */
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
 * Makes a source from a stream of stored bytes, which its caller cancels if this rejects. Only the beginning is
 * looked at, unless that is all. There may be several frames, so nothing tells the size of the content.
 *
 * @throws {ZstashError} TRUNCATED, CORRUPT for a header that is truncated or malformed
 */
export async function sourceOfReader(reader: ByteReader, codec: CodecLoader): Promise<Source> {
  const drop = (): void => void reader.cancel().catch(() => undefined);
  const { head, ended, end } = await readHead(reader);
  if (ended) return sourceOfBytes(head, codec);
  const form = formOf(head);
  const whole = prepend(reader, head);
  if (form === "plain") return plainSource(whole, undefined, undefined, codec, drop);
  if (form === "text") return sourceOfBytes(await readWhole(whole, DEFAULT_MAX_SIZE), codec);
  const header = readFrameHeader(head);
  const mayBeOne = end === undefined || end === head.length;
  return {
    size: undefined,
    tag: undefined,
    plain: false,
    frame:
      mayBeOne && passes(header)
        ? {
            size: undefined,
            contentSize: header.contentSize,
            async open(expected) {
              const body = onlyFrame(whole, expected);
              // No length is declared. Firefox takes a body with a content coding that falls short of its length for
              // complete, and a chunked body without its end for an error; Chromium reports both as errors.
              return { body: expected === undefined ? body : await begun(body), size: undefined };
            },
          }
        : undefined,
    content: async () => begun(decoded(whole, await loaded(codec))),
    recompressed: async () => {
      const zstd = await loaded(codec);
      return begun(compressed(decoded(whole, zstd), zstd, undefined));
    },
    drop,
  };
}

/** The first bytes of a stream, whether they are all, and where the first frame ends if it ends among them. */
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
    // The stream may end with the frame: one more read tells.
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
        // The size of a stream is unknown, so no range of it is asked for.
        body instanceof Uint8Array ? body.subarray(range?.start, range?.end) : body,
      ),
    recompressed: async () => begun(compressed(stream(), await loaded(codec), size)),
    drop,
  };
}

/**
 * Returns true for a frame that every zstd client over HTTP decodes: it needs no dictionary, and a window of at most
 * 8 MiB.
 */
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
