/** Explains why a value is not compressed, as far as its bytes and its key tell. */
import { loadZstd } from "../../codec/zstd.ts";
import { MANIFEST_KEY, DICTIONARY_PREFIX } from "../../dictionaries/stored.ts";
import { SKIPPABLE_MAGIC } from "../../format/frame.ts";
import { isTemporaryKey, isUpload } from "../../store/temporary-key.ts";
import { readUtf8, utf8Lossy } from "../../text.ts";
import { isDestroyedFrame, textCarrierSize } from "../../value/carrier.ts";
import { DEFAULT_MIN_SIZE, levelOf } from "../../value/policy.ts";
import { looksCompressed } from "../../value/sniff.ts";
import type { Source } from "./source.ts";

/** Why a value is not compressed. */
export interface Why {
  readonly reason: string;
  /** True if the value is damaged. */
  readonly damaged?: boolean | undefined;
  /** What zstash would store for the first `size` bytes of the value, if that was tried: all of them up to 1 MiB. */
  readonly would?: { readonly size: number; readonly raw: number; readonly text: number } | undefined;
}

/** The share that compression must save for a value to be stored compressed. */
const SAVINGS_MIN = 0.1;
/** Bytes that are enough to recognize a format. */
const LOOKED_AT = 160;

/** The first bytes of formats by name; each character is a byte. */
const FORMATS: readonly (readonly [start: string, name: string])[] = [
  ["\x37\xa4\x30\xec", "a zstd dictionary"],
  ["\x1f\x8b", "gzip"],
  ["H4sI", "gzip in base64, by another client"],
  ["\x04\x22\x4d\x18", "LZ4"],
  ["PK\x03\x04", "a ZIP archive, or an office document"],
  ["\x89PNG", "a PNG picture"],
  ["\xff\xd8\xff", "a JPEG picture"],
  ["GIF8", "a GIF picture"],
  ["%PDF", "a PDF document"],
];

/** Finds the reason why a value is stored uncompressed. */
export async function whyUncompressed(source: Source): Promise<Why> {
  const { head, size, name, kind } = source;
  if (size === 0) return { reason: "it is empty" };
  if (kind === "key") {
    if (name === MANIFEST_KEY)
      return { reason: "it is the manifest of the dictionaries, which is never compressed" };
    if (name.startsWith(DICTIONARY_PREFIX))
      return { reason: "it is a dictionary, which lies in Redis in base64" };
    if (
      isTemporaryKey(name) &&
      isUpload(head.subarray(0, 64), size, source.ttl === undefined ? -1 : source.ttl)
    )
      return {
        reason: "it is an upload that is not complete: zstash sweep lists those that were left behind",
      };
  }
  const start = utf8Lossy(head.subarray(0, LOOKED_AT));
  if (isDestroyedFrame(start)) {
    const reason = "a client for text has read a raw frame and written it back, which destroyed it";
    return { reason, damaged: true };
  }
  const latin = String.fromCharCode(...head.subarray(0, LOOKED_AT));
  if (isSkippable(head))
    return { reason: "it begins with a skippable frame, which zstash never writes first" };
  const format = FORMATS.find(([magic]) => latin.startsWith(magic))?.[1];
  if (format !== undefined) return { reason: `already compressed: ${format}` };
  if (looksCompressed(latin)) return { reason: "already compressed, by its first bytes" };
  if (start.startsWith("zs1:")) return { reason: "it begins as a value of zstash does, and is none" };
  if (size < DEFAULT_MIN_SIZE) return { reason: "below 1 KiB, where it pays only with a dictionary" };
  const level = levelOf(readUtf8(head) === undefined ? "binary" : "text");
  const raw = (await loadZstd()).compress(head, { level }).length;
  const would = { size: head.length, raw, text: textCarrierSize(raw) };
  const saves = raw <= head.length * (1 - SAVINGS_MIN);
  return { reason: saves ? UNKNOWN : "it would become less than a tenth smaller", would };
}

const UNKNOWN = "written by a client without zstash, or by one whose mode or policy leaves it as it is";

function isSkippable(head: Uint8Array): boolean {
  if (head.length < 4) return false;
  const magic = new DataView(head.buffer, head.byteOffset).getUint32(0, true);
  return (magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC;
}
