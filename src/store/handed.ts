/** Keeps the proof that later bytes of a value come from the same write as those that were already passed on. */
import { concatenate } from "../bytes.ts";
import { FRAME_HEADER_SIZE_MAX } from "../format/frame.ts";
import { CARRIER_HEAD_SIZE } from "../value/carrier.ts";
import { FirstFrame } from "../format/first-frame.ts";
import { formOf, type StoredForm } from "../value/form.ts";
import { TAIL_SIZE } from "./slice.ts";
import { canHash, sha1, type Known } from "./unversioned.ts";

/** The fewest bytes that are hashed at once; hashing takes 1 ms a MB. A download holds them back until then. */
const HASHED = 256 << 10;

/**
 * The part of a value that was passed on, from its start.
 *
 * The checksum of a frame proves what was passed on of it, if the rest of the frame is decoded too. Everything else
 * is hashed on its way: bytes after the first frame, frames without a checksum, base64 and uncompressed values.
 */
export class Handed {
  /** The number of bytes that were passed on. */
  size = 0;
  /** The first of them: enough for a frame's header. */
  head: Uint8Array = new Uint8Array(0);
  /** The last of them, at most `TAIL_SIZE`. */
  last: Uint8Array = new Uint8Array(0);
  readonly frame: FirstFrame = new FirstFrame();
  /** Whether a checksum may be the proof: only if frames are decoded. */
  readonly #decoded: boolean;
  /** The size of the value in bytes. */
  readonly #total: number;
  readonly #hashes: Promise<Known>[] = [];
  /** A copy of the bytes that are not hashed yet: their reader may change them. */
  #buffer: Uint8Array<ArrayBuffer> | undefined;
  /** The number of bytes in it. */
  #held = 0;

  constructor(total: number, decoded: boolean) {
    this.#total = total;
    this.#decoded = decoded;
  }

  /** The form of the value; undefined while too little was passed on. */
  get form(): StoredForm | undefined {
    return this.head.length < CARRIER_HEAD_SIZE ? undefined : formOf(this.head);
  }

  /** True if the first frame has a checksum and has not ended: it will prove what was passed on. */
  get insideFrame(): boolean {
    return this.#decoded && this.frame.hasHeader && this.frame.checksum && this.frame.end === undefined;
  }

  /** Takes the next bytes. */
  push(bytes: Uint8Array): void {
    const start = this.size;
    this.size += bytes.length;
    if (this.head.length < FRAME_HEADER_SIZE_MAX) {
      this.head = concatenate([this.head, bytes.subarray(0, FRAME_HEADER_SIZE_MAX - this.head.length)]);
    }
    if (this.form !== "plain" && this.form !== "text") this.frame.push(bytes);
    const before = this.last;
    this.last = concatenate([before, bytes.subarray(-TAIL_SIZE)]).slice(-TAIL_SIZE);
    if (this.insideFrame) return this.#forget();
    const { end = 0, checksum } = this.frame;
    if (!this.#decoded || !checksum || end <= start) return this.#hold(bytes);
    // The frame has ended in these bytes: its last ones, which include the checksum, stand for it.
    this.#forget();
    const proof = concatenate([before, bytes.subarray(0, end - start)]).slice(-TAIL_SIZE);
    this.#hashes.push(hashed(end - proof.length, end, proof));
    this.#hold(bytes.subarray(end - start));
  }

  /** What the server must still have of the same write; undefined if nothing can be hashed. */
  async known(): Promise<readonly Known[] | undefined> {
    if (this.#held > 0) this.#flush(this.size);
    if (!canHash() && this.#hashes.length > 0) return undefined;
    return Promise.all(this.#hashes);
  }

  #hold(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      this.#buffer ??= new Uint8Array(Math.min(HASHED, this.#total));
      const part = bytes.subarray(at, at + this.#buffer.length - this.#held);
      this.#buffer.set(part, this.#held);
      this.#held += part.length;
      at += part.length;
      if (this.#held === HASHED) this.#flush(this.size - bytes.length + at);
    }
  }

  /** Hashes the held bytes, which end at `end`. The platform copies them at once, so their memory is used again. */
  #flush(end: number): void {
    const bytes = this.#buffer!.subarray(0, this.#held);
    this.#hashes.push(hashed(end - bytes.length, end, bytes));
    this.#held = 0;
  }

  /** The held bytes are proven in another way. */
  #forget(): void {
    this.#buffer = undefined;
    this.#held = 0;
  }
}

async function hashed(start: number, end: number, bytes: Uint8Array): Promise<Known> {
  return { start, end, hash: canHash() ? await sha1(bytes) : "" };
}
