import { ZstashError } from "../errors.ts";
import type { DecodePlan, EngineCompressParameters } from "./engine.ts";
import { decodeUtf8 } from "./utf8.ts";
import { isZstdError, toZstashError } from "./wasm-error.ts";

/** The exports of wasm/zstash.c. The decoder build has those of decompression alone. Addresses and sizes are i32. */
interface ZstashExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  ZSTD_versionNumber(): number;
  zstash_malloc(size: number): number;
  zstash_free(address: number): void;
  ZSTD_createDCtx(): number;
  ZSTD_decompressDCtx(context: number, dst: number, capacity: number, src: number, size: number): number;
  ZSTD_compressBound?(size: number): number;
  ZSTD_createCCtx?(): number;
  ZSTD_CCtx_setParameter?(context: number, parameter: number, value: number): number;
  ZSTD_compress2?(context: number, dst: number, capacity: number, src: number, size: number): number;
}

/** ZSTD_cParameter (zstd.h). */
const ZSTD_c_compressionLevel = 100;
const ZSTD_c_checksumFlag = 201;

/** Buffers of this size stay allocated for small values; larger ones live for one call. */
const SCRATCH_SIZE = 64 << 10;

/** The most one call may take of wasm32's 4 GiB, source and destination each. */
const SIZE_MAX = 0x7fff0000;

const encoder = new TextEncoder();

/** One WebAssembly instance with its contexts. No view of its memory leaves this file. */
export class WasmInstance {
  readonly #exports: ZstashExports;
  #memory: Uint8Array;
  #source = 0;
  #destination = 0;
  #compressContext = 0;
  #decompressContext = 0;
  #level: number | undefined;
  #checksum: boolean | undefined;

  constructor(module: WebAssembly.Module) {
    this.#exports = new WebAssembly.Instance(module, {}).exports as unknown as ZstashExports;
    if (
      typeof this.#exports.ZSTD_versionNumber !== "function" ||
      typeof this.#exports.zstash_malloc !== "function"
    ) {
      throw new TypeError("the WebAssembly module is not zstash's");
    }
    this.#exports._initialize();
    this.#memory = new Uint8Array(this.#exports.memory.buffer);
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  compress(source: Uint8Array | string, parameters: EngineCompressParameters): Uint8Array {
    const input = typeof source === "string" ? this.#placeText(source) : this.#placeBytes(source);
    try {
      const context = this.#prepareCompression(parameters);
      const { ZSTD_compressBound, ZSTD_compress2 } = this.#exports as Required<ZstashExports>;
      const output = this.#allocate(ZSTD_compressBound(input.size), "destination");
      try {
        const size = ZSTD_compress2(context, output.address, output.capacity, input.address, input.size);
        if (isZstdError(size)) throw toZstashError(size, "compress");
        return this.#bytes().slice(output.address, output.address + (size >>> 0));
      } finally {
        this.#release(output);
      }
    } finally {
      this.#release(input);
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
    const context = (this.#decompressContext ||= this.#require(this.#exports.ZSTD_createDCtx()));
    const input = this.#placeBytes(plan.data);
    try {
      const output = this.#allocate(plan.capacity, "destination");
      try {
        let filled = 0;
        let frame = 0;
        for (const { start, end } of plan.frames) {
          const size = this.#exports.ZSTD_decompressDCtx(
            context,
            output.address + filled,
            plan.capacity - filled,
            input.address + start,
            end - start,
          );
          if (isZstdError(size)) throw toZstashError(size, "decompress", { frame, offset: start });
          filled += size >>> 0;
          frame += 1;
        }
        return take(this.#bytes(), output.address, output.address + filled);
      } finally {
        this.#release(output);
      }
    } finally {
      this.#release(input);
    }
  }

  #prepareCompression({ level, checksum = true }: EngineCompressParameters): number {
    const { ZSTD_createCCtx, ZSTD_CCtx_setParameter } = this.#exports;
    if (ZSTD_createCCtx === undefined || ZSTD_CCtx_setParameter === undefined) {
      throw new ZstashError("UNSUPPORTED", "Cannot compress: this WebAssembly module is the decoder alone");
    }
    const context = (this.#compressContext ||= this.#require(ZSTD_createCCtx()));
    if (this.#level !== level) {
      this.#set(context, ZSTD_c_compressionLevel, level);
      this.#level = level;
    }
    if (this.#checksum !== checksum) {
      this.#set(context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
      this.#checksum = checksum;
    }
    return context;
  }

  #set(context: number, parameter: number, value: number): void {
    const result = this.#exports.ZSTD_CCtx_setParameter!(context, parameter, value);
    if (isZstdError(result)) throw toZstashError(result, "set a compression parameter");
  }

  #placeBytes(source: Uint8Array): Placed {
    const area = this.#allocate(source.length, "source");
    this.#bytes().set(source, area.address);
    return { ...area, size: source.length };
  }

  /** Encodes straight into linear memory: one pass for ASCII, the rest of other text into a larger area. */
  #placeText(source: string): Placed {
    const area = this.#allocate(source.length, "source");
    const { read, written } = encoder.encodeInto(source, this.#view(area));
    if (read === source.length) return { ...area, size: written };
    try {
      // A UTF-16 code unit takes at most three bytes of UTF-8.
      const larger = this.#allocate(written + (source.length - read) * 3, "own");
      this.#bytes().copyWithin(larger.address, area.address, area.address + written);
      const rest = encoder.encodeInto(source.slice(read), this.#view(larger).subarray(written));
      return { ...larger, size: written + rest.written };
    } finally {
      this.#release(area);
    }
  }

  /** `capacity` bytes: the scratch area of that role if they fit, an allocation for one call otherwise. */
  #allocate(capacity: number, role: "source" | "destination" | "own"): Area {
    if (capacity > SIZE_MAX) throw outOfMemory(capacity);
    if (role !== "own" && capacity <= SCRATCH_SIZE) {
      const address = role === "source" ? this.#scratchSource() : this.#scratchDestination();
      return { address, capacity: SCRATCH_SIZE, owned: false };
    }
    const address = this.#exports.zstash_malloc(capacity) >>> 0;
    if (address === 0) throw outOfMemory(capacity);
    return { address, capacity, owned: true };
  }

  #scratchSource(): number {
    return (this.#source ||= this.#require(this.#exports.zstash_malloc(SCRATCH_SIZE)));
  }

  #scratchDestination(): number {
    return (this.#destination ||= this.#require(this.#exports.zstash_malloc(SCRATCH_SIZE)));
  }

  #release(area: Area): void {
    if (area.owned) this.#exports.zstash_free(area.address);
  }

  #require(address: number): number {
    if (address === 0) throw outOfMemory(SCRATCH_SIZE);
    return address >>> 0;
  }

  #view(area: Area): Uint8Array {
    return this.#bytes().subarray(area.address, area.address + area.capacity);
  }

  /** The whole of linear memory; growing it detaches the last view. */
  #bytes(): Uint8Array {
    const { buffer } = this.#exports.memory;
    if (this.#memory.buffer !== buffer) this.#memory = new Uint8Array(buffer);
    return this.#memory;
  }
}

/** Bytes `[address, address + capacity)` of linear memory; `owned` ones are freed after the call. */
interface Area {
  readonly address: number;
  readonly capacity: number;
  readonly owned: boolean;
}

/** An area whose first `size` bytes are the input. */
interface Placed extends Area {
  readonly size: number;
}

function outOfMemory(size: number): ZstashError {
  return new ZstashError("OUT_OF_MEMORY", `Cannot allocate ${size} bytes of WebAssembly memory`);
}
