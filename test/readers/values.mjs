// The values that every reader gets: one text in each layout, as zstash writes it and as it lies in Redis.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { loadZstd, readDictionary } from "zstash";
import { createDevServer } from "zstash/dev";
import { createStore } from "zstash/store";
import { jsonOfSize } from "../../bench/json-of-size.mjs";

/** Characters of the text: several blocks, more than two frames of each layout in frames. */
const SIZE = 300_000;

/** What the store is told for each layout. A dictionary and no compression are not the store's: they are made below. */
const layouts = {
  ramp: "ramp",
  flushSize: { flushSize: 16_384 },
  frameSize65536: { frameSize: 65_536 },
  frameSize50000: { frameSize: 50_000 },
  mtu: { mtu: 1500 },
};

/** The columns of the table, in its order. */
export const columns = {
  ramp: "one frame",
  flushSize: "`flushSize`",
  frameSize65536: "`frameSize` 65,536",
  frameSize50000: "`frameSize` 50,000",
  mtu: "`mtu`",
  dictionary: "dictionary",
  uncompressed: "uncompressed",
};

/** The name of the file that holds the dictionary, beside those of the layouts. */
export const DICTIONARY = "dictionary.dict";

/**
 * Writes the values into a folder, a file for each layout, and the dictionary.
 *
 * @param {string} folder
 * @returns {Promise<{ text: Buffer<ArrayBuffer>, stored: Readonly<Record<string, Buffer<ArrayBuffer>>> }>}
 */
export async function writeValues(folder) {
  const text = Buffer.from(jsonOfSize(SIZE));
  const server = await createDevServer({ backend: "embedded", token: "readers" });
  /** @type {Record<string, Buffer<ArrayBuffer>>} */
  const stored = {};
  try {
    const { url } = await server.listen();
    const store = createStore({ url, token: server.token });
    for (const [name, layout] of Object.entries(layouts)) {
      await store.put(name, text, /** @type {any} */ ({ layout }));
      stored[name] = await bytesAt(url, server.token, name);
    }
  } finally {
    await server.close();
  }
  const bytes = await readFile(new URL("../vectors/dictionaries/sessions-1001.dict", import.meta.url));
  const dictionary = readDictionary(new Uint8Array(bytes));
  stored.dictionary = Buffer.from((await loadZstd()).compress(text, { dictionary }));
  stored.uncompressed = text;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, DICTIONARY), bytes);
  for (const name of Object.keys(columns)) await writeFile(join(folder, name), stored[name]);
  return { text, stored };
}

/**
 * The Redis string of a key, byte for byte.
 *
 * @param {string} url
 * @param {string} token
 * @param {string} key
 */
async function bytesAt(url, token, key) {
  const headers = { authorization: `Bearer ${token}`, "upstash-encoding": "base64" };
  const { result } = /** @type {{ result: string }} */ (
    await (await fetch(`${url}/get/${key}`, { headers })).json()
  );
  return Buffer.from(result, "base64");
}
