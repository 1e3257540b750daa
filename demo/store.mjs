/** Every value of a data set through Redis and back, by each carrier, with a check of every byte. */

/** Text of values in one batch, at most: the client makes one request of it, and requests end at 10 MiB. */
const BATCH_LENGTH = 500_000;
const BATCH_VALUES = 500;
/** Requests at once where every value has its own. */
const LANES = 8;

/**
 * @typedef {{ key: string, text: string }} Item
 * @typedef {import("@upstash/redis").Redis} Redis
 * @typedef {{ storedSize: number, untouched: number }} Stored Bytes in Redis; how many values lie there as they went in.
 */

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
 * Gives every item to `work`, a few at a time.
 *
 * @param {readonly Item[]} items
 * @param {(item: Item) => Promise<unknown>} work
 */
async function each(items, work) {
  const rest = items.values();
  const lane = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

/**
 * Writes all items by each carrier and without zstash; reads each of them back with other clients, of both carriers;
 * looks at what lies in Redis with a client that knows nothing of compression.
 *
 * @param {{ stock: Redis, text: Redis, raw: Redis, textReader: Redis, rawReader: Redis }} clients `raw` must send each
 * value in a request of its own: several in one travel as text.
 * @param {readonly Item[]} items
 * @returns {Promise<{ text: Stored, raw: Stored, different: string[] }>} `different` says which values did not come
 * back equal, and how they were written and read.
 */
export async function storeAndVerify({ stock, text, raw, textReader, rawReader }, items) {
  for (const batch of batches(items)) {
    await Promise.all(
      batch.flatMap((item) => [
        stock.set(`stock:${item.key}`, item.text),
        text.set(`text:${item.key}`, item.text),
      ]),
    );
    await each(batch, (item) => raw.set(`raw:${item.key}`, item.text));
  }
  const found = { text: { storedSize: 0, untouched: 0 }, raw: { storedSize: 0, untouched: 0 } };
  /** @type {string[]} */
  const different = [];
  for (const batch of batches(items)) {
    /** @param {Redis} reader @param {string} written */
    const readBy = (reader, written) =>
      Promise.all(batch.map(async ({ key }) => reader.get(`${written}:${key}`)));
    for (const [written, readers] of Object.entries({
      // A client for text cannot read raw frames.
      text: { textReader, rawReader },
      raw: { rawReader },
      stock: { textReader, rawReader },
    })) {
      for (const [by, reader] of Object.entries(readers)) {
        const again = await readBy(reader, written);
        batch.forEach((item, index) => {
          if (again[index] !== item.text) different.push(`${item.key} (${written}, ${by})`);
        });
      }
    }
    for (const carrier of /** @type {const} */ (["text", "raw"])) {
      const stored = await readBy(stock, carrier);
      const sizes = await Promise.all(batch.map(({ key }) => stock.strlen(`${carrier}:${key}`)));
      batch.forEach((item, index) => {
        found[carrier].storedSize += sizes[index];
        if (stored[index] === item.text) found[carrier].untouched++;
      });
    }
  }
  return { ...found, different };
}
