/** When the first byte of a value is decoded, by how the value is cut. */
import { loadZstd } from "zstash";
import { createStore } from "zstash/store";
import { interleave, record } from "../../interleave.mjs";
import { jsonOfSize } from "../../json-of-size.mjs";
import { get, post } from "../rest.mjs";

const SIZE = 1 << 20;
/** What bytes come in from a socket. */
const ARRIVAL = 16 << 10;

/**
 * How a value may be cut: by the store, or by the codec alone where the store has no such layout.
 *
 * @type {readonly {
 *   name: string,
 *   layout?: import("zstash/store").Layout,
 *   stream?: import("zstash").CompressStreamOptions,
 * }[]}
 */
const layouts = [
  { name: "no flush: blocks of 128 KiB", stream: { flush: "none" } },
  { name: "ramp (default)", layout: "ramp" },
  { name: "flushSize 16384", layout: { flushSize: 16_384 } },
  { name: "flushSize 65536", layout: { flushSize: 65_536 } },
  { name: "frameSize 65536", layout: { frameSize: 65_536 } },
  { name: "mtu 1500", layout: { mtu: 1500 } },
  { name: "targetCBlockSize 1340", stream: { flush: "none", targetCBlockSize: 1340 } },
];

/** @param {ReadableStream<Uint8Array>} stream */
async function bytesOf(stream) {
  return new Uint8Array(await new Response(/** @type {BodyInit} */ (stream)).arrayBuffer());
}

/**
 * @param {Uint8Array} bytes
 * @returns {ReadableStream<Uint8Array>}
 */
function inArrivals(bytes) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, (at += ARRIVAL)));
    },
  });
}

/**
 * Whole value decoded at once and as a stream: time over that of unflushed blocks.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {Record<string, Uint8Array>} stored
 */
async function decodeCosts(zstd, stored) {
  const names = Object.keys(stored);
  const [base] = names;
  const { times, ratios } = interleave(
    record(names, (name) => () => zstd.decompress(stored[name])),
    { rounds: 25, size: SIZE },
  );
  const streamed = record(names, () => Infinity);
  for (let round = 0; round < 30; round++) {
    for (const name of names) {
      const start = performance.now();
      const reader = inArrivals(stored[name]).pipeThrough(zstd.decompressStream()).getReader();
      while (!(await reader.read()).done);
      streamed[name] = Math.min(streamed[name], performance.now() - start);
    }
  }
  return record(names, (name) => ({
    atOnce: times[name].min / times[base].min,
    median: name === base ? 1 : 1 / ratios[name].median,
    stream: streamed[name] / streamed[base],
  }));
}

/**
 * A 1 MiB value read as a stream: when its first byte is decoded, and what each layout costs for that.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const firstByte = {
  name: "first-byte",
  title: "Time to the first decoded byte",
  lab: "direct",
  async run({ quick, warm, cold, token, setLink, inTurn, progress }) {
    const zstd = await loadZstd();
    const text = jsonOfSize(SIZE);
    const size = new TextEncoder().encode(text).length;
    const writer = createStore({ url: warm[0], token });
    /** @type {Record<string, Uint8Array>} */
    const stored = {};
    await setLink({});
    for (const { name, layout, stream } of layouts) {
      if (layout !== undefined) await writer.put(name, text, { layout });
      else {
        const frame = new Blob([text])
          .stream()
          .pipeThrough(zstd.compressStream({ ...stream, contentSize: size }));
        await post({ url: warm[0], token }, ["set", name], await bytesOf(frame));
      }
      stored[name] = await get({ url: warm[0], token }, name);
      if (zstd.decompressText(stored[name]) !== text) throw new Error(`${name} came back different`);
    }
    const costs = await decodeCosts(zstd, stored);

    /**
     * @param {import("zstash/store").Store} from
     * @param {string} name
     */
    const read = async (from, name) => {
      const start = performance.now();
      let firstMs;
      const stream = await from.get(name);
      if (stream === null) throw new Error(`${name} is not there`);
      for await (const piece of stream) if (piece.length > 0) firstMs ??= performance.now() - start;
      return { firstMs };
    };
    const links = quick ? [{ mbit: 100, rtt: 80 }] : [1, 10, 100].map((mbit) => ({ mbit, rtt: 80 }));
    const cells = [];
    for (const [index, link] of links.entries()) {
      progress(index, links.length, `${link.mbit} Mbit, ${link.rtt} ms`);
      await setLink(link);
      /** @type {Record<string, import("../measure.mjs").Side>} */
      const sides = {};
      const coldStore = createStore({ url: cold, token });
      for (const [place, { name }] of layouts.entries()) {
        const own = { url: warm[place], token };
        const warmStore = createStore(own);
        sides[`${name} / cold`] = () => read(coldStore, name);
        // Warm is a connection that is open; what it has learnt is forgotten while the other layouts have their turn.
        sides[`${name} / warm`] = {
          prepare: () => post(own, ["ping"], ""),
          run: () => read(warmStore, name),
        };
      }
      const options = quick ? { least: 1, most: 1 } : { least: 3, most: 9, budget: 30_000 };
      cells.push({ ...link, sides: await inTurn(sides, options) });
    }
    const sizes = Object.fromEntries(Object.entries(stored).map(([name, bytes]) => [name, bytes.length]));
    return { size, layouts: layouts.map(({ name }) => name), sizes, costs, cells };
  },
};
