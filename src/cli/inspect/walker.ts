/** Parses frames as their bytes arrive: where each one begins and ends, and which blocks it has. */
import { ZstashError } from "../../errors.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeaderAt } from "../../format/frame.ts";
import type { FrameHeader } from "../../format/frame.ts";
import { SEEK_TABLE_MAGIC } from "../../format/seek-table.ts";
import { VERSION_FRAME_SIZE, VERSION_MAGIC } from "../../format/version-frame.ts";

/** The most parts and blocks that are kept; later ones are only counted. */
const PARTS_MAX = 100_000;
const BLOCKS_MAX = 10_000;
const CHECKSUM_SIZE = 4;

/** The kinds of parts in a file of frames. */
export type PartKind = "frame" | "version" | "table" | "skippable";

/** A frame of a file, at `[start, end)`. */
export interface Part {
  readonly kind: PartKind;
  readonly start: number;
  readonly end: number;
  /** Bytes of content, as its header or the seek table declares; undefined if neither does. */
  readonly contentSize: number | undefined;
}

/** The types of blocks (RFC 8878 §3.1.1.2.2): stored as it is, one repeated byte, compressed. */
export const BLOCK_TYPES = ["raw", "RLE", "compressed"] as const;
export type BlockType = (typeof BLOCK_TYPES)[number];

/** A block of the first frame, including its header, at `[start, end)`. */
export interface Block {
  readonly type: BlockType;
  readonly start: number;
  readonly end: number;
}

/** Takes the bytes of a file in order. Bytes that are not a frame end the walk with a fault. */
export class FrameWalker {
  /** The parts that have ended. */
  readonly parts: Part[] = [];
  /** The number of parts that are not kept. */
  partsLeftOut = 0;
  /** The blocks of the first frame. */
  readonly blocks: Block[] = [];
  /** The number of blocks of all frames, by type. */
  readonly blockCounts: Record<BlockType, number> = { raw: 0, RLE: 0, compressed: 0 };
  /** The header of the first frame with content. */
  header: FrameHeader | undefined;
  /** The number of ended frames without a checksum. */
  withoutChecksum = 0;
  frameCount = 0;
  /** The content size of the ended frames; undefined once one of them does not declare it. */
  contentSize: number | undefined = 0;
  /** Why the walk ended before the bytes did. */
  fault: ZstashError | undefined;

  /** The number of bytes that have arrived. */
  #at = 0;
  /** The number of following bytes to skip. */
  #skip = 0;
  /** Bytes of a header that have arrived so far. */
  #held = new Uint8Array(FRAME_HEADER_SIZE_MAX);
  #heldSize = 0;
  #start = 0;
  #current: FrameHeader | undefined;
  #kind: PartKind = "frame";
  #last = false;

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && this.fault === undefined;) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, bytes.length - at);
        this.#skip -= step;
        this.#at += step;
        at += step;
      } else {
        this.#held[this.#heldSize++] = bytes[at++]!;
        this.#at += 1;
        if (this.#current === undefined) this.#tryHeader();
        else if (this.#heldSize === 3) this.#block();
      }
      if (this.#skip === 0 && this.#last) this.#end();
    }
  }

  /** Tells that no more bytes come: a part that has not ended is truncated. */
  finish(): void {
    if (this.fault !== undefined || (this.#current === undefined && this.#heldSize === 0)) return;
    const frame = this.parts.length + this.partsLeftOut;
    const place = { frame, offset: this.#at };
    this.fault = new ZstashError("TRUNCATED", `it ends inside frame ${frame}, at byte ${this.#at}`, place);
  }

  /** The offset of the frame that has not ended. */
  get openStart(): number {
    return this.#start;
  }

  #tryHeader(): void {
    const held = this.#held.subarray(0, this.#heldSize);
    if (this.#heldSize === 1) this.#start = this.#at - 1;
    try {
      this.#current = readFrameHeaderAt(held, 0, this.parts.length);
    } catch (error) {
      if (!(error instanceof ZstashError)) throw error;
      if (error.code === "TRUNCATED" && this.#heldSize < FRAME_HEADER_SIZE_MAX) return;
      // Fewer than four bytes may still become the magic number of one.
      if (error.code === "NOT_ZSTD" && this.#heldSize < 4) return;
      const what = this.parts.length === 0 ? error.message : "bytes that are no frame follow the last one";
      this.fault = error.with({ message: `${reasonOf(what)}, at byte ${this.#start}`, offset: this.#start });
      return;
    }
    const header = this.#current;
    this.#heldSize = 0;
    this.#kind = header.type === "frame" ? "frame" : kindOf(held, header.contentSize!);
    this.#last = header.type === "skippable";
    if (header.type === "skippable") this.#skip = header.contentSize!;
    else this.header ??= header;
  }

  #block(): void {
    const [low, middle, high] = this.#held as unknown as [number, number, number];
    const word = low | (middle << 8) | (high << 16);
    this.#heldSize = 0;
    const type = BLOCK_TYPES[(word >> 1) & 3];
    if (type === undefined) {
      const offset = this.#at - 3;
      this.fault = new ZstashError("CORRUPT", `a block at byte ${offset} has the reserved type`, { offset });
      return;
    }
    const size = type === "RLE" ? 1 : word >> 3;
    this.blockCounts[type] += 1;
    if (this.frameCount === 0 && this.blocks.length < BLOCKS_MAX)
      this.blocks.push({ type, start: this.#at - 3, end: this.#at + size });
    this.#last = (word & 1) !== 0;
    this.#skip = size + (this.#last && this.#current!.checksum ? CHECKSUM_SIZE : 0);
  }

  #end(): void {
    const { contentSize, type, checksum } = this.#current!;
    if (type === "frame") {
      this.frameCount += 1;
      if (!checksum) this.withoutChecksum += 1;
      this.contentSize =
        this.contentSize === undefined || contentSize === undefined
          ? undefined
          : this.contentSize + contentSize;
    }
    const content = type === "frame" ? contentSize : 0;
    const part = { kind: this.#kind, start: this.#start, end: this.#at, contentSize: content };
    if (this.parts.length < PARTS_MAX) this.parts.push(part);
    else this.partsLeftOut += 1;
    this.#current = undefined;
    this.#last = false;
  }
}

/** The kind of a skippable frame, by its magic number and the size of its payload. */
function kindOf(header: Uint8Array, size: number): PartKind {
  const magic = new DataView(header.buffer, header.byteOffset).getUint32(0, true);
  if (magic === SEEK_TABLE_MAGIC) return "table";
  return magic === VERSION_MAGIC && size === VERSION_FRAME_SIZE - header.length ? "version" : "skippable";
}

/** The part of a message after "Cannot X: ". */
export function reasonOf(message: string): string {
  return message.replace(/^Cannot [^:]*: /, "");
}
