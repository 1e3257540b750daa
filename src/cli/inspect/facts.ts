/**
 * Finds out what stored bytes are: their carrier, frames, blocks, sizes, window, dictionary, checksums and seek
 * table.
 */
import { loadZstd } from "../../codec/zstd.ts";
import { ZstashError } from "../../errors.ts";
import { decodeBase64 } from "../../format/base64.ts";
import type { Dictionary } from "../../format/dictionary.ts";
import type { FrameHeader } from "../../format/frame.ts";
import { findVersionFrame } from "../../format/version-frame.ts";
import { readText } from "../../store/content.ts";
import { readTable, tableSizeOf } from "../../store/slice.ts";
import { utf8Lossy } from "../../text.ts";
import { TEXT_PREFIX_SIZE } from "../../value/carrier.ts";
import { formOf } from "../../value/form.ts";
import { WHOLE_MAX } from "./source.ts";
import type { Source } from "./source.ts";
import { verify } from "./verify.ts";
import type { Verdict } from "./verify.ts";
import { FrameWalker, reasonOf } from "./walker.ts";
import type { Block, BlockType, Part } from "./walker.ts";
import { whyUncompressed } from "./why.ts";
import type { Why } from "./why.ts";

/** What is known of an uncompressed value. */
export interface PlainFacts {
  readonly form: "uncompressed";
  readonly why: Why;
}

/** What is known of frames. */
export interface FrameFacts {
  readonly form: "raw" | "text";
  /** Bytes of the frames themselves: in the text carrier they are fewer than the stored bytes. */
  readonly framesSize: number;
  /** Bytes of content, as the headers or the seek table declare. */
  readonly contentSize: number | undefined;
  readonly parts: readonly Part[];
  readonly partsLeftOut: number;
  /** The number of frames with content; a minimum if not everything was read and there is no seek table. */
  readonly frameCount: number;
  readonly frameCountIsExact: boolean;
  /** The header of the first frame with content. */
  readonly header: FrameHeader | undefined;
  /** The blocks of the first frame. The picture shows them if it is the only frame. */
  readonly blocks: readonly Block[];
  readonly blockCounts: Readonly<Record<BlockType, number>>;
  /** How many bytes were parsed: `blocks` are the blocks in them. */
  readonly walkedSize: number;
  readonly withoutChecksum: number;
  readonly verdict: Verdict;
  readonly dictionary: DictionaryFacts | undefined;
  /** Why the bytes are not whole frames. */
  readonly fault: string | undefined;
}

export type Facts = PlainFacts | FrameFacts;

/** A dictionary that frames name, and what is known about it. */
export interface DictionaryFacts {
  readonly id: number;
  /** Its size in bytes, if it was found. */
  readonly size: number | undefined;
  /** Why it was not found, or why nobody looked for it. */
  readonly missing: string | undefined;
}

/** Finds a dictionary, or says why there is none. */
export type FindDictionary = (id: number) => Promise<Dictionary | string>;

/** The frames of a source: as they are stored, or decoded from base64. */
interface FrameBytes {
  readonly size: number;
  readonly head: Uint8Array;
  readonly tail: Uint8Array;
  /** Reads the bytes from `start` to the end, if they are not held. */
  readEnd(start: number): Promise<Uint8Array>;
}

/** Options of `readFacts`. */
export interface FactsOptions {
  /** True to read all of a large value. */
  readonly whole: boolean;
  readonly findDictionary: FindDictionary;
}

/** Reads as much of a source as is needed, and says what it is. */
export async function readFacts(source: Source, options: FactsOptions): Promise<Facts> {
  const form = formOf(source.head);
  if (form === "plain") return { form: "uncompressed", why: await whyUncompressed(source) };
  let frames: FrameBytes;
  let whole: Uint8Array | undefined;
  try {
    if (form === "text" && options.whole && source.tail.length > 0) {
      whole = await readText({ size: source.size, stream: await source.stream() }, source.name);
      frames = { size: whole.length, head: whole, tail: new Uint8Array(0), readEnd: noMore };
    } else frames = form === "text" ? fromText(source) : fromRaw(source);
  } catch (error) {
    if (!(error instanceof ZstashError) || error.code !== "CORRUPT") throw error;
    return damaged(source, reasonOf(error.message));
  }
  const walker = new FrameWalker();
  const streams = options.whole && whole === undefined && frames.tail.length > 0;
  const isWhole = streams || frames.tail.length === 0;
  if (!streams) {
    walker.push(frames.head);
    if (isWhole) walker.finish();
  }
  const id = streams ? dictionaryIn(frames.head) : (walker.header?.dictionaryId ?? 0);
  const found = id === 0 ? undefined : await options.findDictionary(id);
  const dictionary = typeof found === "object" ? found : undefined;
  const verdict = isWhole
    ? await verify(await loadZstd(), streams ? await source.stream() : frames.head, {
        walker: streams ? walker : undefined,
        dictionary,
        fault: walker.fault,
        bounded: !options.whole,
      })
    : ({ state: "unread" } as const);
  if (streams && verdict.state !== "damaged") walker.finish();
  const table = isWhole ? undefined : await tableOf(frames);
  return {
    form: form === "text" ? "text" : "raw",
    framesSize: frames.size,
    ...layoutOf(walker, frames.size, { isWhole, table }),
    header: walker.header,
    blocks: walker.blocks,
    blockCounts: walker.blockCounts,
    walkedSize: isWhole ? frames.size : frames.head.length,
    withoutChecksum: walker.withoutChecksum + (isWhole || walker.header?.checksum !== false ? 0 : 1),
    verdict,
    dictionary:
      id === 0
        ? undefined
        : { id, size: dictionary?.bytes.length, missing: typeof found === "string" ? found : undefined },
    fault: walker.fault === undefined ? undefined : reasonOf(walker.fault.message),
  };
}

function dictionaryIn(head: Uint8Array): number {
  const walker = new FrameWalker();
  walker.push(head);
  return walker.header?.dictionaryId ?? 0;
}

/** Facts about base64 that is damaged. */
function damaged({ size }: Source, fault: string): FrameFacts {
  const none = { raw: 0, RLE: 0, compressed: 0 };
  return {
    form: "text",
    framesSize: size,
    contentSize: undefined,
    parts: [],
    partsLeftOut: 0,
    frameCount: 0,
    frameCountIsExact: true,
    header: undefined,
    blocks: [],
    blockCounts: none,
    walkedSize: size,
    withoutChecksum: 0,
    verdict: { state: "damaged", reason: fault },
    dictionary: undefined,
    fault,
  };
}

type LayoutFacts = Pick<
  FrameFacts,
  "contentSize" | "parts" | "partsLeftOut" | "frameCount" | "frameCountIsExact"
>;

/** The parts of a file: from parsing it, from its seek table, or as far as its first bytes tell. */
function layoutOf(
  walker: FrameWalker,
  size: number,
  { isWhole, table }: { readonly isWhole: boolean; readonly table: readonly Part[] | undefined },
): LayoutFacts {
  const { partsLeftOut, frameCount, header } = walker;
  if (table !== undefined) {
    const frames = table.filter(({ kind }) => kind === "frame");
    const contentSize = frames.reduce((sum, part) => sum + part.contentSize!, 0);
    return { contentSize, parts: table, partsLeftOut: 0, frameCount: frames.length, frameCountIsExact: true };
  }
  if (isWhole) {
    const { parts, contentSize } = walker;
    const isOpen = walker.fault?.code === "TRUNCATED" && walker.openStart < size;
    const last: Part[] = isOpen
      ? [{ kind: "frame", start: walker.openStart, end: size, contentSize: undefined }]
      : [];
    const declared = frameCount === 0 && isOpen ? header?.contentSize : contentSize;
    return {
      contentSize: declared,
      parts: [...parts, ...last],
      partsLeftOut,
      frameCount: frameCount + last.length,
      frameCountIsExact: true,
    };
  }
  // Only the first bytes are known: what follows the frames in them is shown as not read.
  const open = walker.openStart;
  const only = walker.parts.length === 0;
  const parts: Part[] = only
    ? [{ kind: "frame", start: 0, end: size, contentSize: header?.contentSize }]
    : walker.parts;
  return {
    contentSize: only ? header?.contentSize : undefined,
    parts,
    partsLeftOut,
    frameCount: frameCount + (open < size ? 1 : 0),
    frameCountIsExact: false,
  };
}

/** The parts that a seek table lists; undefined if there is none, or if it is too long to be read without `whole`. */
async function tableOf({ size, tail, readEnd }: FrameBytes): Promise<readonly Part[] | undefined> {
  const tableSize = tableSizeOf(tail, size);
  if (tableSize === undefined || tableSize > WHOLE_MAX) return undefined;
  const end = tableSize > tail.length ? await readEnd(size - tableSize) : tail;
  const table = readTable(end, size);
  if (table === undefined) return undefined;
  const version = findVersionFrame(table);
  const parts: Part[] = [];
  for (let index = 0; index < table.frameCount; index++) {
    const { start, end: to, contentStart, contentEnd } = table.frame(index);
    const kind = start === version?.start ? "version" : "frame";
    parts.push({ kind, start, end: to, contentSize: contentEnd - contentStart });
  }
  return [...parts, { kind: "table", start: table.compressedSize, end: size, contentSize: 0 }];
}

const noMore = (): Promise<Uint8Array> => Promise.resolve(new Uint8Array(0));

function fromRaw({ size, head, tail, read }: Source): FrameBytes {
  return { size, head, tail, readEnd: (start) => read(start, size) };
}

/** The frames in base64: its first and last bytes, cut at the end of a group of four characters. */
function fromText({ size, head, tail, read }: Source): FrameBytes {
  const length = size - TEXT_PREFIX_SIZE;
  const decode = (text: Uint8Array): Uint8Array => {
    const bytes = length % 4 === 0 ? decodeBase64(utf8Lossy(text), 0) : undefined;
    if (bytes !== undefined) return bytes;
    throw new ZstashError("CORRUPT", "Cannot read the value: what follows zs1: is not base64");
  };
  const last = tail.length > 0 ? tail : head;
  const padding = last.subarray(-2).filter((byte) => byte === 0x3d).length;
  const body = head.subarray(TEXT_PREFIX_SIZE);
  const framesSize = Math.max(0, (length / 4) * 3 - padding);
  return {
    size: framesSize,
    head: decode(tail.length === 0 ? body : body.subarray(0, body.length & ~3)),
    tail: decode(tail.subarray(tail.length % 4)),
    async readEnd(start) {
      const from = Math.floor(start / 3);
      return decode(await read(TEXT_PREFIX_SIZE + from * 4, size)).subarray(start - from * 3);
    },
  };
}
