import type { Dictionary } from "../format/dictionary.ts";
import { DigestedDictionaries } from "./dictionaries.ts";
import type { DecodePlan } from "./engine.ts";
import { instantiate, type ZstashExports } from "./exports.ts";
import { LinearMemory, requireAddress } from "./memory.ts";
import { decodeUtf8 } from "./utf8.ts";
import { isZstdError, toDecodeError } from "./wasm-error.ts";

/** One-shot decoding on one instance with one reused context. */
export class OneShotDecoder {
  protected readonly exports: ZstashExports;
  protected readonly memory: LinearMemory;
  readonly #dictionaries: DigestedDictionaries;
  #decompressContext = 0;

  constructor(module: WebAssembly.Module) {
    this.exports = instantiate(module);
    this.memory = new LinearMemory(this.exports);
    this.#dictionaries = new DigestedDictionaries(this.memory, this.exports.ZSTD_freeDDict);
  }

  /** Linear memory in bytes. */
  get memorySize(): number {
    return this.memory.size;
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
    const context = (this.#decompressContext ||= requireAddress(this.exports.ZSTD_createDCtx()));
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
