/** Linear memory of one WebAssembly instance: allocation, and copies of bytes and text into it. */
import { ZstashError } from "../errors.ts";
import { utf8Encoder } from "../text.ts";
import type { ZstashExports } from "./exports.ts";

/** Bytes `[address, address + capacity)` of linear memory; `owned` ones are freed by `release`. */
export interface Area {
  readonly address: number;
  readonly capacity: number;
  readonly owned: boolean;
}

/** An area whose first `size` bytes are input. */
export interface FilledArea extends Area {
  readonly size: number;
}

/** Scratch areas stay allocated for small values; larger ones live for one call. */
const SCRATCH_SIZE = 64 << 10;

/** The most one area may take of wasm32's 4 GiB. */
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
    return this.#exports.memory.buffer.byteLength;
  }

  /** All of memory. Growing it detaches earlier views, so ask again after any call that may allocate. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { buffer } = this.#exports.memory;
    if (this.#view.buffer !== buffer) this.#view = new Uint8Array(buffer);
    return this.#view;
  }

  /** `capacity` bytes for one call: the scratch area of that role if they fit, an allocation otherwise. */
  borrow(capacity: number, role: "source" | "destination"): Area {
    if (capacity > SCRATCH_SIZE) return this.allocate(capacity);
    this.#scratch[role] ||= this.allocate(SCRATCH_SIZE).address;
    return { address: this.#scratch[role], capacity: SCRATCH_SIZE, owned: false };
  }

  /** `capacity` bytes until `release`. */
  allocate(capacity: number): Area {
    const address = capacity > SIZE_MAX ? 0 : this.#exports.zstash_malloc(capacity) >>> 0;
    if (address === 0) throw outOfMemory(capacity);
    return { address, capacity, owned: true };
  }

  release(area: Area): void {
    if (area.owned) this.#exports.zstash_free(area.address);
  }

  /** Copies bytes in. */
  placeBytes(source: Uint8Array): FilledArea {
    const { address, capacity, owned } = this.borrow(source.length, "source");
    this.bytes().set(source, address);
    return { address, capacity, owned, size: source.length };
  }
}

/** Encodes text straight into memory: one pass for ASCII, the rest of other text into a larger area. */
export function placeText(memory: LinearMemory, source: string): FilledArea {
  const area = memory.borrow(source.length, "source");
  const { read, written } = utf8Encoder.encodeInto(source, viewOf(memory, area));
  const { address, capacity, owned } = area;
  if (read === source.length) return { address, capacity, owned, size: written };
  try {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const larger = memory.allocate(written + (source.length - read) * 3);
    memory.bytes().copyWithin(larger.address, address, address + written);
    const rest = utf8Encoder.encodeInto(source.slice(read), viewOf(memory, larger).subarray(written));
    return { ...larger, size: written + rest.written };
  } finally {
    memory.release(area);
  }
}

function viewOf(memory: LinearMemory, { address, capacity }: Area): Uint8Array<ArrayBuffer> {
  return memory.bytes().subarray(address, address + capacity);
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
