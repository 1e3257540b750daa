// The demo's short form: a bar for each data set, and one sentence. It fits 80 columns.
import { bytes, count } from "../bench/table.mjs";

const BAR = 24;
const NAME = 17;

/**
 * What is told of a data set: bytes as they are and as zstash/redis stores them (with a dictionary where that is less), and
 * the medians of SET and GET in ms, the stock client's before zstash's.
 *
 * @typedef {{
 *   name: string,
 *   values: number,
 *   size: number,
 *   stored: number,
 *   dictionary: boolean,
 *   set: readonly [number, number],
 *   get: readonly [number, number],
 * }} Told
 */

/** @param {readonly [number, number]} pair */
const ms = ([stock, own]) => `${stock.toFixed(2)} → ${own.toFixed(2)}`;

/**
 * @param {Told} told
 */
function row({ name, size, stored, dictionary, set, get }) {
  const share = Math.min(1, stored / size);
  const filled = Math.max(1, Math.round(share * BAR));
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR - filled)}`;
  const ratio = `${(size / stored).toFixed(1)}×${dictionary ? "*" : " "}`;
  return `${name.padEnd(NAME)}${bar} ${ratio.padStart(6)}${ms(set).padStart(15)}${ms(get).padStart(15)}`;
}

/**
 * The lines of the short form.
 *
 * @param {readonly Told[]} all
 * @param {boolean} equal Whether every value was read back as it was.
 */
export function barLines(all, equal) {
  const size = all.reduce((sum, one) => sum + one.size, 0);
  const stored = all.reduce((sum, one) => sum + one.stored, 0);
  const values = all.reduce((sum, one) => sum + one.values, 0);
  const head = `${"data set".padEnd(NAME)}${"bytes in Redis".padEnd(BAR)}  ratio${"SET p50, ms".padStart(15)}${"GET p50, ms".padStart(15)}`;
  const outcome = equal ? "all read back equal, byte for byte" : "NOT all read back equal";
  return [
    head,
    ...all.map(row),
    "",
    all.some(({ dictionary }) => dictionary) ? "* with a dictionary trained on the spot" : "",
    `${count(values)} values of ${bytes(size)} lie in Redis in ${bytes(stored)} (${(size / stored).toFixed(1)}×):`,
    `${outcome}. Every figure: npm run demo -- --full`,
  ].filter((line, index, lines) => line !== "" || lines[index - 1] !== "");
}
