// What serving costs: processor time of a frame that is passed on beside one that is decoded, what of a body is held at
// once, megabytes a second of decoding, and when a page on a slow link has its first and its last row.
//
//   node bench/serve.mjs [--json]

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { loadZstd } from "zstash";
import { createDevServer } from "zstash/dev";
import { serve, serveKey } from "zstash/serve";
import { createStore } from "zstash/store";
import { percentile } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";
import { bytes, table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" } } });
const zstd = await loadZstd();
const CHUNK = 64 << 10;
const zstdOnly = { "accept-encoding": "zstd" };

const requestOf = (/** @type {Record<string, string>} */ headers = {}) =>
  new Request("http://localhost/", { headers });

/**
 * The bytes in chunks of 64 KiB; `counts.read` counts them.
 *
 * @param {Uint8Array} data
 * @returns {ReadableStream<Uint8Array>}
 */
function source(data, counts = { read: 0 }) {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        if (at >= data.length) return controller.close();
        const chunk = data.slice(at, (at += CHUNK));
        counts.read += chunk.length;
        controller.enqueue(chunk);
      },
    },
    { highWaterMark: 0 },
  );
}

/** @param {Response} response */
async function drain(response) {
  let size = 0;
  if (response.body !== null) for await (const chunk of response.body) size += chunk.length;
  return size;
}

/**
 * Milliseconds of processor time of one call, the least of some rounds.
 *
 * @param {() => Promise<unknown>} work
 */
async function processorTime(work, calls = 40, rounds = 7) {
  let least = Infinity;
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let call = 0; call < calls; call++) await work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1000 / calls);
  }
  return least;
}

const content = new TextEncoder().encode(jsonOfSize(1_000_000)).subarray(0, 1_000_000);
const frame = zstd.compress(content);
let loads = 0;
const counting = () => {
  loads += 1;
  return Promise.resolve(zstd);
};
const passOn = await processorTime(async () =>
  drain(await serve(requestOf(zstdOnly), source(frame), { zstd: counting })),
);
const codecLoads = loads;
const decode = await processorTime(async () => drain(await serve(requestOf(), source(frame), { zstd })));

/** The most bytes that were read of a frame and not given yet. */
async function heldAtOnce() {
  const whole = new Uint8Array(16 << 20);
  for (let at = 0; at < whole.length; at += 65_536)
    whole.set(crypto.getRandomValues(new Uint8Array(65_536)), at);
  const stored = zstd.compress(whole);
  const counts = { read: 0 };
  const response = await serve(requestOf(zstdOnly), source(stored, counts));
  let given = 0;
  let most = 0;
  if (response.body !== null)
    for await (const chunk of response.body) {
      most = Math.max(most, counts.read - given);
      given += chunk.length;
    }
  return { most, size: stored.length };
}
const held = await heldAtOnce();

const many = new Uint8Array(64_000_000);
for (let at = 0; at < many.length; at += content.length) many.set(content, at);
const stored = zstd.compress(many, { level: 1 });
/** By the clock, which other programs of the machine hold up, and by processor time. */
const rates = [];
const workRates = [];
for (let round = 0; round < 7; round++) {
  const start = performance.now();
  const before = process.cpuUsage();
  await drain(await serve(requestOf(), source(stored), { zstd }));
  const { user, system } = process.cpuUsage(before);
  rates.push(many.length / 1000 / (performance.now() - start));
  workRates.push(many.length / (user + system));
}

/** What the page on a slow link measures, by coding. */
async function onSlowLink() {
  const modules = new URL("../test/runtimes/package.json", import.meta.url);
  if (!existsSync("/usr/bin/chromium") || !existsSync(new URL("node_modules", modules))) return undefined;
  const rows = new TextEncoder().encode(
    jsonOfSize(10_000_000).replace(/^\[/, "").replaceAll("},{", "}\n{").slice(0, 10_000_000),
  );
  const dev = await createDevServer({ backend: "embedded" });
  const { url } = await dev.listen();
  const store = createStore({ url, token: dev.token });
  await store.put("rows", rows);
  /** @type {Record<string, { body: Uint8Array, coding?: string }>} */
  const ready = {
    gzip: { body: gzipSync(rows), coding: "gzip" },
    brotli: {
      body: brotliCompressSync(rows, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
      coding: "br",
    },
  };
  const server = createServer((incoming, outgoing) => {
    const name = new URL(`http://localhost${incoming.url}`).pathname.slice(1);
    if (name === "")
      return void outgoing.writeHead(200, { "content-type": "text/html" }).end("<title>rows</title>");
    const one = ready[name];
    if (one !== undefined) {
      outgoing.writeHead(200, { "content-encoding": one.coding, "content-length": one.body.length });
      return void outgoing.end(one.body);
    }
    void serveKey(requestOf(name === "zstd" ? zstdOnly : {}), store, "rows").then(async (response) => {
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      if (response.body !== null)
        await pipeline(Readable.fromWeb(/** @type {never} */ (response.body)), outgoing);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  const { chromium } = createRequire(modules)("playwright");
  const browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu"],
  });
  try {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`http://127.0.0.1:${address.port}/`);
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", {
      offline: false,
      latency: 80,
      downloadThroughput: 10_000_000 / 8,
      uploadThroughput: 10_000_000 / 8,
    });
    /** @type {Record<string, { first: number[], last: number[], size: number }>} */
    const times = {};
    for (let round = 0; round < 3; round++)
      for (const name of ["identity", "zstd", "gzip", "brotli"]) {
        const measured = await page.evaluate(`(async () => {
          const start = performance.now();
          const reader = (await fetch("/${name}", { cache: "no-store" })).body.getReader();
          let first, size = 0;
          for (let next = await reader.read(); !next.done; next = await reader.read()) {
            if (first === undefined && next.value.includes(10)) first = performance.now() - start;
            size += next.value.length;
          }
          return { first, last: performance.now() - start, size };
        })()`);
        if (measured.size !== rows.length)
          throw new Error(`${name}: ${measured.size} bytes, not ${rows.length}`);
        const entry = (times[name] ??= { first: [], last: [], size: 0 });
        entry.first.push(measured.first);
        entry.last.push(measured.last);
      }
    const facts = await store.stat("rows");
    const sizes = {
      identity: rows.length,
      zstd: facts?.storedSize ?? 0,
      gzip: ready.gzip?.body.length ?? 0,
      brotli: ready.brotli?.body.length ?? 0,
    };
    return Object.entries(times).map(([name, { first, last }]) => ({
      name,
      size: sizes[/** @type {keyof typeof sizes} */ (name)],
      first: percentile(first, 0.5),
      last: percentile(last, 0.5),
    }));
  } finally {
    await browser.close();
    server.closeAllConnections();
    server.close();
    await dev.close();
  }
}
const link = await onSlowLink();

const result = {
  passOn,
  decode,
  ratio: passOn / decode,
  codecLoads,
  held,
  megabytesPerSecond: {
    median: percentile(rates, 0.5),
    most: Math.max(...rates),
    ofProcessorTime: percentile(workRates, 0.5),
  },
  link,
};
if (flags.json) console.log(JSON.stringify(result, undefined, 1));
else {
  console.log(`Node ${process.version}

1 MB of JSON as a frame of ${bytes(frame.length)}, processor time of a response
  passed on       ${passOn.toFixed(2)} ms, ${codecLoads} loads of a codec
  decoded         ${decode.toFixed(2)} ms
  ratio           ${result.ratio.toFixed(3)}
held at once of a frame of ${bytes(held.size)} that is passed on: ${bytes(held.most)}
decoded, 64 MB of JSON: ${result.megabytesPerSecond.median.toFixed(0)} MB/s (median of 7; most ${result.megabytesPerSecond.most.toFixed(0)}), ${result.megabytesPerSecond.ofProcessorTime.toFixed(0)} MB a second of processor time`);
  if (link === undefined)
    console.log("A page on a slow link: left out, Chromium or the packages of test/runtimes are missing");
  else {
    const [identity] = link;
    console.log(`
10 MB of JSON rows from a store, to a page in Chromium over 10 Mbit/s and 80 ms (its own emulation; medians of 3)
${table(
  ["coding", "bytes", "first row", "of identity's", "last row", "earlier"],
  link.map(({ name, size, first, last }) => [
    name,
    bytes(size),
    `${first.toFixed(0)} ms`,
    (first / (identity?.first ?? 1)).toFixed(2),
    `${(last / 1000).toFixed(2)} s`,
    `${((identity?.last ?? 0) / last).toFixed(1)} ×`,
  ]),
)}`);
  }
}
process.exit();
