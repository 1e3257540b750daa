/** Sets the parameters of compression contexts, and only those that change. */
import type { CompressionParameters, CompressSettings } from "./engine.ts";
import { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel, type ZstashCompressionExports } from "./exports.ts";
import { isZstdError, toZstashError } from "./zstd-errors.ts";

/**
 * ZSTD_cParameter of each advanced parameter, and zstd's own range of it (ZSTD_cParam_getBounds, 32 bits), but for the
 * window: readers stop at 27. A value of 0 leaves the choice to the level.
 */
export const advancedParameters: Readonly<
  Record<keyof CompressionParameters, readonly [parameter: number, least: number, most: number]>
> = {
  windowLog: [101, 10, 27],
  hashLog: [102, 6, 30],
  chainLog: [103, 6, 29],
  searchLog: [104, 1, 29],
  minMatch: [105, 3, 7],
  targetLength: [106, 0, 131_072],
  strategy: [107, 1, 9],
};

/** The parameters that a compression context has. */
export class ParameterCache {
  #level: number | undefined;
  #checksum: boolean | undefined;
  /** Undefined for the level's own; null if zstd refused one of them after others had been set. */
  #advanced: CompressionParameters | undefined | null;

  set(
    exports: ZstashCompressionExports,
    context: number,
    { level, checksum = true, parameters }: CompressSettings,
  ): void {
    if (this.#level !== level) setParameter(exports, context, ZSTD_c_compressionLevel, level);
    this.#level = level;
    if (this.#checksum !== checksum) setParameter(exports, context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
    this.#checksum = checksum;
    if (this.#advanced === parameters) return;
    this.#advanced = null;
    for (const [name, [parameter]] of Object.entries(advancedParameters)) {
      setParameter(exports, context, parameter, parameters?.[name as keyof CompressionParameters] ?? 0);
    }
    this.#advanced = parameters;
  }
}

/** Sets one parameter. A value that zstd refuses is a RangeError, for values come from the caller. */
export function setParameter(
  exports: ZstashCompressionExports,
  context: number,
  parameter: number,
  value: number,
): void {
  const result = exports.ZSTD_CCtx_setParameter(context, parameter, value);
  if (!isZstdError(result)) return;
  const name = Object.entries(advancedParameters).find(([, [one]]) => one === parameter)?.[0];
  if (name !== undefined) throw new RangeError(`"parameters.${name}" is out of zstd's range, got ${value}`);
  throw toZstashError(result, "set a compression parameter");
}
