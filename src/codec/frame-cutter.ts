import { readFrameHeader } from "../format/frame.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";

/** The least bound on a frame, in bytes: a header, a checksum and fifty bytes of content. */
export const MAX_FRAME_SIZE_MIN = 64;
/** The most content a frame gets, in bytes, however well it compresses: bounds the memory of writer and reader. */
export const FRAME_CONTENT_MAX: number = 1 << 20;

/** What a cutter aims at, as a share of the room: at 1 every other frame would miss. */
const AIM = 0.97;
/** After a miss, as a share of what its measured ratio promises: less content compresses a little worse. */
const AIM_AFTER_MISS = 0.95;
/** A frame that fills less of the bound is tried again with more content. */
const FILL_ENOUGH = 0.8;
/** Content grows at most so many times from one try to the next: what a miss wastes stays in proportion. */
const GROWTH_MAX = 4;
/** A retry for less gain than this is not worth its time. */
const GAIN_MIN = 1.03;
const TRIES_MAX = 4;
/** Header, block header and checksum of a frame of 256…65791 bytes: what is assumed until a frame has been seen. */
const TYPICAL_OVERHEAD = 14;
const BLOCK_HEADER_SIZE = 3;
const CHECKSUM_SIZE = 4;

/** One whole frame and the bytes of content in it. */
export interface CutFrame {
  readonly frame: Uint8Array;
  readonly contentSize: number;
}

/**
 * Cuts bytes into frames that are at most `maxFrameSize` bytes *compressed*, each as full as it can be made.
 *
 * How much content fits is known only after compressing it, so it is estimated from the ratio of the frames before,
 * and tried again on a miss. Tries never exceed twice the frames: what a frame does not use is left to later ones,
 * and the last try that it has is for as much content as fits even as raw blocks.
 *
 * It buffers up to 2 MiB, and cuts where it holds as much as it expects to fit; how the input is divided into pushes
 * can move the cuts.
 */
export class FrameCutter {
  readonly #compress: (content: Uint8Array) => Uint8Array;
  readonly #bound: number;
  #buffer: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;
  /** Content bytes a byte of payload holds, running; and what of a frame is not payload. */
  #ratio = 1;
  #overhead: number = TYPICAL_OVERHEAD;
  #lastSize: number;
  #frames = 0;
  #tries = 0;
  #attempted = 0;

  /** `compress` makes one frame of its argument, and keeps no reference to it. */
  constructor(compress: (content: Uint8Array) => Uint8Array, maxFrameSize: number) {
    this.#compress = compress;
    this.#bound = maxFrameSize;
    this.#lastSize = this.#floor();
  }

  /** Frames made so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Compressions so far: at most twice the frames. */
  get tries(): number {
    return this.#tries;
  }

  /** Bytes of content compressed so far, repeats included. */
  get attempted(): number {
    return this.#attempted;
  }

  /** Takes all of `bytes`, which are copied, and yields the frames that are due. */
  *push(bytes: Uint8Array): Generator<CutFrame, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      at += this.#append(bytes.subarray(at));
      while (this.#end - this.#start >= this.#target(this.#ratio, AIM)) yield this.#cut();
    }
  }

  /** Yields what is left; of no input at all one empty frame. */
  *finish(): Generator<CutFrame, void, undefined> {
    while (this.#end > this.#start) yield this.#cut();
    if (this.#frames === 0) yield this.#cut();
    this.#buffer = new Uint8Array(0);
  }

  /** Makes the next frame from what is buffered. */
  #cut(): CutFrame {
    const available = Math.min(this.#end - this.#start, FRAME_CONTENT_MAX);
    const budget = Math.min(TRIES_MAX, 2 * (this.#frames + 1) - this.#tries);
    let fit: CutFrame | undefined;
    let size = Math.min(available, this.#target(this.#ratio, AIM));
    let missed = Infinity;
    for (let left = budget - 1; ; left--) {
      const frame = this.#try(size);
      const ratio = this.#ratioOf(size, frame);
      let next: number;
      if (frame.length <= this.#bound) {
        if (fit === undefined || size > fit.contentSize) fit = { frame, contentSize: size };
        if (frame.length >= FILL_ENOUGH * this.#bound) break;
        next = Math.min(available, missed - 1, size * GROWTH_MAX, this.#target(ratio, AIM));
      } else {
        missed = Math.min(missed, size);
        next = this.#target(ratio, AIM_AFTER_MISS);
        if (fit !== undefined) next = Math.min(next, (fit.contentSize + missed) >>> 1);
      }
      if (fit !== undefined) {
        if (left === 0 || next < fit.contentSize * GAIN_MIN) break;
        size = next;
      } else if (left === 0) {
        // The floor itself did not fit: no zstd does that, but the bound is a promise. A stored frame has no checksum.
        fit = { frame: writeRawBlocks(this.#content(size)), contentSize: size };
        break;
      } else {
        // The floor is at most the size that missed: a first miss with a dictionary's id in its header lowers it.
        size = left === 1 ? this.#floor() : next;
      }
    }
    this.#learn(fit, missed < Infinity);
    this.#start += fit.contentSize;
    return fit;
  }

  #try(size: number): Uint8Array {
    const frame = this.#compress(this.#content(size));
    const { headerSize, checksum } = readFrameHeader(frame);
    this.#overhead = headerSize + BLOCK_HEADER_SIZE + (checksum ? CHECKSUM_SIZE : 0);
    this.#tries += 1;
    this.#attempted += size;
    return frame;
  }

  /** A miss says that the data have changed: what came before it is forgotten. */
  #learn({ frame, contentSize }: CutFrame, missed: boolean): void {
    const ratio = this.#ratioOf(contentSize, frame);
    this.#ratio = missed ? ratio : Math.sqrt(this.#ratio * ratio);
    this.#lastSize = contentSize;
    this.#frames += 1;
  }

  #ratioOf(size: number, frame: Uint8Array): number {
    return size / Math.max(1, frame.length - this.#overhead);
  }

  /** Content that should fit at a ratio; never less than what fits at any. */
  #target(ratio: number, aim: number): number {
    const estimate = Math.floor((this.#bound - this.#overhead) * ratio * aim);
    return Math.max(this.#floor(), Math.min(estimate, this.#lastSize * GROWTH_MAX, FRAME_CONTENT_MAX));
  }

  /** The most content that fits into a frame of raw blocks. */
  #floor(): number {
    const moreBlocks = Math.ceil(this.#bound / BLOCK_SIZE_MAX) - 1;
    const room = this.#bound - this.#overhead - moreBlocks * BLOCK_HEADER_SIZE;
    return Math.min(room, FRAME_CONTENT_MAX);
  }

  #content(size: number): Uint8Array {
    return this.#buffer.subarray(this.#start, this.#start + size);
  }

  /** Copies as much of `bytes` as there is room for, at least one byte; says how much. */
  #append(bytes: Uint8Array): number {
    if (this.#end === this.#buffer.length) this.#makeRoom();
    const taken = bytes.subarray(0, this.#buffer.length - this.#end);
    this.#buffer.set(taken, this.#end);
    this.#end += taken.length;
    return taken.length;
  }

  /** Twice the target and more, so that every byte is moved once or twice, and never past 2 MiB. */
  #makeRoom(): void {
    const held = this.#end - this.#start;
    const wanted = Math.min(2 * FRAME_CONTENT_MAX, Math.max(16384, 2 * this.#target(this.#ratio, AIM)));
    if (this.#buffer.length < wanted) {
      const grown = new Uint8Array(Math.min(2 * FRAME_CONTENT_MAX, 2 * wanted));
      grown.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = grown;
    } else {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = held;
  }
}
