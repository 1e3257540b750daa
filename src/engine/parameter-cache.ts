/** Sets the parameters of compression contexts, and only those that change. */
import type { CompressionParameters, CompressSettings } from "./engine.ts";
import {
  ZSTD_c_checksumFlag,
  ZSTD_c_compressionLevel,
  ZSTD_c_enableLongDistanceMatching,
  type ZstashCompressionExports,
} from "./exports.ts";
import { isZstdError, toZstashError } from "./zstd-errors.ts";

/**
 * ZSTD_cParameter of each advanced parameter, and zstd's own range of it (ZSTD_cParam_getBounds, 32 bits). Exceptions
 * are the window, where readers stop at 27, and the tables, which must fit wasm32: at 29 one takes 2 GiB. The level
 * sets the parameters that are left out.
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

/** Prefixes of at least this size are searched for long matches: a level's own tables do not cover more. */
const LONG_DISTANCE_MIN: number = 128 << 10;
/** The most bytes that the tables of long-distance matching take, at a window of 2^27. */
export const LONG_DISTANCE_SIZE: number = 10 << 20;
/** Windows of a frame with a prefix: the smallest is that of a block, and decoders accept none above the largest. */
const [PREFIX_WINDOW_LOG_MIN, PREFIX_WINDOW_LOG_MAX] = [17, 27] as const;

/**
 * The parameters with a window that covers prefix and content, so that the last byte can refer to the first, as with
 * `zstd --patch-from`. Long-distance matching alone would use 128 MiB for a stream, which readers refuse. Content of
 * unknown size is assumed to be as long as the prefix.
 */
export function parametersOf(
  { prefix, parameters }: CompressSettings,
  contentSize: number,
): CompressionParameters | undefined {
  if (prefix === undefined || parameters?.windowLog !== undefined) return parameters;
  const size = prefix.length + (contentSize < 0 ? prefix.length : contentSize);
  const log = 32 - Math.clz32(Math.min(size, 2 ** 31 - 1));
  const windowLog = Math.min(PREFIX_WINDOW_LOG_MAX, Math.max(PREFIX_WINDOW_LOG_MIN, log));
  return { ...parameters, windowLog };
}

/** The parameters that a compression context has. */
export class ParameterCache {
  #level: number | undefined;
  #checksum: boolean | undefined;
  #longDistance = false;
  /** By value, because the caller's object may change. Undefined means that the level sets all of them. */
  #advanced: Partial<Record<keyof CompressionParameters, number>> | undefined;

  /** `contentSize` is negative if it is not known. */
  set(
    exports: ZstashCompressionExports,
    context: number,
    settings: CompressSettings,
    contentSize: number,
  ): void {
    const { level, checksum = true, prefix } = settings;
    const parameters = parametersOf(settings, contentSize);
    if (this.#level !== level) setParameter(exports, context, ZSTD_c_compressionLevel, level);
    this.#level = level;
    if (this.#checksum !== checksum) setParameter(exports, context, ZSTD_c_checksumFlag, checksum ? 1 : 0);
    this.#checksum = checksum;
    const longDistance = prefix !== undefined && prefix.length >= LONG_DISTANCE_MIN;
    if (this.#longDistance !== longDistance) {
      // ZSTD_ps_enable and ZSTD_ps_auto.
      setParameter(exports, context, ZSTD_c_enableLongDistanceMatching, longDistance ? 1 : 0);
    }
    this.#longDistance = longDistance;
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

/** Sets one parameter. A value that zstd refuses is a RangeError, because values come from the caller. */
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
