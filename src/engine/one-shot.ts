import { DigestedDictionaries } from "./dictionaries.ts";
import type { DecodePlan, EngineCompressParameters, EngineStreamParameters } from "./engine.ts";
import { canCompress, instantiate, type ZstashCompressionExports, type ZstashExports } from "./exports.ts";
import { HeldParameters } from "./held-parameters.ts";
import { LinearMemory, requireAddress, type FilledArea } from "./memory.ts";
import { decodeUtf8 } from "./utf8.ts";
import { decoderOnly, isZstdError, toDecodeError, toZstashError } from "./wasm-error.ts";

/** One-shot coding on one instance with one reused context of each kind. */
export class OneShot {
  readonly #exports: ZstashExports;
  readonly #memory: LinearMemory;
  readonly #dictionaries: DigestedDictionaries;
  #compressContext = 0;
  #decompressContext = 0;
  readonly #held = new HeldParameters();

  constructor(module: WebAssembly.Module) {
    this.#exports = instantiate(module);
    this.#memory = new LinearMemory(this.#exports);
    this.#dictionaries = new DigestedDictionaries(this.#exports, this.#memory);
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.#memory.size;
  }

  /** Bytes that a compression stream's context will take. */
  estimateStream({ level, parameters, contentSize }: EngineStreamParameters): number {
    if (!canCompress(this.#exports)) throw decoderOnly();
    return this.#exports.ZSTD_estimateCStreamSize(level, parameters?.windowLog ?? 0, contentSize ?? -1) >>> 0;
  }

  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array {
    const exports = this.#exports;
    if (!canCompress(exports)) throw decoderOnly();
    const input =
      typeof source === "string" ? this.#memory.placeText(source) : this.#memory.placeBytes(source);
    try {
      return this.#compress(exports, input, parameters);
    } finally {
      this.#memory.release(input);
    }
  }

  #compress(
    exports: ZstashCompressionExports,
    input: FilledArea,
    parameters: EngineCompressParameters,
  ): Uint8Array {
    const { level, dictionary } = parameters;
    const context = (this.#compressContext ||= requireAddress(exports.ZSTD_createCCtx()));
    this.#held.set(exports, context, parameters);
    const output = this.#memory.borrow(exports.ZSTD_compressBound(input.size) >>> 0, "destination");
    try {
      if (dictionary !== undefined) {
        exports.ZSTD_CCtx_refCDict(context, this.#dictionaries.forCompression(exports, dictionary, level));
      }
      const size = exports.ZSTD_compress2(
        context,
        output.address,
        output.capacity,
        input.address,
        input.size,
      );
      if (isZstdError(size)) throw toZstashError(size, "compress");
      return this.#memory.bytes().slice(output.address, output.address + (size >>> 0));
    } finally {
      if (dictionary !== undefined) exports.ZSTD_CCtx_refCDict(context, 0);
      this.#memory.release(output);
    }
  }

  decompress(plan: DecodePlan, into?: Uint8Array): Uint8Array {
    return this.#decode(plan, (memory, start, end) => {
      if (into === undefined) return memory.slice(start, end);
      into.set(memory.subarray(start, end));
      return into.subarray(0, end - start);
    });
  }

  decompressText(plan: DecodePlan): string {
    return this.#decode(plan, (memory, start, end) => decodeUtf8(memory.subarray(start, end)));
  }

  #decode<T>(plan: DecodePlan, take: (memory: Uint8Array, start: number, end: number) => T): T {
    const context = (this.#decompressContext ||= requireAddress(this.#exports.ZSTD_createDCtx()));
    const input = this.#memory.placeBytes(plan.data);
    try {
      const output = this.#memory.borrow(plan.capacity, "destination");
      try {
        const filled = this.#decodeFrames(context, plan, input.address, output.address);
        return take(this.#memory.bytes(), output.address, output.address + filled);
      } finally {
        this.#memory.release(output);
      }
    } finally {
      this.#memory.release(input);
    }
  }

  #decodeFrames(context: number, plan: DecodePlan, source: number, destination: number): number {
    let filled = 0;
    let frame = -1;
    for (const { start, end, header, bound } of plan.frames) {
      frame += 1;
      if (header.type === "skippable") continue;
      const dictionary = header.dictionaryId === 0 ? undefined : plan.dictionaries.get(header.dictionaryId);
      const address = dictionary === undefined ? 0 : this.#dictionaries.forDecompression(dictionary);
      if (address !== 0) this.#exports.ZSTD_DCtx_refDDict(context, address);
      try {
        const size = this.#exports.ZSTD_decompressDCtx(
          context,
          destination + filled,
          plan.capacity - filled,
          source + start,
          end - start,
        );
        const fits = (header.contentSize ?? bound) <= plan.capacity - filled;
        if (isZstdError(size)) throw toDecodeError(size, fits, { frame, offset: start });
        filled += size >>> 0;
      } finally {
        if (address !== 0) this.#exports.ZSTD_DCtx_refDDict(context, 0);
      }
    }
    return filled;
  }
}
