/** Small values with a dictionary that is trained on the spot: what it saves, and whether every byte comes back. */
import { trainDictionary } from "zstash/train";
import { bytes, count, table } from "../bench/table.mjs";
import { storeAndVerify } from "./store.mjs";

/** Mean bytes of values that are too small to be compressed alone and large enough for a dictionary. */
const [LEAST, MOST] = [128, 1024];
/** Of so many values one is trained on; the others are new to the dictionary. */
const TRAINED = 3;

/** @typedef {{ key: string, text: string }} Item */
/** @typedef {{ name: string, kind: string, items: readonly Item[], rawSize: number }} DataSet */

/** Returns true for a set of small values with something in common. @param {DataSet} set */
export function isSmall({ kind, items, rawSize }) {
  const mean = rawSize / items.length;
  return kind !== "raw" && mean >= LEAST && mean < MOST;
}

/**
 * Stores a set without and with a dictionary that was trained on a third of it, and reads it back with other clients.
 *
 * @param {DataSet} set
 * @param {(dictionaries: readonly Uint8Array[]) => Parameters<typeof storeAndVerify>[0]} connect Makes clients.
 * @returns {Promise<{ lines: string[], failed: boolean }>}
 */
export async function storeSmall({ name, items }, connect) {
  const started = performance.now();
  const { dictionary } = await trainDictionary(
    items.filter((_, index) => index % TRAINED === 0).map(({ text }) => text),
  );
  const seconds = (performance.now() - started) / 1000;
  const unseen = items.filter((_, index) => index % TRAINED !== 0);
  let failed = false;
  const row = async (
    /** @type {string} */ title,
    /** @type {readonly Item[]} */ stored,
    /** @type {readonly Uint8Array[]} */ dictionaries,
  ) => {
    const { text, raw, different } = await storeAndVerify(
      connect(dictionaries),
      stored.map(({ key, text }) => ({ key: `${title}:${key}`, text })),
    );
    failed ||= different.length > 0;
    const size = stored.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    return [
      title,
      count(stored.length),
      bytes(size),
      ...[text, raw].flatMap(({ storedSize }) => [bytes(storedSize), `${(size / storedSize).toFixed(2)}×`]),
      count(stored.length - raw.untouched),
    ];
  };
  const rows = [
    await row("without", items, []),
    await row("with", items, [dictionary]),
    await row("with, new values", unseen, [dictionary]),
  ];
  return {
    failed,
    lines: [
      `${name} without and with a dictionary of ${bytes(dictionary.length)}, trained in ${seconds.toFixed(1)} s on a third:`,
      "",
      table(["dictionary", "values", "as is", "text", "ratio", "raw", "ratio", "n"], rows),
      "",
      `Read back by other clients that have it: ${failed ? "NOT all equal" : "all equal, byte for byte"}.`,
    ],
  };
}
