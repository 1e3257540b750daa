// The data: 200,000 flights of vega-datasets (US Bureau of Transportation Statistics), in the order of their time, a line of
// JSON each. They are written to Redis once.
import { createReadStream } from "node:fs";
import { fileURLToPath } from "node:url";

export const KEY = "flights";

/** How hard a value is compressed that is written once and read often; 3 is the default. */
const LEVEL = 12;

const file = fileURLToPath(new URL("../data/flights-200k.json", import.meta.resolve("vega-datasets")));

/** The flights as lines: the file is one array without spaces. */
async function* readLines() {
  let rest = "";
  for await (const text of createReadStream(file, "utf8")) {
    const objects = (rest + text).split("},{");
    rest = objects.pop();
    const lines = objects.map((object) => `{${object.replace(/^\[\{/, "")}}\n`);
    if (lines.length > 0) yield Buffer.from(lines.join(""));
  }
  yield Buffer.from(`{${rest.replace(/\}\]\s*$/, "")}}\n`);
}

/**
 * Stores the flights if they are not there, and says what it costs.
 *
 * @param {import("zstash/store").Store} store
 * @returns {Promise<{ size: number, storedSize: number }>}
 */
export async function storeFlights(store) {
  const found = await store.stat(KEY);
  if (found !== null) return found;
  return store.put(KEY, readLines(), { kind: "json", level: LEVEL });
}
