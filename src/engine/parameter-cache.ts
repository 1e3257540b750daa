/** Sets the parameters of compression contexts, and only those that change. */
import type { CompressionParameters, CompressSettings } from "./engine.ts";
import { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel, type ZstashCompressionExports } from "./exports.ts";
import { isZstdError, toZstashError } from "./zstd-errors.ts";

/** ZSTD_cParameter of what `CompressionParameters` names. A value of 0 leaves the choice to the level. */
const advancedParameters: Readonly<Record<keyof CompressionParameters, number>> = {
  windowLog: 101,
  hashLog: 102,
  chainLog: 103,
  searchLog: 104,
  minMatch: 105,
  targetLength: 106,
  strategy: 107,
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
    for (const [name, parameter] of Object.entries(advancedParameters)) {
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
  const name = Object.entries(advancedParameters).find(([, one]) => one === parameter)?.[0];
  if (name !== undefined) throw new RangeError(`"parameters.${name}" is out of zstd's range, got ${value}`);
  throw toZstashError(result, "set a compression parameter");
}
