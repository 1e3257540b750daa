/** The `compression` option of keyv. */
import { describe, requireOptions } from "../check.ts";
import type { Zstd } from "../codec/zstd.ts";
import { readMadeDictionaries, readPolicy } from "./dictionaries.ts";
import { decodeValue, encodeValue, type EncodeValueOptions } from "./value.ts";

/** What keyv takes as `compression`. */
export interface KeyvCompression {
  /**
   * Encodes keyv's JSON text for storing; a value that is not worth compressing is returned unchanged. A TypeError for
   * anything but a string.
   *
   * @example
   * ```ts
   * compression.compress("a short text"); // → "a short text"
   * ```
   */
  compress(text: string): string;
  /**
   * Decodes what is stored to the text that `compress` was given. Text that is not compressed is returned unchanged;
   * errors are those of `decodeValue`.
   *
   * @example
   * ```ts
   * compression.decompress("a short text"); // → "a short text"
   * ```
   */
  decompress(stored: string): string;
}

/** Options of `keyvCompression`: those of `encodeValue` without the key, which keyv does not pass. */
export interface KeyvCompressionOptions extends Pick<
  EncodeValueOptions,
  "policy" | "dictionaries" | "maxSize" | "onEvent"
> {}

/**
 * Makes the `compression` option of keyv 6: keyv's values are stored like any other value of zstash, and uncompressed
 * ones are read as before. keyv 5 compresses before it serialises: give it `serialize` and `deserialize` with
 * `encodeValue` and `decodeValue` instead.
 *
 * @throws {TypeError | RangeError} for wrong arguments; `compress` throws a TypeError under keyv 5
 * @example
 * ```ts
 * const compression = keyvCompression(await loadZstd()); // for new Keyv({ store, compression })
 * compression.decompress(compression.compress(report)) === report; // → true
 * ```
 */
export function keyvCompression(zstd: Zstd, options: KeyvCompressionOptions = {}): KeyvCompression {
  // Wrong arguments are reported here, not with the first value.
  requireOptions(options, ["policy", "dictionaries", "maxSize", "onEvent"]);
  const { policy = {}, ...reading } = options;
  readPolicy(policy, readMadeDictionaries(options.dictionaries));
  decodeValue(zstd, "", reading);
  return {
    compress(text) {
      if (typeof text !== "string") {
        const advice = 'keyv 5 needs "serialize" and "deserialize" instead of "compression"';
        throw new TypeError(`keyv must give a string, got ${describe(text)}: ${advice}`);
      }
      return encodeValue(zstd, text, options);
    },
    decompress: (stored) => decodeValue(zstd, stored, reading),
  };
}
