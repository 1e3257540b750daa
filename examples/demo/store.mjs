/** Every value of a data set through Redis and back, in batches, with a check of every byte. */

/** Text of values in one batch, at most: the client makes one request of it, and requests end at 10 MiB. */
const BATCH_LENGTH = 500_000;
const BATCH_VALUES = 500;

/** @typedef {{ key: string, text: string }} Item */

/**
 * @param {readonly Item[]} items
 * @returns {Generator<Item[]>}
 */
function* batches(items) {
  let batch = [];
  let length = 0;
  for (const item of items) {
    if (batch.length > 0 && (length + item.text.length > BATCH_LENGTH || batch.length === BATCH_VALUES)) {
      yield batch;
      batch = [];
      length = 0;
    }
    batch.push(item);
    length += item.text.length;
  }
  if (batch.length > 0) yield batch;
}

/**
 * Writes all items with one client, reads them back with another, and looks at what lies in Redis with a third that
 * knows nothing of compression.
 *
 * @param {{ writer: import("@upstash/redis").Redis, reader: import("@upstash/redis").Redis, stock: import("@upstash/redis").Redis }} clients
 * @param {readonly Item[]} items
 * @returns {Promise<{ storedSize: number, different: string[], untouched: string[] }>} Bytes in Redis; the keys whose
 * value did not come back equal; the keys whose value lies in Redis as it went in.
 */
export async function storeAndVerify({ writer, reader, stock }, items) {
  let storedSize = 0;
  const different = [];
  const untouched = [];
  for (const batch of batches(items)) {
    await Promise.all(batch.map(({ key, text }) => writer.set(key, text)));
  }
  for (const batch of batches(items)) {
    const again = await Promise.all(batch.map(({ key }) => reader.get(key)));
    const stored = await Promise.all(batch.map(({ key }) => stock.get(key)));
    const sizes = await Promise.all(batch.map(({ key }) => stock.strlen(key)));
    batch.forEach(({ key, text }, index) => {
      storedSize += sizes[index];
      if (again[index] !== text) different.push(key);
      if (stored[index] === text) untouched.push(key);
    });
  }
  return { storedSize, different, untouched };
}
