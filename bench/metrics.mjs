// Processor time that metrics cost: a SET and a GET of 1 KB, and a put and a getBytes of the store, without a listener, with
// one that does nothing and with a collector, in turn. The server is a process of its own. Needs a build; uses redis-server.
//
//   node bench/metrics.mjs [--seconds 20] [--size 1024]

import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createMetrics } from "zstash/metrics";
import { Redis } from "zstash/redis";
import { createStore } from "zstash/store";
import { percentile, record } from "./interleave.mjs";
import { jsonOfSize } from "./json-of-size.mjs";
import { table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { seconds: { type: "string" }, size: { type: "string" } } });
const seconds = Number(flags.seconds ?? 20);
const text = jsonOfSize(Number(flags.size ?? 1024));
/** Calls of one side in one round: few, so that what else the machine does hits few rounds. */
const CALLS = 12;

const server = fork(fileURLToPath(new URL("./wire/server.mjs", import.meta.url)));
const [{ url, token, backend }] = await once(server, "message");
console.log(`${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}; ${backend}\n`);

const listeners = { none: undefined, empty: () => undefined, metrics: createMetrics().onEvent };
const names = /** @type {("none" | "empty" | "metrics")[]} */ (Object.keys(listeners));
/** @param {keyof typeof listeners} name */
const redisFor = (name) => {
  const onEvent = listeners[name];
  const compression = onEvent === undefined ? {} : { onEvent };
  return new Redis({ url, token, enableTelemetry: false, automaticDeserialization: false, compression });
};
/** @param {keyof typeof listeners} name */
const storeFor = (name) => {
  const onEvent = listeners[name];
  return createStore({ url, token, ...(onEvent === undefined ? {} : { onEvent }) });
};
const clients = record(names, redisFor);
const stores = record(names, storeFor);
/** @type {Record<string, (name: keyof typeof listeners) => Promise<unknown>>} */
const works = {
  SET: (name) => clients[name].set("bench", text),
  GET: (name) => clients[name].get("bench"),
  put: (name) => stores[name].put("bench:store", text),
  getBytes: (name) => stores[name].getBytes("bench:store"),
};

const rows = [];
for (const [work, run] of Object.entries(works)) {
  const samples = record(names, () => /** @type {number[]} */ ([]));
  const start = performance.now();
  const elapsed = () => (performance.now() - start) / 1000;
  for (let round = 0; elapsed() < seconds; round++) {
    const warm = elapsed() > seconds * 0.3;
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round) % names.length];
      const before = process.cpuUsage();
      for (let call = 0; call < CALLS; call++) await run(name);
      const { user, system } = process.cpuUsage(before);
      if (warm) samples[name].push((user + system) / CALLS);
    }
  }
  for (const name of /** @type {const} */ (["empty", "metrics"])) {
    const ratios = samples[name].map((time, round) => time / samples.none[round]);
    rows.push([
      work,
      name,
      Math.min(...samples.none).toFixed(1),
      (percentile(samples[name], 0.2) / percentile(samples.none, 0.2)).toFixed(3),
      (Math.min(...samples[name]) / Math.min(...samples.none)).toFixed(3),
      percentile(ratios, 0.5).toFixed(3),
      `${ratios.length}`,
    ]);
  }
}
console.log(
  table(
    [
      "work",
      "listener",
      "µs without",
      "ratio of 20th percentiles",
      "of minima",
      "median of rounds",
      "rounds",
    ],
    rows,
  ),
);

// The collector alone: what an event costs.
const { onEvent } = createMetrics();
/** @type {import("zstash/metrics").ZstashEvent} */
const compressed = {
  type: "compressed",
  command: "SET",
  key: "bench",
  size: 1024,
  storedSize: 400,
  level: 1,
  kind: "text",
  ms: 0.02,
  written: true,
};
/** @type {import("zstash/metrics").ZstashEvent} */
const request = {
  type: "request",
  command: "SET",
  attempt: 1,
  sentSize: 400,
  receivedSize: 5,
  status: 200,
  ms: 0.2,
};
for (const event of [compressed, request]) {
  const times = Array.from({ length: 200 }, () => {
    const start = performance.now();
    for (let call = 0; call < 5000; call++) onEvent(event);
    return ((performance.now() - start) * 1000) / 5000;
  });
  console.log(`an event "${event.type}" takes the collector ${Math.min(...times).toFixed(2)} µs`);
}
server.kill();
process.exit(0);
