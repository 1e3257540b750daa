/** Reads dictionaries in zstd's format (RFC 8878 §5). */
import { requireBytes } from "../check.ts";
import { ZstashError } from "../errors.ts";
import type { FrameHeader } from "./frame.ts";

/** Magic number of a zstd dictionary (RFC 8878 §5). */
const DICTIONARY_MAGIC = 0xec30a437;
/** The largest dictionary in bytes. zstd's own default is 112 KB; a larger one than this is a mistake. */
export const DICTIONARY_SIZE_MAX: number = 16 << 20;
/**
 * Marks what `readDictionary` of any copy of this module has made: bundles and module graphs often hold several
 * copies.
 */
const mark: unique symbol = Symbol.for("zstash.Dictionary");

/** A dictionary that frames name by its id. Only `readDictionary` makes one; compare by identity. */
export interface Dictionary {
  /** The id that frame headers name; never 0. */
  readonly id: number;
  /** The whole file, in zstd's dictionary format. */
  readonly bytes: Uint8Array;
}

/** Finds dictionaries by the id that frame headers name. A Map is one. */
export interface DictionaryLookup {
  /** `header` is that of the frame that names the id. */
  get(id: number, header?: FrameHeader): Dictionary | undefined;
}

/**
 * Reads a dictionary in zstd's format, as `zstd --train` writes it. Its entropy tables are checked at first use.
 *
 * @throws {ZstashError} DICTIONARY_INVALID: no magic number, id 0, or more than 16 MiB
 * @example
 * ```ts
 * const dictionary = readDictionary(await readFile("sessions.dict"));
 * const frame = zstd.compress(session, { dictionary });
 * const dictionaries = new Map([[dictionary.id, dictionary]]);
 * zstd.decompressText(frame, { dictionaries }) === session; // → true
 * ```
 */
export function readDictionary(bytes: Uint8Array): Dictionary {
  requireBytes(bytes, "bytes");
  if (bytes.length < 9 || bytes.length > DICTIONARY_SIZE_MAX) {
    throw invalid(`its size must be 9…${DICTIONARY_SIZE_MAX} bytes, got ${bytes.length}`);
  }
  // A view's own `slice` may not copy (Buffer's does not), and its memory may change.
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  if (view.getUint32(0, true) !== DICTIONARY_MAGIC) throw invalid("it has no zstd dictionary magic number");
  const id = view.getUint32(4, true);
  if (id === 0) throw invalid("its id is 0, which no frame can refer to");
  return Object.freeze(Object.defineProperty({ id, bytes: copy }, mark, { value: true }));
}

/** Returns true for a dictionary that `readDictionary` has made, in this copy of the module or in another. */
export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === "object" && value !== null && Object.hasOwn(value, mark);
}

function invalid(reason: string): ZstashError {
  return new ZstashError("DICTIONARY_INVALID", `Cannot read the dictionary: ${reason}`);
}
