/** What dictionaries do through clients: SET and GET against the stock client, and the requests of a reader. */
import { Redis as StockRedis } from "@upstash/redis";
import { createDictionaryManager } from "zstash/dictionaries";
import { readDictionary } from "zstash";
import { Redis } from "zstash/redis";
import { compressionMiddleware } from "zstash/upstash";
import { inTurn } from "./trained.mjs";

/** @typedef {{ url: string, token: string }} Endpoint */

/** Sizes of records that count as half a kilobyte. */
const [LEAST, MOST] = [400, 650];
const RECORDS = 100;
const decoder = new TextDecoder();

/**
 * SET and GET of records of half a kilobyte over the raw carrier: bytes in Redis and processor time of this process, over
 * the stock client's.
 *
 * @param {Endpoint} endpoint
 * @param {readonly Uint8Array[]} records
 * @param {Uint8Array} dictionary
 */
export async function measurePairs(endpoint, records, dictionary) {
  const values = records
    .filter(({ length }) => length >= LEAST && length <= MOST)
    .slice(0, RECORDS)
    .map((bytes) => decoder.decode(bytes));
  if (values.length < 20) return undefined;
  const options = { ...endpoint, enableTelemetry: false, automaticDeserialization: false };
  const stock = new StockRedis(options);
  const clients = [
    stock,
    new Redis(options),
    new Redis({ ...options, compression: { dictionaries: [dictionary] } }),
  ];
  /** @type {number[]} */
  const sizes = [];
  for (const [side, client] of clients.entries()) {
    let size = 0;
    for (const [index, value] of values.entries()) {
      await client.set(`${side}:${index}`, value);
      size += await stock.strlen(`${side}:${index}`);
    }
    sizes.push(size);
  }
  const pairs = async (/** @type {number} */ side) => {
    for (const [index, value] of values.entries()) {
      await clients[side].set(`${side}:${index}`, value);
      if ((await clients[side].get(`${side}:${index}`)) !== value) throw new Error("another value came back");
    }
  };
  const [, without, withIt] = await inTurn([() => pairs(0), () => pairs(1), () => pairs(2)], {
    rounds: 25,
    warm: 5,
    calls: values.length,
  });
  return {
    records: values.length,
    size: sizes[0] / values.length,
    bytes: { without: sizes[1] / sizes[0], with: sizes[2] / sizes[0] },
    cpu: { without, with: withIt },
  };
}

/**
 * The requests of a reader that has `dictionaries: "auto"` and knows nothing: of its first value with a dictionary, and of
 * ten others.
 *
 * @param {Endpoint} endpoint
 * @param {readonly string[]} values
 * @param {Uint8Array} dictionary
 */
export async function countRequests(endpoint, values, dictionary) {
  const manager = createDictionaryManager(endpoint);
  await manager.publish(dictionary, { pattern: "requests:*", share: 1 });
  const options = { ...endpoint, enableTelemetry: false, enableAutoPipelining: false };
  const writer = new Redis({ ...options, compression: { dictionaries: "auto", dictionaryWait: 10_000 } });
  for (const [index, value] of values.entries()) await writer.set(`requests:${index}`, value);
  let requests = 0;
  const reader = new Redis({
    ...options,
    // Another name of the same server: what the writer knows is not the reader's.
    url: endpoint.url.replace("127.0.0.1", "localhost"),
    compression: {
      dictionaries: "auto",
      onEvent: ({ type }) => void (requests += type === "request" ? 1 : 0),
    },
  });
  await reader.get("requests:0");
  const first = requests;
  for (let index = 1; index <= 10; index++) await reader.get(`requests:${index}`);
  return { first: first - 1, later: requests - first - 10 };
}

/**
 * Processor time of SET and GET with a thousand dictionaries known over that with one, without a network.
 *
 * @param {readonly string[]} values
 * @param {Uint8Array} dictionary
 */
export async function measureThousand(values, dictionary) {
  const copies = Array.from({ length: 1000 }, (_, index) => {
    const copy = new Uint8Array(dictionary);
    new DataView(copy.buffer).setUint32(4, 100_000 + index, true);
    return readDictionary(copy);
  });
  const sides = [copies.slice(0, 1), copies].map((dictionaries) => {
    const middleware = compressionMiddleware({ dictionaries });
    return async () => {
      for (const value of values) {
        /** @type {unknown} */
        let stored;
        await middleware({ body: ["set", "key", value] }, async ({ body }) => {
          [, , stored] = /** @type {unknown[]} */ (body);
          return { result: "OK" };
        });
        const { result } = await middleware({ body: ["get", "key"] }, async () => ({ result: stored }));
        if (result !== value) throw new Error("another value came back");
      }
    };
  });
  const [one, thousand] = await inTurn([sides[0], sides[1]], { rounds: 40, warm: 10, calls: values.length });
  return { each: one.each, minimum: thousand.minimum, median: thousand.median };
}
