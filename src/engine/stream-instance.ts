/** A WebAssembly instance as a stream uses it: one step at a time, through areas of fixed size. */
import { BLOCK_SIZE_MAX } from "../limits.ts";
import type { StreamStep } from "./engine.ts";
import { instantiate, type ZstashExports } from "./exports.ts";
import { LinearMemory } from "./memory.ts";
import type { Poolable } from "./lease.ts";
import { isZstdError } from "./zstd-errors.ts";

/** Input of one step: at level 1 about 0.3 ms of work. */
export const INPUT_SIZE = 65536;
/** Output of one step: one block of 128 KiB and its header fit. */
const OUTPUT_SIZE = BLOCK_SIZE_MAX + 64;
/** The struct Buffers of wasm/zstash.c: six words. */
const BUFFERS_SIZE = 24;

/** Linear memory of an instance before its context: data, the 256 KiB stack, and the areas of one step. */
export const INSTANCE_OVERHEAD: number = 768 << 10;

const nothing = new Uint8Array(0);

/** libzstd's context of one direction, with what it keeps in memory. */
export interface StreamContext {
  free(): void;
}

/** One instance for one stream at a time, in either direction. */
export class StreamInstance implements Poolable {
  readonly exports: ZstashExports;
  readonly memory: LinearMemory;
  /** Address of the struct Buffers. */
  readonly buffers: number;
  readonly #input: number;
  readonly #output: number;
  #context: StreamContext | undefined;
  #view: DataView | undefined;

  constructor(module: WebAssembly.Module) {
    this.exports = instantiate(module);
    this.memory = new LinearMemory(this.exports);
    this.buffers = this.memory.allocate(BUFFERS_SIZE).address;
    this.#input = this.memory.allocate(INPUT_SIZE).address;
    this.#output = this.memory.allocate(OUTPUT_SIZE).address;
  }

  get memorySize(): number {
    return this.memory.size;
  }

  /**
   * The instance's context for a direction, kept from stream to stream. The context for the other direction is freed,
   * because the pool counts the size of one.
   */
  context<T extends StreamContext>(type: new (instance: StreamInstance) => T): T {
    if (this.#context instanceof type) return this.#context;
    this.#context?.free();
    this.#context = undefined;
    const context = new type(this);
    this.#context = context;
    return context;
  }

  /** Copies input in, lets `call` run one step on the struct Buffers, and copies output out. */
  step(input: Uint8Array, call: () => number, toError: (result: number) => Error): StreamStep {
    const size = Math.min(input.length, INPUT_SIZE);
    this.memory.bytes().set(size === input.length ? input : input.subarray(0, size), this.#input);
    const words = this.#words();
    words.setUint32(0, this.#input, true);
    words.setUint32(4, size, true);
    words.setUint32(8, 0, true);
    words.setUint32(12, this.#output, true);
    words.setUint32(16, OUTPUT_SIZE, true);
    words.setUint32(20, 0, true);
    const result = call();
    if (isZstdError(result)) throw toError(result);
    const after = this.#words();
    const filled = after.getUint32(20, true);
    return {
      consumed: after.getUint32(8, true),
      output: filled === 0 ? nothing : this.memory.copy(this.#output, filled),
      full: filled === OUTPUT_SIZE,
      remaining: result >>> 0,
    };
  }

  /** Decodes whole frames with a ZSTD_DCtx in one call; undefined unless they hold `size` bytes. */
  decodeRun(context: number, frames: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined {
    if (frames.length > INPUT_SIZE || size > OUTPUT_SIZE) return undefined;
    this.memory.bytes().set(frames, this.#input);
    const { ZSTD_decompressDCtx } = this.exports;
    const result = ZSTD_decompressDCtx(context, this.#output, OUTPUT_SIZE, this.#input, frames.length);
    return result === size ? this.memory.copy(this.#output, size) : undefined;
  }

  #words(): DataView {
    const { buffer } = this.exports.memory;
    // Memory that has grown has another buffer.
    if (this.#view?.buffer !== buffer) this.#view = new DataView(buffer, this.buffers, BUFFERS_SIZE);
    return this.#view;
  }
}
