/** Small values with a dictionary that is trained on the spot: what it saves, and whether every byte comes back. */
import { trainDictionary } from "zstash/train";
import { bytes, count, table } from "../bench/table.mjs";
import { storeAndVerify } from "./store.mjs";

/** Mean bytes of values that are too small to be compressed alone and large enough for a dictionary. */
const [LEAST, MOST] = [128, 1024];
/** Of so many values one is trained on; the others are new to the dictionary. */
const TRAINED = 3;

/** @typedef {import("./store.mjs").Item} Item */
/** @typedef {import("./store.mjs").Stored} Stored */
/** @typedef {{ name: string, kind: string, items: readonly Item[], rawSize: number }} DataSet */

/** Returns true for a set of small values with something in common. @param {DataSet} set */
export function isSmall({ kind, items, rawSize }) {
  const mean = rawSize / items.length;
  return kind !== "raw" && mean >= LEAST && mean < MOST;
}

/**
 * Stores a set with a dictionary that was trained on a third of it, and reads it back with other clients.
 *
 * @param {DataSet} set
 * @param {{ text: Stored, raw: Stored }} without What the set is without a dictionary.
 * @param {(dictionaries: readonly Uint8Array[]) => Parameters<typeof storeAndVerify>[0]} connect Makes clients.
 * @returns {Promise<{ lines: string[], failed: boolean, storedSize: number }>} `storedSize` is of the raw carrier.
 */
export async function storeSmall({ name, items, rawSize }, without, connect) {
  const started = performance.now();
  const trainedOn = items.filter((_, index) => index % TRAINED === 0);
  const unseen = items.filter((_, index) => index % TRAINED !== 0);
  const { dictionary } = await trainDictionary(trainedOn.map(({ text }) => text));
  const seconds = (performance.now() - started) / 1000;
  const [known, found] = [
    await storeAndVerify(connect([dictionary]), trainedOn),
    await storeAndVerify(connect([dictionary]), unseen),
  ];
  const failed = known.different.length + found.different.length > 0;
  const both = (/** @type {"text" | "raw"} */ carrier) => ({
    storedSize: known[carrier].storedSize + found[carrier].storedSize,
    untouched: known[carrier].untouched + found[carrier].untouched,
  });
  const unseenSize = unseen.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  return {
    failed,
    storedSize: both("raw").storedSize,
    lines: [
      `${name} without and with a dictionary of ${bytes(dictionary.length)}, trained in ${seconds.toFixed(1)} s on a third:`,
      "",
      table(
        ["dictionary", "values", "as is", "text", "ratio", "raw", "ratio", "n"],
        [
          row("without", items.length, rawSize, without),
          row("with", items.length, rawSize, { text: both("text"), raw: both("raw") }),
          row("with, new values", unseen.length, unseenSize, found),
        ],
      ),
      "",
      `Read back by other clients that have it: ${failed ? "NOT all equal" : "all equal, byte for byte"}.`,
    ],
  };
}

/**
 * @param {string} title
 * @param {number} values
 * @param {number} size
 * @param {{ text: Stored, raw: Stored }} stored
 */
const row = (title, values, size, { text, raw }) => [
  title,
  count(values),
  bytes(size),
  ...[text, raw].flatMap(({ storedSize }) => [bytes(storedSize), `${(size / storedSize).toFixed(2)}×`]),
  count(values - raw.untouched),
];
