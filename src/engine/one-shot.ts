/**
 * Compression and decompression of whole values on one WebAssembly instance, which is replaced after a trap or when
 * it has grown too large.
 */
import type { Dictionary } from "../format/dictionary.ts";
import { readUtf8 } from "../text.ts";
import { COMPRESSION_FACTOR, DigestedDictionaries, ONE_SHOT_DICTIONARIES } from "./dictionaries.ts";
import type {
  CompressSettings,
  CompressStreamSettings,
  DecodePlan,
  DecoderEngine,
  Engine,
} from "./engine.ts";
import {
  instantiate,
  requireCompression,
  type ZstashCompressionExports,
  type ZstashExports,
} from "./exports.ts";
import { LinearMemory, placeText, requireAddress, type Area } from "./memory.ts";
import { LONG_DISTANCE_SIZE, ParameterCache, parametersOf } from "./parameter-cache.ts";
import type { MakeWideText, WideText } from "./wide-text.ts";
import { isZstdError, toDecodeError, toZstashError, trapped, unreadText } from "./zstd-errors.ts";

/** An instance that has grown beyond this many bytes is dropped after the call: linear memory never shrinks. */
const HIGH_WATER_MARK = 64 << 20;

/**
 * Makes the half of a decoding engine for whole values. A module that does not start fails here and not at the first
 * call.
 */
export function createOneShotDecoder(
  module: WebAssembly.Module,
): Pick<DecoderEngine, "decompress" | "decompressText"> {
  const current = new OneShotInstance(() => new OneShotDecoder(module));
  return {
    decompress: (plan, into) => current.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => current.run((instance) => instance.decompressText(plan)),
  };
}

/** The half of an engine for whole values, and what its other half needs to know. */
export interface OneShotEngine extends Pick<Engine, "compress" | "decompress" | "decompressText"> {
  /** The bytes that a compression stream's context will take. */
  estimateStream(settings: CompressStreamSettings): number;
  /** Linear memory in bytes. */
  memorySize(): number;
}

/** Makes the half of an engine for whole values. A module that does not start fails here and not at the first call. */
export function createOneShot(module: WebAssembly.Module, makeWideText?: MakeWideText): OneShotEngine {
  const current = new OneShotInstance(() => new OneShot(module, makeWideText));
  return {
    compress: (source, settings) => current.run((instance) => instance.compress(source, settings)),
    decompress: (plan, into) => current.run((instance) => instance.decompress(plan, into)),
    decompressText: (plan) => current.run((instance) => instance.decompressText(plan)),
    estimateStream: (settings) => current.run((instance) => instance.estimateStream(settings)),
    memorySize: () => current.memorySize,
  };
}

/** The single instance for whole values. */
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
  readonly exports: ZstashExports;
  protected readonly memory: LinearMemory;
  protected readonly wideText: WideText | undefined;
  readonly #dictionaries: DigestedDictionaries;
  #context = 0;

  constructor(module: WebAssembly.Module, makeWideText?: MakeWideText) {
    this.exports = instantiate(module);
    this.memory = new LinearMemory(this.exports);
    this.wideText = makeWideText?.(this.exports, this.memory);
    this.#dictionaries = new DigestedDictionaries(
      this.memory,
      this.exports.ZSTD_freeDDict,
      ONE_SHOT_DICTIONARIES,
    );
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.memory.size;
  }

  decompress<Memory extends ArrayBufferLike = ArrayBuffer>(
    plan: DecodePlan,
    into?: Uint8Array<Memory>,
  ): Uint8Array<Memory> {
    const output = this.#decode(plan);
    try {
      const { address, size } = output;
      // Without `into`, `Memory` is the type of a new array's memory.
      if (into === undefined) return this.memory.copy(address, size) as Uint8Array as Uint8Array<Memory>;
      into.set(this.memory.bytes().subarray(address, address + size));
      return into.subarray(0, size);
    } finally {
      this.memory.release(output);
    }
  }

  decompressText(plan: DecodePlan): string {
    const output = this.#decode(plan);
    try {
      const quick = this.wideText?.read(output);
      if (quick !== undefined) return quick;
      const { address, size } = output;
      const content = this.memory.bytes().subarray(address, address + size);
      const text = readUtf8(content);
      if (text === undefined) throw unreadText(content);
      return text;
    } finally {
      this.memory.release(output);
    }
  }

  /** Decodes all frames, one after another, into an area that the caller releases. */
  #decode(plan: DecodePlan): Area {
    const { exports, memory } = this;
    const context = (this.#context ||= requireAddress(exports.ZSTD_createDCtx()));
    const input = memory.placeBytes(plan.data);
    const prefix = plan.prefix === undefined ? undefined : this.#keep(plan.prefix, input);
    let output: Area | undefined;
    /** The address of the digested dictionary that the context refers to. */
    let referred = 0;
    try {
      output = memory.borrow(plan.capacity, "destination");
      if (plan.sharedDictionary !== undefined && prefix === undefined) {
        referred = this.#digestedFor(plan, plan.sharedDictionary);
        if (referred !== 0) exports.ZSTD_DCtx_refDDict(context, referred);
        const { address } = output;
        const { length } = plan.data;
        const size = exports.ZSTD_decompressDCtx(context, address, plan.capacity, input.address, length);
        if (!isZstdError(size)) {
          output.size = size >>> 0;
          return output;
        }
        // Frame by frame the error tells its place.
      }
      let frame = -1;
      for (const { start, end, header, bound } of plan.frames) {
        frame += 1;
        if (header.type === "skippable") continue;
        const digested = this.#digestedFor(plan, header.dictionaryId);
        if (digested !== referred) exports.ZSTD_DCtx_refDDict(context, digested);
        referred = digested;
        // The prefix is valid for one frame.
        if (prefix !== undefined && digested === 0) {
          const result = exports.ZSTD_DCtx_refPrefix(context, prefix.address, prefix.size);
          if (isZstdError(result)) throw toZstashError(result, "refer to the prefix");
        }
        const to = output.address + output.size;
        const room = plan.capacity - output.size;
        const size = exports.ZSTD_decompressDCtx(context, to, room, input.address + start, end - start);
        if (isZstdError(size)) {
          const fits = (header.contentSize ?? bound) <= room;
          throw toDecodeError(size, fits, { frame, offset: start });
        }
        output.size += size >>> 0;
      }
      return output;
    } catch (error) {
      if (output !== undefined) memory.release(output);
      throw error;
    } finally {
      if (referred !== 0 || prefix !== undefined) exports.ZSTD_DCtx_refDDict(context, 0);
      if (prefix !== undefined) memory.release(prefix);
      memory.release(input);
    }
  }

  /** Copies a prefix in; if it does not fit, the input is released. */
  #keep(prefix: Uint8Array, input: Area): Area {
    try {
      return this.memory.keepBytes(prefix);
    } catch (error) {
      this.memory.release(input);
      throw error;
    }
  }

  /** Address of the digested dictionary of an id; 0 for none. */
  #digestedFor({ dictionaries }: DecodePlan, id: number): number {
    const dictionary = id === 0 ? undefined : dictionaries.get(id);
    if (dictionary === undefined) return 0;
    return this.#dictionaries.get(`${dictionary.id}`, dictionary, this.exports.ZSTD_createDDict);
  }
}

/** Compresses and decompresses whole values with one reused context of each kind. */
export class OneShot extends OneShotDecoder {
  #compression: ZstashCompressionExports | undefined;
  #dictionaries: DigestedDictionaries | undefined;
  readonly #parameters: ParameterCache = new ParameterCache();
  #context = 0;

  estimateStream(settings: CompressStreamSettings): number {
    const { level, contentSize = -1, dictionary, prefix } = settings;
    const parameters = parametersOf(settings, contentSize) ?? {};
    const { ZSTD_estimateCStreamSize } = requireCompression(this.exports);
    const { windowLog = 0, chainLog = 0, hashLog = 0 } = parameters;
    const context = ZSTD_estimateCStreamSize(level, windowLog, chainLog, hashLog, contentSize) >>> 0;
    if (prefix !== undefined) return context + prefix.length + LONG_DISTANCE_SIZE;
    return context + (dictionary === undefined ? 0 : dictionary.bytes.length * COMPRESSION_FACTOR);
  }

  compress(source: Uint8Array | string, settings: CompressSettings): Uint8Array<ArrayBuffer> {
    const { memory } = this;
    const exports = (this.#compression ??= requireCompression(this.exports));
    const context = (this.#context ||= requireAddress(exports.ZSTD_createCCtx()));
    const input = typeof source === "string" ? this.#placeText(source) : memory.placeBytes(source);
    let prefix: Area | undefined;
    try {
      this.#parameters.set(exports, context, settings, input.size);
      prefix = settings.prefix === undefined ? undefined : memory.keepBytes(settings.prefix);
      const output = memory.borrow(exports.ZSTD_compressBound(input.size) >>> 0, "destination");
      const { dictionary } = settings;
      try {
        if (dictionary !== undefined) {
          const digested = this.#digest(exports, dictionary, settings.level);
          exports.ZSTD_CCtx_refCDict(context, digested);
        }
        if (prefix !== undefined) exports.ZSTD_CCtx_refPrefix(context, prefix.address, prefix.size);
        const { address, capacity } = output;
        const size = exports.ZSTD_compress2(context, address, capacity, input.address, input.size);
        if (isZstdError(size)) throw toZstashError(size, "compress");
        return memory.copy(address, size >>> 0);
      } finally {
        if (dictionary !== undefined || prefix !== undefined) exports.ZSTD_CCtx_refCDict(context, 0);
        memory.release(output);
      }
    } finally {
      if (prefix !== undefined) memory.release(prefix);
      memory.release(input);
    }
  }

  #placeText(text: string): Area {
    return this.wideText?.place(text) ?? placeText(this.memory, text);
  }

  #digest(exports: ZstashCompressionExports, dictionary: Dictionary, level: number): number {
    this.#dictionaries ??= new DigestedDictionaries(
      this.memory,
      exports.ZSTD_freeCDict,
      ONE_SHOT_DICTIONARIES,
      COMPRESSION_FACTOR,
    );
    return this.#dictionaries.get(`${dictionary.id} ${level}`, dictionary, (at, size) =>
      exports.ZSTD_createCDict(at, size, level),
    );
  }
}
