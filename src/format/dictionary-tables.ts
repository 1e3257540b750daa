/** Finds the parts of a dictionary: its entropy tables, its repeated offsets and its content (RFC 8878 §5). */
import { ZstashError } from "../errors.ts";

/** Bytes of a dictionary's parts, in their order in the file. */
export interface DictionaryParts {
  /** Magic number and id. */
  readonly header: number;
  /** The Huffman table of literals, and the FSE tables of offsets, match lengths and literal lengths. */
  readonly literals: number;
  /** The FSE table of offsets. */
  readonly offsets: number;
  /** The FSE table of match lengths. */
  readonly matchLengths: number;
  /** The FSE table of literal lengths. */
  readonly literalLengths: number;
  /** The three repeated offsets with which a frame begins. */
  readonly repeatedOffsets: number;
  /** The content that frames refer to: pieces of the samples. */
  readonly content: number;
}

const HEADER_SIZE = 8;
const REPEATED_OFFSETS_SIZE = 12;
/** The number of codes and the largest accuracy of each FSE table in a dictionary (RFC 8878 §3.1.1.3.2.1.1). */
const OFFSETS = { codes: 32, accuracy: 8 } as const;
const MATCH_LENGTHS = { codes: 53, accuracy: 9 } as const;
const LITERAL_LENGTHS = { codes: 36, accuracy: 9 } as const;

/**
 * Reads the sizes of the parts of a dictionary in zstd's format. The caller has checked magic number and id.
 *
 * @throws {ZstashError} DICTIONARY_INVALID if it ends inside its tables, or if these are impossible
 */
export function readDictionaryParts(bytes: Uint8Array): DictionaryParts {
  let at = HEADER_SIZE;
  const after = (size: number): number => {
    at += size;
    if (at > bytes.length) throw invalid("it ends inside its tables");
    return size;
  };
  const literals = after(readHuffmanSize(bytes, at));
  const offsets = after(readFseSize(bytes, at, OFFSETS));
  const matchLengths = after(readFseSize(bytes, at, MATCH_LENGTHS));
  const literalLengths = after(readFseSize(bytes, at, LITERAL_LENGTHS));
  const repeatedOffsets = after(REPEATED_OFFSETS_SIZE);
  const content = bytes.length - at;
  return { header: HEADER_SIZE, literals, offsets, matchLengths, literalLengths, repeatedOffsets, content };
}

/** Bytes of a Huffman table (RFC 8878 §4.2.1): weights of four bits each, or compressed by FSE. */
function readHuffmanSize(bytes: Uint8Array, at: number): number {
  const first = bytes[at];
  if (first === undefined) throw invalid("it ends inside its tables");
  return first < 128 ? 1 + first : 1 + ((first - 127 + 1) >> 1);
}

/** Bytes of an FSE table's description (RFC 8878 §4.1.1). */
function readFseSize(
  bytes: Uint8Array,
  at: number,
  { codes, accuracy }: { readonly codes: number; readonly accuracy: number },
): number {
  let bit = 0;
  const read = (count: number): number => {
    let value = 0;
    for (let index = 0; index < count; index++, bit++) {
      const byte = bytes[at + (bit >> 3)];
      if (byte === undefined) throw invalid("it ends inside its tables");
      value |= ((byte >> (bit & 7)) & 1) << index;
    }
    return value;
  };
  const log = read(4) + 5;
  if (log > accuracy) throw invalid("a table is more accurate than may be");
  let remaining = (1 << log) + 1;
  let code = 0;
  while (remaining > 1) {
    if (code >= codes) throw invalid("a table has too many codes");
    const value = readProbability(read, remaining);
    code += 1;
    remaining -= value < 0 ? 1 : value;
    if (value !== 0) continue;
    for (let skipped = 3; skipped === 3;) code += skipped = read(2);
  }
  if (remaining < 1 || code > codes) throw invalid("a table's probabilities are wrong");
  return (bit + 7) >> 3;
}

/** Reads a probability, −1 for "less than one": in as many bits as the largest possible value needs, or one fewer. */
function readProbability(read: (count: number) => number, remaining: number): number {
  const most = remaining;
  const width = 32 - Math.clz32(most);
  // `most + 1` of the `2^width` values are needed, so the low ones take one bit less.
  const spared = 2 ** width - 1 - most;
  const low = read(width - 1);
  if (low < spared) return low - 1;
  const value = low | (read(1) << (width - 1));
  return (value < 1 << (width - 1) ? value : value - spared) - 1;
}

function invalid(reason: string): ZstashError {
  return new ZstashError("DICTIONARY_INVALID", `Cannot read the dictionary: ${reason}`);
}
