/** The functions that the WebAssembly modules export, the start of an instance, and the errors of a failed start. */
import { ZstashError } from "../errors.ts";

/** The exports of wasm/zstash.c; the decoder build has only those for decompression. Addresses and sizes are i32. */
export interface ZstashExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  zstash_malloc(size: number): number;
  zstash_free(address: number): void;
  ZSTD_versionNumber(): number;

  ZSTD_createDCtx(): number;
  ZSTD_freeDCtx(context: number): number;
  ZSTD_DCtx_setParameter(context: number, parameter: number, value: number): number;
  ZSTD_DCtx_reset(context: number, directive: number): number;
  ZSTD_DCtx_refDDict(context: number, dictionary: number): number;
  ZSTD_createDDict(dictionary: number, size: number): number;
  ZSTD_freeDDict(dictionary: number): number;
  ZSTD_DCtx_refPrefix(context: number, prefix: number, size: number): number;
  ZSTD_decompressDCtx(context: number, dst: number, capacity: number, src: number, size: number): number;
  ZSTD_decompressStream(context: number, buffers: number): number;

  /** Gives the end of what it wrote. The decoder build lacks both. */
  zstash_utf16_to_utf8?(to: number, from: number, units: number): number;
  /** Gives the end of what it wrote: 0 where the bytes are not UTF-8, `to` where they are ASCII. */
  zstash_utf8_to_utf16?(to: number, from: number, size: number): number;
}

/** The exports of the full build, which compresses too. */
export interface ZstashCompressionExports extends ZstashExports {
  ZSTD_compressBound(size: number): number;
  ZSTD_createCCtx(): number;
  ZSTD_freeCCtx(context: number): number;
  ZSTD_CCtx_setParameter(context: number, parameter: number, value: number): number;
  ZSTD_CCtx_setPledgedSrcSize(context: number, size: number): number;
  ZSTD_CCtx_reset(context: number, directive: number): number;
  ZSTD_CCtx_refCDict(context: number, dictionary: number): number;
  ZSTD_CCtx_refPrefix(context: number, prefix: number, size: number): number;
  ZSTD_createCDict(dictionary: number, size: number, level: number): number;
  ZSTD_freeCDict(dictionary: number): number;
  ZSTD_compress2(context: number, dst: number, capacity: number, src: number, size: number): number;
  ZSTD_compressStream2(context: number, buffers: number, directive: number): number;
  ZSTD_estimateCStreamSize(
    level: number,
    windowLog: number,
    chainLog: number,
    hashLog: number,
    contentSize: number,
  ): number;
}

/** ZSTD_cParameter (zstd.h). */
export const ZSTD_c_compressionLevel = 100;
export const ZSTD_c_targetCBlockSize = 130;
export const ZSTD_c_enableLongDistanceMatching = 160;
export const ZSTD_c_checksumFlag = 201;
/** ZSTD_dParameter. */
export const ZSTD_d_windowLogMax = 100;
/** ZSTD_ResetDirective. */
export const ZSTD_reset_session_only = 1;

/** Starts an instance of a module, which must be zstash's; throws whatever WebAssembly throws, or a TypeError. */
export function instantiate(module: WebAssembly.Module): ZstashExports {
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as ZstashExports;
  if (typeof exports.ZSTD_versionNumber !== "function" || typeof exports.zstash_malloc !== "function") {
    throw new TypeError("the WebAssembly module is not zstash's");
  }
  exports._initialize();
  return exports;
}

/**
 * Turns the error of a load into WASM_UNAVAILABLE with a remedy. A page whose load succeeds never fetches the
 * remedies, and one that cannot fetch them still gets the error.
 */
export async function explainFailure<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const remedy = await import("./on-demand/index.ts").then(
      ({ remedyFor }) => remedyFor(cause),
      () => "the cause says why",
    );
    throw new ZstashError("WASM_UNAVAILABLE", `Cannot load zstd: ${remedy}`, { cause });
  }
}

/** Returns the exports of the full build. UNSUPPORTED if the module is only the decoder. */
export function requireCompression(exports: ZstashExports): ZstashCompressionExports {
  if ("ZSTD_compress2" in exports) return exports as ZstashCompressionExports;
  throw new ZstashError("UNSUPPORTED", "Cannot compress: this WebAssembly module is the decoder alone");
}
