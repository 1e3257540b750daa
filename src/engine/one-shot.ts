import { DigestedDictionaries } from "./dictionaries.ts";
import type { EngineCompressParameters, EngineStreamParameters } from "./engine.ts";
import { requireCompression, type ZstashCompressionExports } from "./exports.ts";
import { ParameterCache } from "./parameter-cache.ts";
import { requireAddress, type FilledArea } from "./memory.ts";
import { OneShotDecoder } from "./one-shot-decoder.ts";
import { placeText } from "./place-text.ts";
import { isZstdError, toZstashError } from "./wasm-error.ts";

/** A digested dictionary of 64 KB takes 113–474 KB, by level. */
const DIGESTED_FACTOR = 8;

/** One-shot coding on one instance with one reused context of each kind. */
export class OneShot extends OneShotDecoder {
  #dictionaries: DigestedDictionaries | undefined;
  readonly #held = new ParameterCache();
  #context = 0;

  /** Bytes that a compression stream's context will take. */
  estimateStream({ level, parameters = {}, contentSize = -1, dictionary }: EngineStreamParameters): number {
    const { ZSTD_estimateCStreamSize } = requireCompression(this.exports);
    const { windowLog = 0, chainLog = 0, hashLog = 0 } = parameters;
    const context = ZSTD_estimateCStreamSize(level, windowLog, chainLog, hashLog, contentSize) >>> 0;
    return context + (dictionary === undefined ? 0 : dictionary.bytes.length * DIGESTED_FACTOR);
  }

  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array {
    const exports = requireCompression(this.exports);
    const input =
      typeof source === "string" ? placeText(this.memory, source) : this.memory.placeBytes(source);
    try {
      return this.#compress(exports, input, parameters);
    } finally {
      this.memory.release(input);
    }
  }

  #compress(
    exports: ZstashCompressionExports,
    input: FilledArea,
    parameters: EngineCompressParameters,
  ): Uint8Array {
    const { level, dictionary } = parameters;
    const context = (this.#context ||= requireAddress(exports.ZSTD_createCCtx()));
    this.#held.set(exports, context, parameters);
    const output = this.memory.borrow(exports.ZSTD_compressBound(input.size) >>> 0, "destination");
    try {
      if (dictionary !== undefined) {
        this.#dictionaries ??= new DigestedDictionaries(this.memory, exports.ZSTD_freeCDict);
        const digested = this.#dictionaries.get(`${dictionary.id} ${level}`, dictionary, (at, size) =>
          exports.ZSTD_createCDict(at, size, level),
        );
        exports.ZSTD_CCtx_refCDict(context, digested);
      }
      const size = exports.ZSTD_compress2(
        context,
        output.address,
        output.capacity,
        input.address,
        input.size,
      );
      if (isZstdError(size)) throw toZstashError(size, "compress");
      return this.memory.bytes().slice(output.address, output.address + (size >>> 0));
    } finally {
      if (dictionary !== undefined) exports.ZSTD_CCtx_refCDict(context, 0);
      this.memory.release(output);
    }
  }
}
