// Large values through the store, against what is below it: `fetch` of the same bytes, and the codec alone.
// `--size MiB` of compressed bytes (default 400), `--json` for numbers. Needs a redis-server for values over 100 MB.

import { createHash } from "node:crypto";
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadZstd } from "zstash";
import { createStore } from "zstash/store";
import { percentile, record } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";

const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "400" },
    rounds: { type: "string", default: "7" },
    json: { type: "boolean" },
  },
});
const MIB = 2 ** 20;
const server = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)));
const [{ url, token, backend }] = await once(server, "message");

/** Requests on their way, and how many pieces they held at most. */
const traffic = { requests: 0, running: 0, most: 0, received: 0 };
/** @type {import("zstash/store").Fetch} */
async function countedFetch(input, init) {
  traffic.requests += 1;
  traffic.running += 1;
  traffic.most = Math.max(traffic.most, traffic.running);
  const response = await fetch(input, init).finally(() => (traffic.running -= 1));
  if (response.body === null) return response;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        traffic.received += chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, response);
}

const reset = () => Object.assign(traffic, { requests: 0, running: 0, most: 0, received: 0 });
const zstd = await loadZstd({ memoryLimit: 64 << 20 });
const store = createStore({ url, token, zstd, fetch: countedFetch });

/**
 * JSON that differs in every 4 MiB, `size` bytes of it, and its hash as it passes.
 *
 * @param {number} size
 * @param {import("node:crypto").Hash} hash
 * @returns {ReadableStream<Uint8Array>}
 */
function source(size, hash) {
  const block = new TextEncoder().encode(jsonOfSize(4 * MIB));
  let made = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (made >= size) return controller.close();
        const chunk = block.slice(0, Math.min(block.length, size - made));
        // A number in each 4 KiB, so that no block repeats another.
        const view = new DataView(chunk.buffer);
        for (let at = 0; at + 8 <= chunk.length; at += 4096) view.setFloat64(at, made + at * Math.PI);
        made += chunk.length;
        hash.update(chunk);
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * RSS growth and linear memory in MiB, and seconds, of some work.
 *
 * @template T
 * @param {() => Promise<T>} work
 */
async function watched(work) {
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let [rss, linear] = [before, 0];
  const timer = setInterval(() => {
    rss = Math.max(rss, process.memoryUsage().rss);
    linear = Math.max(linear, zstd.stats().memory);
  }, 10);
  const start = performance.now();
  const result = await work();
  clearInterval(timer);
  return {
    result,
    seconds: (performance.now() - start) / 1000,
    rss: (rss - before) / MIB,
    linear: linear / MIB,
  };
}

/**
 * @param {ReadableStream<Uint8Array> | null} stream
 * @param {(chunk: Uint8Array) => unknown} onChunk
 */
async function consume(stream, onChunk = () => undefined) {
  let size = 0;
  if (stream === null) throw new Error("there is no value");
  for await (const chunk of stream) {
    size += chunk.length;
    onChunk(chunk);
  }
  return size;
}

/**
 * What a put returns where there was nothing before.
 *
 * @param {string} key
 * @param {import("zstash/store").ValueSource} value
 * @param {import("zstash/store").PutOptions} [options]
 */
async function stored(key, value, options) {
  const result = await store.put(key, value, options);
  if (result === null) throw new Error(`${key} was not stored`);
  return result;
}

/** @type {string[]} */
const lines = [];
const say = (text = "") => lines.push(text);
/** @type {Record<string, unknown>} */
const numbers = { backend };
const machine = `${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}`;

try {
  // How much JSON makes the compressed size that is asked for.
  const probe = await stored("bench:probe", source(64 * MIB, createHash("sha256")));
  const ratio = probe.size / probe.storedSize;
  const size = Math.round(Number(flags.size) * MIB * ratio);

  reset();
  const sent = createHash("sha256");
  const put = await watched(() => stored("bench:large", source(size, sent)));
  const putTraffic = { ...traffic };
  reset();
  const read = createHash("sha256");
  const got = await watched(async () =>
    consume(await store.get("bench:large"), (chunk) => read.update(chunk)),
  );
  const getTraffic = { ...traffic };
  const equal = got.result === size && read.digest("hex") === sent.digest("hex");

  // The same compressed bytes with nothing but fetch: pieces of 4 MiB, one after the other.
  const bare = await watched(async () => {
    const headers = { authorization: `Bearer ${token}`, "upstash-response-format": "resp2" };
    let bytes = 0;
    for (let at = 0; at < put.result.storedSize; at += 4 * MIB) {
      const response = await fetch(`${url}/getrange/bench:large/${at}/${at + 4 * MIB - 1}`, { headers });
      bytes += await consume(response.body);
    }
    return bytes;
  });
  numbers.large = {
    contentMiB: size / MIB,
    compressedMiB: put.result.storedSize / MIB,
    equal,
    put: { seconds: put.seconds, rssMiB: put.rss, linearMiB: put.linear, ...putTraffic },
    get: { seconds: got.seconds, rssMiB: got.rss, linearMiB: got.linear, ...getTraffic },
    bareFetch: { seconds: bare.seconds, rssMiB: bare.rss },
  };
  /** @param {number} value */
  const mib = (value) => `${value.toFixed(0)} MiB`;
  say(
    `${mib(size / MIB)} of JSON, ${mib(put.result.storedSize / MIB)} compressed, put from a stream and got back: ${equal ? "equal" : "NOT EQUAL"}`,
  );
  say();
  say("                seconds   RSS       linear memory   requests   on their way at most");
  const pieces = Math.ceil(put.result.storedSize / (4 * MIB));
  for (const [name, { seconds, rss, linear }, { requests, most }] of /** @type {const} */ ([
    ["put", put, putTraffic],
    ["get", got, getTraffic],
    ["fetch alone", bare, { requests: pieces, most: 1 }],
  ])) {
    const memory = name === "fetch alone" ? "" : `${linear.toFixed(1)} MiB`;
    say(
      `${name.padEnd(14)} ${seconds.toFixed(1).padStart(8)}   ${`+${rss.toFixed(0)} MiB`.padEnd(9)} ${memory.padEnd(15)} ${String(requests).padStart(8)} ${String(most).padStart(12)}`,
    );
  }

  // One kilobyte out of a seekable value of 100 MB.
  const seekable = await stored("bench:seekable", source(100_000_000, createHash("sha256")), {
    layout: { frameSize: 65536 },
  });
  const other = createStore({ url, token, zstd, fetch: countedFetch });
  /** @param {number} start */
  const range = async (start) => {
    reset();
    const began = performance.now();
    const bytes = await consume(await other.getRange("bench:seekable", start, start + 1024));
    return { bytes, ms: performance.now() - began, requests: traffic.requests, received: traffic.received };
  };
  const cold = await range(77_777_777);
  const warm = [];
  for (let round = 0; round < 50; round++) warm.push(await range((round * 1_999_993) % 99_000_000));
  const warmMs = warm.map(({ ms }) => ms);
  const most = {
    ms: percentile(warmMs, 0.5),
    received: Math.max(...warm.map(({ received }) => received)),
    requests: Math.max(...warm.map(({ requests }) => requests)),
  };
  numbers.range = { storedBytes: seekable.storedSize, cold, warm: most };
  say();
  say(
    `1 KB out of 100 MB in frames of 64 KiB (${seekable.frameCount} frames, ${(seekable.storedSize / 1e6).toFixed(1)} MB stored):`,
  );
  say(
    `cold  ${cold.requests} requests, ${(cold.received / 1000).toFixed(1)} KB received, ${cold.ms.toFixed(1)} ms`,
  );
  say(
    `warm  ${most.requests} request, at most ${(most.received / 1000).toFixed(1)} KB received, ${most.ms.toFixed(1)} ms median of ${warm.length}`,
  );

  // What each layout costs, and 10 MiB against one POST of the same compressed bytes.
  const content = new TextEncoder().encode(jsonOfSize(10 * MIB));
  const frame = zstd.compress(content);
  /** @type {Record<string, import("zstash/store").Layout>} */
  const layouts = {
    ramp: "ramp",
    "flushSize 16384": { flushSize: 16384 },
    "frameSize 65536": { frameSize: 65536 },
    "mtu 1500": { mtu: 1500 },
  };
  const names = Object.keys(layouts);
  const times = record(["one POST", ...names], () => /** @type {number[]} */ ([]));
  const reads = record(names, () => /** @type {number[]} */ ([]));
  /** @type {Record<string, import("zstash/store").PutResult>} */
  const sizes = {};
  for (let round = 0; round < Number(flags.rounds); round++) {
    const start = performance.now();
    await (
      await fetch(`${url}/set/bench:post`, {
        method: "POST",
        body: /** @type {Uint8Array<ArrayBuffer>} */ (frame),
        headers: { authorization: `Bearer ${token}` },
      })
    ).text();
    times["one POST"].push(performance.now() - start);
    for (const [name, layout] of Object.entries(layouts)) {
      const began = performance.now();
      sizes[name] = await stored(`bench:${name}`, content, { layout });
      times[name].push(performance.now() - began);
      const reading = performance.now();
      await consume(await store.get(`bench:${name}`));
      reads[name].push(performance.now() - reading);
    }
  }
  say();
  say(`10 MiB of JSON on loopback, ${flags.rounds} rounds in turn, ms: least, median`);
  /** @type {Record<string, object>} */
  const results = {};
  numbers.layouts = results;
  for (const [name, list] of Object.entries(times)) {
    const { storedSize = frame.length, frameCount = 1, largestFrame = 0 } = sizes[name] ?? {};
    /** @param {readonly number[] | undefined} samples */
    const cells = (samples) =>
      samples === undefined
        ? ""
        : `${Math.min(...samples)
            .toFixed(0)
            .padStart(5)} ${percentile(samples, 0.5).toFixed(0).padStart(5)}`;
    results[name] = { put: list, get: reads[name], storedSize, frameCount, largestFrame };
    say(
      `${name.padEnd(16)} put ${cells(list)}   get ${cells(reads[name]).padEnd(11)}   ${storedSize} bytes, ${frameCount} frames${largestFrame ? `, the largest ${largestFrame}` : ""}`,
    );
  }
} finally {
  server.disconnect();
  await once(server, "exit");
}
if (flags.json) console.log(JSON.stringify({ machine, ...numbers }, null, 1));
else console.log(`${machine}\n${backend}\n\n${lines.join("\n")}`);
