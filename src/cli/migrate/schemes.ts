/** Reads values that others have compressed: by gzip, deflate, brotli, gzip in base64, or Valkey GLIDE. */
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import type { Zstd } from "../../codec/zstd.ts";
import { decodeBase64 } from "../../format/base64.ts";
import { readUtf8, utf8Lossy } from "../../text.ts";
import { decodeLz4Block } from "./lz4.ts";

export type Scheme = "gzip" | "deflate" | "brotli" | "base64-gzip" | "glide";

/** In the order in which they are tried: brotli comes last, because nothing marks it. */
export const SCHEMES: readonly Scheme[] = ["gzip", "base64-gzip", "glide", "deflate", "brotli"];

/** How every gzip file begins in base64: 1f 8b 08. */
const BASE64_GZIP = "H4sI";
/** Three bytes of magic, a version, and a number for the format (glide-core/src/compression.rs of GLIDE 2.4). */
const GLIDE_HEADER_SIZE = 5;
const GLIDE_VERSION = 0;
const GLIDE_ZSTD = 1;
const GLIDE_LZ4 = 2;

/** What decoding needs, and its limit. */
export interface SchemeTools {
  readonly zstd: Pick<Zstd, "decompress">;
  /** The most bytes of content. */
  readonly maxSize: number;
}

/**
 * The content of a value in the first scheme that it matches as a whole. Undefined if it matches none or does not
 * decode: then it stays as it is.
 */
export function decodeScheme(
  value: Uint8Array,
  schemes: ReadonlySet<Scheme>,
  tools: SchemeTools,
): Uint8Array<ArrayBuffer> | undefined {
  for (const scheme of SCHEMES) {
    if (!schemes.has(scheme)) continue;
    try {
      const content = readers[scheme](value, tools);
      if (content !== undefined) return new Uint8Array(content);
    } catch {
      // It only began like one.
    }
  }
  return undefined;
}

/** The scheme that the first bytes of a value show; undefined for none, and for deflate and brotli, which nothing marks. */
export function markedScheme(value: Uint8Array): Scheme | undefined {
  if (isGzip(value)) return "gzip";
  if (isGlide(value)) return "glide";
  return utf8Lossy(value.subarray(0, BASE64_GZIP.length)) === BASE64_GZIP ? "base64-gzip" : undefined;
}

const readers: Readonly<Record<Scheme, (value: Uint8Array, tools: SchemeTools) => Uint8Array | undefined>> = {
  gzip: (value, { maxSize }) => (isGzip(value) ? gunzipSync(value, { maxOutputLength: maxSize }) : undefined),
  "base64-gzip"(value, { maxSize }) {
    const text = utf8Lossy(value);
    const bytes = text.startsWith(BASE64_GZIP) ? decodeBase64(text) : undefined;
    return bytes !== undefined && isGzip(bytes) ? gunzipSync(bytes, { maxOutputLength: maxSize }) : undefined;
  },
  glide: readGlide,
  // RFC 1950: method 8, and a header that is divisible by 31. The Adler-32 at the end proves the rest.
  deflate(value, { maxSize }) {
    const head = (value[0]! << 8) | value[1]!;
    if (value.length < 8 || (value[0]! & 15) !== 8 || head % 31 !== 0) return undefined;
    return whole(inflateSync(value, { maxOutputLength: maxSize, info: true } as object), value);
  },
  // Neither a magic number nor a checksum: text is never taken for it, and the value must be used completely.
  brotli(value, { maxSize }) {
    if (readUtf8(value) !== undefined) return undefined;
    const content = whole(
      brotliDecompressSync(value, { maxOutputLength: maxSize, info: true } as object),
      value,
    );
    return content !== undefined && content.length > value.length ? content : undefined;
  },
};

/** The content, if the decoder used the whole value: with `info` it tells how much it used. */
function whole(result: unknown, value: Uint8Array): Uint8Array | undefined {
  const { buffer, engine } = result as { buffer: Uint8Array; engine: { bytesWritten: number } };
  return engine.bytesWritten === value.length ? buffer : undefined;
}

function isGzip(value: Uint8Array): boolean {
  return value[0] === 0x1f && value[1] === 0x8b && value[2] === 8;
}

function isGlide(value: Uint8Array): boolean {
  const isMarked = value[0] === 0 && value[1] === 1 && value[2] === 2 && value[3] === GLIDE_VERSION;
  return isMarked && value.length > GLIDE_HEADER_SIZE;
}

function readGlide(value: Uint8Array, { zstd, maxSize }: SchemeTools): Uint8Array | undefined {
  if (!isGlide(value)) return undefined;
  const body = value.subarray(GLIDE_HEADER_SIZE);
  if (value[4] === GLIDE_ZSTD) return zstd.decompress(body, { maxSize });
  if (value[4] !== GLIDE_LZ4 || body.length < 4) return undefined;
  const size = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  return size > maxSize ? undefined : decodeLz4Block(body.subarray(4), size);
}
