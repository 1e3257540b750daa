/** One kind of client that stores or reads values of 10 MB, many at once, and says what its process went through. */
import { readFileSync } from "node:fs";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { GCProfiler } from "node:v8";
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { createStore } from "zstash/store";

/**
 * @typedef {"stock" | "off" | "zstash" | "store"} Side
 * @typedef {"SET" | "GET"} Operation
 * @typedef {{ side: Side, operation: Operation, count: number, file: string, url: string, token: string }} Order
 */

const CHUNK = 64 << 10;
/** Milliseconds between two looks at the memory. */
const LOOK = 5;

const order = /** @type {Order} */ (JSON.parse(process.argv[2]));
const { side, operation, count, file, url, token } = order;
const bytes = new Uint8Array(readFileSync(file));
const text = side === "store" ? "" : new TextDecoder().decode(bytes);
const keyOf = (/** @type {number} */ index) => `article:memory:${index}`;

/** @returns {ReadableStream<Uint8Array>} */
function inChunks() {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, (at += CHUNK)));
    },
  });
}

/** @returns {(key: string) => Promise<unknown>} */
function openStore() {
  const store = createStore({ url, token });
  if (operation === "SET") return (key) => store.put(key, inChunks(), { level: 1 });
  return async (key) => {
    let at = 0;
    for await (const chunk of (await store.get(key)) ?? []) {
      if (Buffer.compare(chunk, bytes.subarray(at, at + chunk.length)) !== 0) throw new Error("other bytes");
      at += chunk.length;
    }
    if (at !== bytes.length) throw new Error(`${at} bytes came back`);
  };
}

/** @returns {(key: string) => Promise<unknown>} */
function openRedis() {
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: false };
  const off = { compression: { policy: /** @type {() => false} */ (() => false) } };
  const redis =
    side === "stock"
      ? new Redis(options)
      : new CompressingRedis(side === "off" ? { ...options, ...off } : options);
  if (operation === "SET") return (key) => redis.set(key, text);
  return async (key) => {
    const value = await redis.get(key);
    if (value !== text) throw new Error(value === null ? "there is no value" : "another value came back");
  };
}

const zstd = await loadZstd();
const run = side === "store" ? openStore() : openRedis();
/** What the process holds at most. */
const peak = { heap: 0, arrayBuffers: 0, linear: 0 };
function look() {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  peak.heap = Math.max(peak.heap, heapUsed);
  peak.arrayBuffers = Math.max(peak.arrayBuffers, arrayBuffers);
  peak.linear = Math.max(peak.linear, zstd.stats().memory);
}

// One call loads what is loaded on demand, opens a connection and lets V8 compile the most of it.
await run(keyOf(0));
globalThis.gc?.();
look();
const before = { ...peak };

const pauses = /** @type {{ ms: number, major: boolean }[]} */ ([]);
const observer = new PerformanceObserver((list) => {
  // The types of an entry leave out what entries of collections have.
  const entries = /** @type {{ duration: number, detail: { kind: number } }[]} */ (
    /** @type {unknown} */ (list.getEntries())
  );
  for (const { duration, detail } of entries) {
    const { kind } = detail;
    pauses.push({ ms: duration, major: kind === constants.NODE_PERFORMANCE_GC_MAJOR });
  }
  look();
});
observer.observe({ entryTypes: ["gc"] });
const collections = new GCProfiler();
collections.start();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const timer = setInterval(look, LOOK);
const { user, system } = process.cpuUsage();
const startHeap = process.memoryUsage().heapUsed;
const start = performance.now();
const results = await Promise.allSettled(Array.from({ length: count }, (_, index) => run(keyOf(index))));
const seconds = (performance.now() - start) / 1000;
const cpu = process.cpuUsage();
clearInterval(timer);
delay.disable();
look();
const statistics = collections.stop()?.statistics ?? [];
await new Promise((resolve) => setTimeout(resolve, 20));
observer.disconnect();

// What was allocated between two collections is what lies there before the one beyond what the other left.
let left = startHeap;
let allocated = 0;
for (const { beforeGC, afterGC } of statistics) {
  allocated += Math.max(0, beforeGC.heapStatistics.usedHeapSize - left);
  left = afterGC.heapStatistics.usedHeapSize;
}
allocated += Math.max(0, process.memoryUsage().heapUsed - left);

const reasons = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
const failed =
  reasons.length === 0
    ? undefined
    : [reasons[0].message, reasons[0].cause?.message].filter(Boolean).join(": ");
const rounded = (/** @type {number} */ number) => Number(number.toPrecision(4));
const figures = {
  seconds: rounded(seconds),
  cpuSeconds: rounded((cpu.user + cpu.system - user - system) / 1e6),
  collections: pauses.length,
  major: pauses.filter(({ major }) => major).length,
  pauseMs: rounded(pauses.reduce((sum, { ms }) => sum + ms, 0)),
  longestPauseMs: rounded(Math.max(0, ...pauses.map(({ ms }) => ms))),
  allocated,
  heap: Math.max(0, peak.heap - before.heap),
  arrayBuffers: Math.max(0, peak.arrayBuffers - before.arrayBuffers),
  linear: peak.linear,
  rss: process.resourceUsage().maxRSS * 1024,
  delayP99Ms: rounded(delay.percentile(99) / 1e6),
  delayMostMs: rounded(delay.max / 1e6),
  failures: reasons.length,
};
process.send?.({ figures, failed });
process.disconnect?.();
process.exit(0);
