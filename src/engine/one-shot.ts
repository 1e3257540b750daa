/** Coding of whole values on one WebAssembly instance, which is replaced once it has trapped or grown too large. */
import type { Dictionary } from "../format/dictionary.ts";
import { readUtf8 } from "../text.ts";
import { DigestedDictionaries } from "./dictionaries.ts";
import type {
  CompressSettings,
  CompressStreamSettings,
  DecodePlan,
  DecoderEngine,
  Engine,
} from "./engine.ts";
import { instantiate, requireCompression, type ZstashExports } from "./exports.ts";
import { LinearMemory, placeText, requireAddress } from "./memory.ts";
import { ParameterCache } from "./parameter-cache.ts";
import { isZstdError, notText, toDecodeError, toZstashError, trapped } from "./zstd-errors.ts";

/** An instance that has grown past this is dropped after the call: linear memory never shrinks. */
const HIGH_WATER_MARK = 64 << 20;

/** A digested dictionary of 64 KB takes 113–474 KB, by level. */
const DIGESTED_FACTOR = 8;

/** Makes the one-shot half of a decoding engine. A module that does not start fails here and not at the first call. */
export function createOneShotDecoder(
  module: WebAssembly.Module,
): Pick<DecoderEngine, "decompress" | "decompressText"> {
  const current = new OneShotInstance(() => new OneShotDecoder(module));
  return {
    decompress: (plan, into) => current.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => current.run((instance) => instance.decompressText(plan)),
  };
}

/** The one-shot half of an engine, and what its other half needs to know. */
export interface OneShotEngine extends Pick<Engine, "compress" | "decompress" | "decompressText"> {
  /** Bytes that a compression stream's context will take. */
  estimateStream(settings: CompressStreamSettings): number;
  /** Linear memory in bytes. */
  memorySize(): number;
}

/** Makes the one-shot half of an engine. A module that does not start fails here and not at the first call. */
export function createOneShot(module: WebAssembly.Module): OneShotEngine {
  const current = new OneShotInstance(() => new OneShot(module));
  return {
    compress: (source, settings) => current.run((instance) => instance.compress(source, settings)),
    decompress: (plan, into) => current.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => current.run((instance) => instance.decompressText(plan)),
    estimateStream: (settings) => current.run((instance) => instance.estimateStream(settings)),
    memorySize: () => current.memorySize,
  };
}

/** The one instance for one-shot work. */
class OneShotInstance<T extends OneShotDecoder> {
  readonly #create: () => T;
  #current: T | undefined;

  constructor(create: () => T) {
    this.#create = create;
    this.#current = create();
  }

  get memorySize(): number {
    return this.#current?.memorySize ?? 0;
  }

  run<R>(work: (current: T) => R): R {
    const current = (this.#current ??= this.#create());
    try {
      return work(current);
    } catch (error) {
      if (!(error instanceof WebAssembly.RuntimeError)) throw error;
      this.#current = undefined;
      throw trapped(error);
    } finally {
      if (current.memorySize > HIGH_WATER_MARK) this.#current = undefined;
    }
  }
}

/** Decodes whole values with one reused context. */
class OneShotDecoder {
  protected readonly exports: ZstashExports;
  protected readonly memory: LinearMemory;
  readonly #dictionaries: DigestedDictionaries;
  #context = 0;

  constructor(module: WebAssembly.Module) {
    this.exports = instantiate(module);
    this.memory = new LinearMemory(this.exports);
    this.#dictionaries = new DigestedDictionaries(this.memory, this.exports.ZSTD_freeDDict);
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.exports.memory.buffer.byteLength;
  }

  decompress<Memory extends ArrayBufferLike = ArrayBuffer>(
    plan: DecodePlan,
    into?: Uint8Array<Memory>,
  ): Uint8Array<Memory> {
    return this.#decode(plan, (memory, start, end) => {
      // Without `into`, `Memory` is what a new array has.
      if (into === undefined) return memory.slice(start, end) as Uint8Array as Uint8Array<Memory>;
      into.set(memory.subarray(start, end));
      return into.subarray(0, end - start);
    });
  }

  decompressText(plan: DecodePlan): string {
    const text = this.#decode(plan, (memory, start, end) => readUtf8(memory.subarray(start, end)));
    if (text === undefined) throw notText();
    return text;
  }

  #decode<T>(plan: DecodePlan, take: (memory: Uint8Array<ArrayBuffer>, start: number, end: number) => T): T {
    const context = (this.#context ||= requireAddress(this.exports.ZSTD_createDCtx()));
    const input = this.memory.placeBytes(plan.data);
    try {
      const output = this.memory.borrow(plan.capacity, "destination");
      try {
        const filled = this.#decodeFrames(context, plan, input.address, output.address);
        return take(this.memory.bytes(), output.address, output.address + filled);
      } finally {
        this.memory.release(output);
      }
    } finally {
      this.memory.release(input);
    }
  }

  #decodeFrames(context: number, plan: DecodePlan, source: number, destination: number): number {
    let filled = 0;
    let frame = -1;
    for (const { start, end, header, bound } of plan.frames) {
      frame += 1;
      if (header.type === "skippable") continue;
      const dictionary = header.dictionaryId === 0 ? undefined : plan.dictionaries.get(header.dictionaryId);
      const address = dictionary === undefined ? 0 : this.#digest(dictionary);
      if (address !== 0) this.exports.ZSTD_DCtx_refDDict(context, address);
      try {
        const size = this.exports.ZSTD_decompressDCtx(
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
        if (address !== 0) this.exports.ZSTD_DCtx_refDDict(context, 0);
      }
    }
    return filled;
  }

  #digest(dictionary: Dictionary): number {
    return this.#dictionaries.get(`${dictionary.id}`, dictionary, this.exports.ZSTD_createDDict);
  }
}

/** Codes whole values with one reused context of each kind. */
export class OneShot extends OneShotDecoder {
  #dictionaries: DigestedDictionaries | undefined;
  readonly #parameters: ParameterCache = new ParameterCache();
  #context = 0;

  estimateStream({ level, parameters = {}, contentSize = -1, dictionary }: CompressStreamSettings): number {
    const { ZSTD_estimateCStreamSize } = requireCompression(this.exports);
    const { windowLog = 0, chainLog = 0, hashLog = 0 } = parameters;
    const context = ZSTD_estimateCStreamSize(level, windowLog, chainLog, hashLog, contentSize) >>> 0;
    return context + (dictionary === undefined ? 0 : dictionary.bytes.length * DIGESTED_FACTOR);
  }

  compress(source: Uint8Array | string, settings: CompressSettings): Uint8Array<ArrayBuffer> {
    const { memory } = this;
    const exports = requireCompression(this.exports);
    const context = (this.#context ||= requireAddress(exports.ZSTD_createCCtx()));
    this.#parameters.set(exports, context, settings);
    const input = typeof source === "string" ? placeText(memory, source) : memory.placeBytes(source);
    try {
      const output = memory.borrow(exports.ZSTD_compressBound(input.size) >>> 0, "destination");
      const { dictionary } = settings;
      try {
        if (dictionary !== undefined) this.#useDictionary(context, dictionary, settings.level);
        const { address, capacity } = output;
        const size = exports.ZSTD_compress2(context, address, capacity, input.address, input.size);
        if (isZstdError(size)) throw toZstashError(size, "compress");
        return memory.bytes().slice(address, address + (size >>> 0));
      } finally {
        if (dictionary !== undefined) exports.ZSTD_CCtx_refCDict(context, 0);
        memory.release(output);
      }
    } finally {
      memory.release(input);
    }
  }

  #useDictionary(context: number, dictionary: Dictionary, level: number): void {
    const exports = requireCompression(this.exports);
    this.#dictionaries ??= new DigestedDictionaries(this.memory, exports.ZSTD_freeCDict);
    const digested = this.#dictionaries.get(`${dictionary.id} ${level}`, dictionary, (at, size) =>
      exports.ZSTD_createCDict(at, size, level),
    );
    exports.ZSTD_CCtx_refCDict(context, digested);
  }
}
