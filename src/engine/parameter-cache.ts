/** Sets the parameters of compression contexts, and only those that change. */
import type { CompressionParameters, CompressSettings } from "./engine.ts";
import { ZSTD_c_checksumFlag, ZSTD_c_compressionLevel, type ZstashCompressionExports } from "./exports.ts";
import { isZstdError, toZstashError } from "./zstd-errors.ts";

/**
 * ZSTD_cParameter of each advanced parameter, and zstd's own range of it (ZSTD_cParam_getBounds, 32 bits), but for the
 * window, where readers stop at 27, and for the tables, which are to fit wasm32: at 29 one takes 2 GiB. What is left out
 * is the level's choice.
 */
export const advancedParameters: Readonly<
  Record<keyof CompressionParameters, readonly [parameter: number, least: number, most: number]>
> = {
  windowLog: [101, 10, 27],
  hashLog: [102, 6, 28],
  chainLog: [103, 6, 28],
  searchLog: [104, 1, 29],
  minMatch: [105, 3, 7],
  targetLength: [106, 0, 131_072],
  strategy: [107, 1, 9],
};

const parameterList = Object.entries(advancedParameters).map(
  ([name, [parameter]]) => [name as keyof CompressionParameters, parameter] as const,
);

/** The parameters that a compression context has. */
export class ParameterCache {
  #level: number | undefined;
  #checksum: boolean | undefined;
  /** By value, because the caller's object may change. Undefined for the level's own, all of them. */
  #advanced: Partial<Record<keyof CompressionParameters, number>> | undefined;

  set(
    exports: ZstashCompressionExports,
    context: number,
    { level, checksum = true, parameters }: CompressSettings,
  ): void {
    if (this.#level !== level) setParameter(exports, context, ZSTD_c_compressionLevel, level);
    this.#level = level;
    if (this.#checksum !== checksum) setParameter(exports, context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
    this.#checksum = checksum;
    if (this.#advanced === undefined && parameters === undefined) return;
    const held = (this.#advanced ??= {});
    for (const [name, parameter] of parameterList) {
      const value = parameters?.[name] ?? 0;
      if ((held[name] ?? 0) === value) continue;
      setParameter(exports, context, parameter, value);
      held[name] = value;
    }
    if (parameters === undefined) this.#advanced = undefined;
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
