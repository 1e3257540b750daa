/**
 * The corpus: real data, by name, cut into the values that an application keeps in Redis.
 *
 * Every set is a function of the files in `corpus/sources.mjs` alone, so that figures from two machines are
 * comparable: `corpusDigest()` is pinned by a test. JSON is compact, as JSON.stringify writes it: the
 * indentation of the packages' files would flatter every ratio.
 */
import { createHash } from "node:crypto";
import { definitions } from "./corpus/definitions.mjs";
import { createRandom } from "./corpus/random.mjs";

/**
 * json and text are worth compressing; image is compressed already; binary is columnar data; raw is text on
 * which compression cannot pay: it must come back, and lie in Redis, as it went in.
 *
 * @typedef {"json" | "text" | "image" | "binary" | "raw"} Kind
 */

/**
 * One value: text or bytes, never both.
 *
 * @typedef {object} Value
 * @property {string} key Unique in its set.
 * @property {string} [text]
 * @property {Uint8Array} [bytes]
 */

/**
 * @typedef {object} DataSet
 * @property {string} name
 * @property {Kind} kind
 * @property {string} holds What a value is, in a few words.
 * @property {readonly Value[]} values Read from disk when first asked for, then kept.
 */

const utf8 = new TextEncoder();

/** @param {typeof definitions[number]} definition @returns {DataSet} */
function lazily({ name, kind, holds, read }) {
  /** @type {readonly Value[] | undefined} */
  let values;
  return {
    name,
    kind,
    holds,
    get values() {
      return (values ??= Object.freeze(read()));
    },
  };
}

/** Every data set, in a fixed order. */
export const dataSets = /** @type {readonly DataSet[]} */ (Object.freeze(definitions.map(lazily)));

/**
 * The data set of that name.
 *
 * @param {string} name
 * @returns {DataSet}
 * @throws {RangeError} when there is none.
 * @example
 * for (const { key, text } of dataSet("movie-pages").values) await redis.set(key, text);
 */
export function dataSet(name) {
  const found = dataSets.find((set) => set.name === name);
  if (found) return found;
  const names = dataSets.map((set) => set.name).join(", ");
  throw new RangeError(`Cannot find the data set: expected one of ${names}, got ${name}`);
}

/**
 * A value as bytes: text as UTF-8.
 *
 * @param {Value} value
 * @returns {Uint8Array}
 */
export function valueBytes(value) {
  return value.bytes ?? utf8.encode(value.text);
}

/**
 * SHA-256 over every set: its name and kind, then key, length and bytes of each value, in order.
 * Figures are comparable where this is equal.
 *
 * @param {readonly DataSet[]} [sets] Default: all.
 * @returns {string} 64 hex digits.
 */
export function corpusDigest(sets = dataSets) {
  const hash = createHash("sha256");
  for (const { name, kind, values } of sets) {
    hash.update(JSON.stringify([name, kind, values.length]));
    for (const value of values) {
      const bytes = valueBytes(value);
      hash.update(JSON.stringify([value.key, bytes.length])).update(bytes);
    }
  }
  return hash.digest("hex");
}

/** @type {Map<string, Uint8Array>} */
const joined = new Map();

/**
 * All values of a set behind one another, made once.
 *
 * @param {DataSet} set
 */
function joinedBytes(set) {
  const known = joined.get(set.name);
  if (known) return known;
  const bytes = new Uint8Array(Buffer.concat(set.values.map(valueBytes)));
  joined.set(set.name, bytes);
  return bytes;
}

/**
 * Seeded random slices of the corpus: every set equally likely, every doubling of the length equally likely.
 * A slice may begin inside one value and end inside another of the same set.
 *
 * @param {number} seed
 * @param {number} count
 * @param {{ minLength?: number, maxLength?: number }} [options] Bytes; defaults 1 and 256 KiB. A set shorter than a drawn length gives what it has.
 * @returns {{ name: string, start: number, end: number, bytes: Uint8Array }[]} `bytes` is `[start, end)` of the set.
 * @example
 * for (const { name, start, end, bytes } of slices(1, 600)) compare(bytes, `${name}[${start}, ${end})`);
 */
export function slices(seed, count, { minLength = 1, maxLength = 256 << 10 } = {}) {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const set = random.pick(dataSets);
    const whole = joinedBytes(set);
    const length = Math.min(random.logUniform(minLength, maxLength), whole.length);
    const start = random.below(whole.length - length + 1);
    return { name: set.name, start, end: start + length, bytes: whole.subarray(start, start + length) };
  });
}
