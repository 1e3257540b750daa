import { DigestedDictionaries } from "./dictionaries.ts";
import type { EndDirective, EngineStreamParameters, StreamStep } from "./engine.ts";
import { ZSTD_e_continue } from "./engine.ts";
import {
  canCompress,
  instantiate,
  ZSTD_c_targetCBlockSize,
  ZSTD_d_windowLogMax,
  ZSTD_reset_session_only,
  type ZstashExports,
} from "./exports.ts";
import { HeldParameters, setParameter } from "./held-parameters.ts";
import { LinearMemory, requireAddress } from "./memory.ts";
import type { Dictionary } from "../format/dictionary.ts";
import type { Poolable } from "./pool.ts";
import { decoderOnly, isZstdError, toDecodeError, toZstashError } from "./wasm-error.ts";

/** Input of one step: at level 1 about 0.3 ms of work. */
const INPUT_SIZE = 64 << 10;
/** Output of one step: one block and its header fit. */
const OUTPUT_SIZE = (128 << 10) + 64;
/** The struct Buffers of wasm/zstash.c: six words. */
const BUFFERS_SIZE = 24;

/** What an instance takes before its contexts: data, the 256 KiB stack, and the areas of one step. */
export const INSTANCE_OVERHEAD: number = 768 << 10;

const nothing = new Uint8Array(0);

/** One WebAssembly instance for one stream at a time, in either direction. */
export class StreamInstance implements Poolable {
  readonly #exports: ZstashExports;
  readonly #memory: LinearMemory;
  readonly #dictionaries: DigestedDictionaries;
  #held = new HeldParameters();
  readonly #buffers: number;
  readonly #input: number;
  readonly #output: number;
  #compressContext = 0;
  #decompressContext = 0;

  constructor(module: WebAssembly.Module) {
    this.#exports = instantiate(module);
    this.#memory = new LinearMemory(this.#exports);
    this.#dictionaries = new DigestedDictionaries(this.#exports, this.#memory);
    this.#buffers = this.#memory.allocate(BUFFERS_SIZE).address;
    this.#input = this.#memory.allocate(INPUT_SIZE).address;
    this.#output = this.#memory.allocate(OUTPUT_SIZE).address;
  }

  get memorySize(): number {
    return this.#memory.size;
  }

  startCompression(parameters: EngineStreamParameters): void {
    const exports = this.#exports;
    if (!canCompress(exports)) throw decoderOnly();
    // One context at a time: the pool counts what one takes.
    exports.ZSTD_freeDCtx(this.#decompressContext);
    this.#decompressContext = 0;
    const context = (this.#compressContext ||= requireAddress(exports.ZSTD_createCCtx()));
    exports.ZSTD_CCtx_reset(context, ZSTD_reset_session_only);
    this.#held.set(exports, context, parameters);
    setParameter(exports, context, ZSTD_c_targetCBlockSize, parameters.targetCBlockSize ?? 0);
    const { dictionary, level } = parameters;
    const digested =
      dictionary === undefined ? 0 : this.#dictionaries.forCompression(exports, dictionary, level);
    exports.ZSTD_CCtx_refCDict(context, digested);
    this.beginFrame(parameters.contentSize);
  }

  beginFrame(contentSize: number | undefined): void {
    if (contentSize === undefined || !canCompress(this.#exports)) return;
    const result = this.#exports.ZSTD_CCtx_setPledgedSrcSize(this.#compressContext, contentSize);
    if (isZstdError(result)) throw toZstashError(result, "declare the content size");
  }

  compressStep(input: Uint8Array, directive: EndDirective): StreamStep {
    const exports = this.#exports;
    if (!canCompress(exports)) throw decoderOnly();
    // The directive is for the end of the input, and so not yet due where only a part of it fits.
    const due = input.length <= INPUT_SIZE ? directive : ZSTD_e_continue;
    return this.#step(
      input,
      () => exports.ZSTD_compressStream2(this.#compressContext, this.#buffers, due),
      (result) => toZstashError(result, "compress"),
    );
  }

  startDecompression(maxWindowLog: number): void {
    const exports = this.#exports;
    if (canCompress(exports)) exports.ZSTD_freeCCtx(this.#compressContext);
    this.#compressContext = 0;
    this.#held = new HeldParameters();
    const context = (this.#decompressContext ||= requireAddress(exports.ZSTD_createDCtx()));
    exports.ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
    exports.ZSTD_DCtx_refDDict(context, 0);
    exports.ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, maxWindowLog);
  }

  chooseDictionary(dictionary: Dictionary | undefined): void {
    const digested = dictionary === undefined ? 0 : this.#dictionaries.forDecompression(dictionary);
    this.#exports.ZSTD_DCtx_refDDict(this.#decompressContext, digested);
  }

  decompressStep(input: Uint8Array): StreamStep {
    return this.#step(
      input,
      () => this.#exports.ZSTD_decompressStream(this.#decompressContext, this.#buffers),
      // Any block fits into the output.
      (result) => toDecodeError(result, true),
    );
  }

  #step(input: Uint8Array, call: () => number, toError: (result: number) => Error): StreamStep {
    const size = Math.min(input.length, INPUT_SIZE);
    this.#memory.bytes().set(size === input.length ? input : input.subarray(0, size), this.#input);
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
      output: filled === 0 ? nothing : this.#memory.bytes().slice(this.#output, this.#output + filled),
      full: filled === OUTPUT_SIZE,
      remaining: result >>> 0,
    };
  }

  #words(): DataView {
    return new DataView(this.#exports.memory.buffer, this.#buffers, BUFFERS_SIZE);
  }
}
