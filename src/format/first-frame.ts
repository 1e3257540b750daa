/** Finds the end of the first frame of a value as its bytes arrive, from its block headers. */
import { concatenate } from "../bytes.ts";
import { FRAME_HEADER_SIZE_MAX, readFrameHeader } from "./frame.ts";

/** Parses the first frame of a value. Bytes that are not a frame never end. */
export class FirstFrame {
  /** The number of bytes that were parsed. */
  #walked = 0;
  #header: Uint8Array | undefined = new Uint8Array(0);
  /** True if a checksum ends the frame. */
  checksum = false;
  /** Offset of the next block header, or of the end. */
  #next = 0;
  /** Bytes of a block header that have arrived so far. */
  #block: number[] = [];
  #last = false;
  /** True if the first bytes are not a frame header. */
  #broken = false;
  /** The offset of the frame's end; undefined until it is known. */
  end: number | undefined;

  /** True once the header was read; never true for bytes that are not a frame. */
  get hasHeader(): boolean {
    return this.#header === undefined && !this.#broken;
  }

  /** Takes the next bytes. Returns true once the frame's end is among them or before them. */
  push(bytes: Uint8Array): boolean {
    if (this.end !== undefined) return true;
    if (this.#broken) return false;
    const start = this.#walked;
    this.#walked += bytes.length;
    if (this.#header !== undefined) {
      this.#header = concatenate([this.#header, bytes.subarray(0, FRAME_HEADER_SIZE_MAX)]);
      try {
        const { headerSize, checksum } = readFrameHeader(this.#header);
        this.checksum = checksum;
        this.#next = headerSize;
      } catch {
        this.#broken = this.#header.length >= FRAME_HEADER_SIZE_MAX;
        return false;
      }
      this.#header = undefined;
    }
    while (!this.#last && this.#next + this.#block.length < this.#walked) {
      const at = this.#next + this.#block.length - start;
      // A header of at most 18 bytes can begin in earlier chunks only if they were shorter.
      if (at < 0) return false;
      this.#block.push(bytes[at]!);
      if (this.#block.length < 3) continue;
      const [low, middle, high] = this.#block as [number, number, number];
      const block = low | (middle << 8) | (high << 16);
      this.#block = [];
      this.#last = (block & 1) !== 0;
      // A run-length block stores only one byte (RFC 8878 §3.1.1.2.2).
      this.#next += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
    }
    if (!this.#last) return false;
    const end = this.#next + (this.checksum ? 4 : 0);
    if (end > this.#walked) return false;
    this.end = end;
    return true;
  }
}
