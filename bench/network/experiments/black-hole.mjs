/** What crosses a path that loses large packets without a word, by plain requests, the store and the wrapper. */
import { Redis as CompressingRedis } from "zstash/redis";
import { createStore } from "zstash/store";
import { jsonOfSize } from "../../json-of-size.mjs";
import { get, post } from "../rest.mjs";
import { pathKinds, setPath } from "../routes.mjs";

const TIMEOUT_MS = 5_000;
/** Bytes of a piece: with its head, the larger one is a full segment and the smaller one is not. */
const PIECES = [1000, 800];
const PIPELINE = { count: 40, size: 300 };

/**
 * How long it took, or how it failed.
 *
 * @param {() => Promise<unknown>} work Gives a number of requests, or nothing of interest.
 * @returns {Promise<Outcome>}
 *
 * @typedef {{ ms: number, requests?: number | undefined, failure?: string }} Outcome
 */
async function outcome(work) {
  const start = performance.now();
  try {
    const requests = await work();
    const ms = Math.round(performance.now() - start);
    return { ms, requests: typeof requests === "number" ? requests : undefined };
  } catch (error) {
    const { name, code } = /** @type {Error & { code?: string }} */ (error);
    const failure = name === "TimeoutError" || code === "TIMEOUT" ? "no answer" : (code ?? name);
    return { ms: Math.round(performance.now() - start), failure };
  }
}

/**
 * @param {unknown} a
 * @param {unknown} b
 * @param {string} what
 */
function equal(a, b, what) {
  if (a !== b) throw new Error(`${what} came back different`);
}

/**
 * Every way to send and fetch, each with connections of its own: one that is stuck must not stop the next.
 *
 * @param {import("../experiments.mjs").Context} context
 * @param {string} text
 * @returns {Record<string, () => Promise<unknown>>}
 */
function attempts({ warm, cold, token }, text) {
  const plain = () => ({ url: cold, token, signal: AbortSignal.timeout(TIMEOUT_MS) });
  /**
   * @param {number} port
   * @param {Partial<import("zstash/store").StoreOptions>} [options]
   */
  const store = (port, options) =>
    createStore({ url: warm[port], token, timeout: TIMEOUT_MS, retry: false, ...options });
  /**
   * @param {number} port
   * @param {import("zstash/upstash").CompressionOptions} [compression]
   */
  const wrapped = (port, compression = {}) =>
    new CompressingRedis({
      url: warm[port],
      token,
      timeout: TIMEOUT_MS,
      retry: false,
      automaticDeserialization: false,
      compression,
    });
  const values = Array.from({ length: PIPELINE.count }, (_, at) =>
    text.slice(at * PIPELINE.size, (at + 1) * PIPELINE.size),
  );
  /** @param {CompressingRedis} redis */
  const pipeline = async (redis) => {
    const batch = redis.pipeline();
    values.forEach((value, at) => batch.set(`pipeline:${at}`, value));
    await batch.exec();
    for (const [at, value] of values.entries())
      equal(await redis.get(`pipeline:${at}`), value, "a pipeline's value");
  };
  const size = `${text.length >> 10} KiB of JSON`;
  return {
    "plain POST of 4 KiB": () => post(plain(), ["set", "hole:4"], new Uint8Array(4096)),
    "plain POST of 12 KiB": () => post(plain(), ["set", "hole:12"], new Uint8Array(12_288)),
    "plain GET of 4 KiB": () => get(plain(), "there:4"),
    "plain GET of 12 KiB": () => get(plain(), "there:12"),
    [`store, as it is: put of ${size}`]: () => store(0).put("hole:store", text),
    [`store, as it is: get of ${size}`]: async () =>
      equal(await store(1).getText("there:store"), text, "the value"),
    ...Object.fromEntries(
      PIECES.flatMap((pieceSize, index) => {
        /** @param {number} port */
        const small = (port) => store(port + 2 * index, { pieceSize, concurrency: 1 });
        const key = `hole:${pieceSize}`;
        return [
          [`store, pieces of ${pieceSize}, one at a time: put`, () => small(2).put(key, text)],
          [
            `store, pieces of ${pieceSize}, one at a time: get`,
            async () => equal(await small(3).getText("there:store"), text, "the value"),
          ],
        ];
      }),
    ),
    "wrapper: pipeline of 40 SETs of 300 B": () => pipeline(wrapped(6)),
    "wrapper, maxRequestSize 1000: the same": () => pipeline(wrapped(7, { maxRequestSize: 1000 })),
  };
}

/**
 * What crosses a path that drops packets above 1492 bytes without a word.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const blackHole = {
  name: "black-hole",
  title: "Crossing a black hole",
  lab: "routed",
  async run(context) {
    const { lab, warm, token, link, progress, quick } = context;
    const text = jsonOfSize(quick ? 20 << 10 : 100 << 10);
    await link.set({ mbit: 100, rtt: 20 });
    setPath(lab, {});
    const where = { url: warm[9], token };
    await post(where, ["set", "there:4"], new Uint8Array(4096));
    await post(where, ["set", "there:12"], new Uint8Array(12_288));
    await createStore(where).put("there:store", text);
    const [open, hole] = pathKinds;
    /** @type {Record<string, Record<"hole" | "open", Outcome>>} */
    const rows = {};
    for (const [which, kind] of /** @type {const} */ ([
      ["hole", hole],
      ["open", open],
    ])) {
      setPath(lab, kind);
      const works = Object.entries(attempts(context, text));
      for (const [index, [name, work]] of works.entries()) {
        progress((which === "open" ? works.length : 0) + index, works.length * 2, name);
        rows[name] = { ...rows[name], [which]: await outcome(work) };
      }
    }
    return { timeoutMs: TIMEOUT_MS, rows };
  },
};
