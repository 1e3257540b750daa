/** Cuts content so that each frame, compressed, fits a bound and fills it well. */
import { ByteBuffer } from "../byte-buffer.ts";
import { readFrameHeader } from "../format/frame.ts";
import { writeRawBlocks } from "../format/raw-blocks.ts";
import { BLOCK_SIZE_MAX } from "../limits.ts";

/** The most content of a frame, in bytes, however well it compresses: this bounds the memory of writers and readers. */
export const FRAME_CONTENT_MAX: number = 1 << 20;
/** The most content that is buffered, in bytes: twice what a frame can take. */
const BUFFER_SIZE: number = 2 * FRAME_CONTENT_MAX;
/** The least content that is buffered, in bytes, if there is that much: small targets grow quickly. */
const BUFFER_FIRST: number = 32 << 10;

/** The share of the bound that a frame aims at: at 1 every other frame would miss. */
const AIM = 0.97;
/** The same after a miss: less content compresses a little worse. */
const AIM_AFTER_MISS = 0.95;
/** A frame that fills less than this share of the bound is tried again with more content. */
const FILL_ENOUGH = 0.8;
/** Content grows by at most this factor from one try to the next, so that a miss wastes little. */
const GROWTH_MAX = 4;
/** A retry that gains less than this factor is not worth its time. */
const GAIN_MIN = 1.03;
const TRIES_MAX = 4;
/** The magic number and the frame header descriptor (RFC 8878 §3.1.1.1). */
const HEADER_SIZE_MIN = 5;
const BLOCK_HEADER_SIZE = 3;
const CHECKSUM_SIZE = 4;

/** Makes one frame; returns a promise if the event loop has to run meanwhile. */
type Compress = (content: Uint8Array) => Uint8Array<ArrayBuffer> | Promise<Uint8Array<ArrayBuffer>>;

/** One whole frame and the number of content bytes in it. */
export interface CutFrame {
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly contentSize: number;
}

/**
 * Cuts bytes into frames that are at most `maxFrameSize` bytes *compressed*, each as full as it can be made.
 *
 * How much content fits is known only after compressing it. So it is estimated from the ratio of the previous frames,
 * and tried again after a miss. There are never more than two tries for each frame: a frame leaves the tries that it
 * does not use to later ones, and its last try takes as much content as fits even in raw blocks.
 *
 * It buffers up to 2 MiB, and cuts when it holds as much as it expects to fit. How the input is divided into pushes
 * can move the cuts.
 */
export class FrameCutter {
  readonly #compress: Compress;
  readonly #bound: number;
  #buffer: ByteBuffer = new ByteBuffer(BUFFER_SIZE, BUFFER_FIRST);
  /** Content bytes for each byte of payload, as a running mean. */
  #ratio = 1;
  /** The most content bytes of a block. */
  readonly #blockSize: number;
  readonly #windowSize: number;
  /** Bytes of a checksum and a dictionary id: assumed until a frame has been seen. */
  #extras: number = CHECKSUM_SIZE;
  /** The most content that fits into a frame of raw blocks. */
  #floor: number;
  #lastSize: number;
  #frames = 0;
  #tries = 0;
  #attempted = 0;

  /** `compress` makes one frame of its argument, with a window of at least `windowSize`, and keeps no reference to it. */
  constructor(compress: Compress, maxFrameSize: number, windowSize: number = FRAME_CONTENT_MAX) {
    this.#compress = compress;
    this.#bound = maxFrameSize;
    this.#windowSize = windowSize;
    // Block_Maximum_Size (RFC 8878 §3.1.1.2.4).
    this.#blockSize = Math.min(windowSize, BLOCK_SIZE_MAX);
    this.#floor = this.#rawContent();
    this.#lastSize = this.#floor;
  }

  /** Frames made so far. */
  get frames(): number {
    return this.#frames;
  }

  /** Compressions so far: at most twice the frames. */
  get tries(): number {
    return this.#tries;
  }

  /** Bytes of content compressed so far, including repeated tries. */
  get attempted(): number {
    return this.#attempted;
  }

  /** Takes all of `bytes`, which are copied, and yields the frames that are complete. */
  async *push(bytes: Uint8Array): AsyncGenerator<CutFrame, void, undefined> {
    for (let at = 0; at < bytes.length;) {
      const room = this.#wanted() - this.#buffer.length;
      this.#buffer.append(bytes.subarray(at, at + room));
      at += room;
      while (this.#buffer.length >= this.#target(this.#ratio, AIM)) yield await this.#cut();
    }
  }

  /** Yields the rest; one empty frame if there was no input. */
  async *finish(): AsyncGenerator<CutFrame, void, undefined> {
    while (this.#buffer.length > 0) yield await this.#cut();
    if (this.#frames === 0) yield await this.#cut();
    this.#buffer = new ByteBuffer(BUFFER_SIZE, BUFFER_FIRST);
  }

  /** Makes the next frame from the buffer. */
  async #cut(): Promise<CutFrame> {
    const available = Math.min(this.#buffer.length, FRAME_CONTENT_MAX);
    const budget = Math.min(TRIES_MAX, 2 * (this.#frames + 1) - this.#tries);
    let fit: CutFrame | undefined;
    let size = Math.min(available, this.#target(this.#ratio, AIM));
    let missed = Infinity;
    for (let left = budget - 1; ; left--) {
      const frame = await this.#try(size);
      const ratio = this.#ratioOf(size, frame);
      let next: number;
      if (frame.length <= this.#bound) {
        if (fit === undefined || size > fit.contentSize) fit = { frame, contentSize: size };
        if (frame.length >= FILL_ENOUGH * this.#bound) break;
        next = Math.min(available, missed - 1, size * GROWTH_MAX, this.#target(ratio, AIM));
      } else {
        missed = Math.min(missed, size);
        next = Math.min(missed - 1, this.#target(ratio, AIM_AFTER_MISS));
        if (fit !== undefined) next = Math.min(next, (fit.contentSize + missed) >>> 1);
      }
      if (fit !== undefined) {
        if (left === 0 || next < fit.contentSize * GAIN_MIN) break;
        size = next;
      } else if (left === 0) {
        // The floor itself did not fit. zstd never does that, but the bound is a promise. Raw blocks have no
        // checksum.
        fit = { frame: writeRawBlocks(this.#content(size)), contentSize: size };
        break;
      } else {
        // A size that missed is above the floor; if the floor missed, the last try repeats it.
        size = left === 1 ? Math.min(size, this.#floor) : Math.max(1, next);
      }
    }
    this.#learn(fit, missed < Infinity);
    this.#buffer.drop(fit.contentSize);
    return fit;
  }

  async #try(size: number): Promise<Uint8Array<ArrayBuffer>> {
    const frame = await this.#compress(this.#content(size));
    const { headerSize, checksum } = readFrameHeader(frame);
    this.#extras = headerSize - this.#headerSize(size) + (checksum ? CHECKSUM_SIZE : 0);
    this.#floor = this.#rawContent();
    this.#tries += 1;
    this.#attempted += size;
    return frame;
  }

  /** After a miss the data have changed, so earlier ratios are forgotten. */
  #learn({ frame, contentSize }: CutFrame, missed: boolean): void {
    const ratio = this.#ratioOf(contentSize, frame);
    this.#ratio = missed ? ratio : Math.sqrt(this.#ratio * ratio);
    this.#lastSize = contentSize;
    this.#frames += 1;
  }

  #ratioOf(size: number, frame: Uint8Array): number {
    return size / Math.max(1, frame.length - this.#overhead(size));
  }

  /** Content that should fit at a ratio; never less than what always fits. */
  #target(ratio: number, aim: number): number {
    const estimate = Math.floor((this.#bound - this.#overhead(this.#lastSize)) * ratio * aim);
    return Math.max(this.#floor, Math.min(estimate, this.#lastSize * GROWTH_MAX, FRAME_CONTENT_MAX));
  }

  /** The most content that fits into a frame of raw blocks. */
  #rawContent(): number {
    // The overhead for as much content as the bound is at least that for the content that is left, and nearly always
    // the same.
    const least = Math.min(FRAME_CONTENT_MAX, this.#bound - this.#overhead(this.#bound));
    const most = Math.min(FRAME_CONTENT_MAX, this.#bound - this.#overhead(least));
    return most + this.#overhead(most) <= this.#bound ? most : least;
  }

  /** Bytes of a frame that are not payload, for an amount of content in full blocks. */
  #overhead(size: number): number {
    const blocks = Math.max(1, Math.ceil(size / this.#blockSize));
    return this.#headerSize(size) + this.#extras + blocks * BLOCK_HEADER_SIZE;
  }

  /** Bytes of the header of a frame for an amount of content, without a dictionary id (RFC 8878 §3.1.1.1). */
  #headerSize(size: number): number {
    const contentSizeSize = size < 256 ? 1 : size < 65536 + 256 ? 2 : 4;
    return HEADER_SIZE_MIN + contentSizeSize + (size > this.#windowSize ? 1 : 0);
  }

  #content(size: number): Uint8Array {
    return this.#buffer.bytes.subarray(0, size);
  }

  /** Content to hold before a cut: more than the target, so that a frame which compresses better can take more. */
  #wanted(): number {
    return Math.min(BUFFER_SIZE, Math.max(BUFFER_FIRST, 4 * this.#target(this.#ratio, AIM)));
  }
}
