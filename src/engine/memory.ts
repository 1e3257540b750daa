import { ZstashError } from "../errors.ts";
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

/** Linear memory of one instance: allocation, and copies in and out. Views of it stay within `engine/`. */
export class LinearMemory {
  readonly #exports: ZstashExports;
  readonly #scratch = { source: 0, destination: 0 };
  #view: Uint8Array;

  constructor(exports: ZstashExports) {
    this.#exports = exports;
    this.#view = new Uint8Array(exports.memory.buffer);
  }

  /** Linear memory in bytes. It never shrinks. */
  get size(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  /** All of memory. Growing it detaches earlier views, so ask again after any call that may allocate. */
  bytes(): Uint8Array {
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
    const area = this.borrow(source.length, "source");
    this.bytes().set(source, area.address);
    return { ...area, size: source.length };
  }

  viewOf(area: Area): Uint8Array {
    return this.bytes().subarray(area.address, area.address + area.capacity);
  }
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
