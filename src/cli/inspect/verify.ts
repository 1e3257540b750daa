/** Decodes frames without keeping their content, to check their checksums. */
import type { Zstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import type { Dictionary } from "../../format/dictionary.ts";
import { WINDOW_LOG_MAX } from "../../limits.ts";
import { streamOf } from "../../store/content.ts";
import type { ByteStream } from "../../streams.ts";
import { reasonOf } from "./walker.ts";
import type { FrameWalker } from "./walker.ts";

/** Bytes of content that are decoded unless more is asked for: half a second. */
export const CONTENT_MAX: number = 256 << 20;

/**
 * The result of decoding. "right": everything decodes, and every checksum that is there matches. "unread": not all
 * bytes were read. "unknown": it could not be tried. The size is that of the content.
 */
export type Verdict =
  | { readonly state: "right"; readonly size: number }
  | { readonly state: "wrong" | "damaged"; readonly reason: string }
  | { readonly state: "unread" }
  | { readonly state: "unknown"; readonly reason: string };

/** What is known before the frames are decoded. */
export interface VerifyOptions {
  /** Receives the bytes as they pass. */
  readonly walker: FrameWalker | undefined;
  readonly dictionary: Dictionary | undefined;
  /** Why the bytes are not whole frames. */
  readonly fault: ZstashError | undefined;
  /** True to stop at 256 MiB of content. */
  readonly bounded: boolean;
}

/** Decodes the frames. */
export async function verify(
  zstd: Zstd,
  frames: Uint8Array | ByteStream,
  { walker, dictionary, fault, bounded }: VerifyOptions,
): Promise<Verdict> {
  if (fault !== undefined) return { state: "damaged", reason: reasonOf(fault.message) };
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      walker?.push(chunk);
      controller.enqueue(chunk);
    },
  });
  const dictionaries = dictionary === undefined ? undefined : new Map([[dictionary.id, dictionary]]);
  const input = frames instanceof Uint8Array ? streamOf(frames) : frames;
  const decoded = input
    .pipeThrough(watch)
    .pipeThrough(zstd.decompressStream({ maxWindowLog: WINDOW_LOG_MAX, dictionaries })) as ByteStream;
  const reader = decoded.getReader();
  let size = 0;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      size += next.value.length;
      if (bounded && size > CONTENT_MAX) {
        const reason = `its content has more than ${CONTENT_MAX >> 20} MiB: --whole decodes all of it`;
        return { state: "unknown", reason };
      }
    }
    return { state: "right", size };
  } catch (error) {
    return verdictOf(error);
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

function verdictOf(error: unknown): Verdict {
  if (!(error instanceof ZstashError)) throw error;
  const reason = reasonOf(error.message);
  switch (error.code) {
    case "CHECKSUM_MISMATCH":
      return { state: "wrong", reason };
    case "CORRUPT":
    case "TRUNCATED":
    case "NOT_ZSTD":
      return { state: "damaged", reason };
    case "DICTIONARY_UNKNOWN":
    case "DICTIONARY_INVALID":
    case "WINDOW_LIMIT":
    case "OUT_OF_MEMORY":
    case "UNSUPPORTED":
      return { state: "unknown", reason };
    default:
      throw error;
  }
}
