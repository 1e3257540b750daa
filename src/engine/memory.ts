/** The linear memory of one WebAssembly instance: allocation, and copying bytes and text into it. */
import { ZstashError } from "../errors.ts";
import { utf8Encoder } from "../text.ts";
import type { ZstashExports } from "./exports.ts";

/** Bytes `[address, address + capacity)` of linear memory. */
export interface Area {
  readonly address: number;
  readonly capacity: number;
  /** True if `release` frees the area. */
  readonly owned: boolean;
  /** The number of input bytes at its front. */
  size: number;
}

/** Scratch areas stay allocated for small values; larger ones live for one call. */
const SCRATCH_SIZE = 64 << 10;

/** Copies of at least this size are made of a view, smaller ones by `slice`. */
const COPY_SIZE = 32 << 10;

/** The most bytes of one area in wasm32's 4 GiB. */
const SIZE_MAX = 0x7fff0000;

/** Allocates in linear memory and copies into it. Views of it stay within `engine/`. */
export class LinearMemory {
  readonly #exports: ZstashExports;
  readonly #scratch = { source: 0, destination: 0 };
  #view: Uint8Array<ArrayBuffer>;

  constructor(exports: ZstashExports) {
    this.#exports = exports;
    this.#view = new Uint8Array(exports.memory.buffer);
  }

  /** Linear memory in bytes. It never shrinks. */
  get size(): number {
    return this.bytes().length;
  }

  /** All of the memory. Growing it detaches earlier views, so ask again after any call that may allocate. */
  bytes(): Uint8Array<ArrayBuffer> {
    // That of a detached buffer has no bytes; to ask the memory for its buffer takes 20–40 ns.
    if (this.#view.length === 0) this.#view = new Uint8Array(this.#exports.memory.buffer);
    return this.#view;
  }

  /** A copy of `size` bytes from an address on. */
  copy(address: number, size: number): Uint8Array<ArrayBuffer> {
    const bytes = this.bytes();
    // Engines fill a slice with zeros first. The other way takes two thirds of its time at a megabyte, and more below.
    return size < COPY_SIZE
      ? bytes.slice(address, address + size)
      : new Uint8Array(bytes.subarray(address, address + size));
  }

  /** Gets `capacity` bytes for one call: the scratch area of that role if they fit, otherwise an allocation. */
  borrow(capacity: number, role: "source" | "destination"): Area {
    if (capacity > SCRATCH_SIZE) return this.allocate(capacity);
    this.#scratch[role] ||= this.allocate(SCRATCH_SIZE).address;
    return { address: this.#scratch[role], capacity: SCRATCH_SIZE, owned: false, size: 0 };
  }

  /** Gets `capacity` bytes until `release`. */
  allocate(capacity: number): Area {
    const address = capacity > SIZE_MAX ? 0 : this.#exports.zstash_malloc(capacity) >>> 0;
    if (address === 0) throw outOfMemory(capacity);
    return { address, capacity, owned: true, size: 0 };
  }

  release(area: Area): void {
    if (area.owned) this.#exports.zstash_free(area.address);
  }

  /** Copies bytes in until `release`; 0 bytes need no memory. */
  keepBytes(source: Uint8Array): Area {
    const area = this.allocate(Math.max(1, source.length));
    this.bytes().set(source, area.address);
    area.size = source.length;
    return area;
  }

  /** Copies bytes in. */
  placeBytes(source: Uint8Array): Area {
    const area = this.borrow(source.length, "source");
    this.bytes().set(source, area.address);
    area.size = source.length;
    return area;
  }
}

/**
 * Encodes text directly into memory: in one pass for text that is ASCII except for one character in 64; the rest of
 * other text goes into a larger area.
 */
export function placeText(memory: LinearMemory, source: string): Area {
  const area = memory.borrow(source.length + (source.length >>> 6), "source");
  const read = appendText(memory, area, source);
  if (read === source.length) return area;
  try {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const larger = memory.allocate(area.size + (source.length - read) * 3);
    memory.bytes().copyWithin(larger.address, area.address, area.address + area.size);
    larger.size = area.size;
    appendText(memory, larger, source.slice(read));
    return larger;
  } finally {
    memory.release(area);
  }
}

/** Encodes as much of a text as fits after the area's input. Returns the number of its UTF-16 code units. */
export function appendText(memory: LinearMemory, area: Area, text: string): number {
  const { address, capacity, size } = area;
  const room = memory.bytes().subarray(address + size, address + capacity);
  const { read, written } = utf8Encoder.encodeInto(text, room);
  area.size += written;
  return read;
}

/** Throws OUT_OF_MEMORY for a null pointer of libzstd's constructors. */
export function requireAddress(address: number): number {
  if (address === 0) throw outOfMemory();
  return address >>> 0;
}

function outOfMemory(size?: number): ZstashError {
  const amount = size === undefined ? "a context" : `${size} bytes`;
  return new ZstashError("OUT_OF_MEMORY", `Cannot allocate ${amount} in WebAssembly memory`);
}
