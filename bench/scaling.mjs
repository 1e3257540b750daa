// From one to 10,000 compressions, streams and requests at once, and from 64 bytes to a gibibyte: times, memory, and whether all
// that came back was what went in. Each cell is a process of its own.
//
//   node bench/scaling.mjs [--json FILE] [--quick]

import { fork, spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/** @typedef {import("./scaling/at-once.mjs").Burst} Burst */

/**
 * A cell of the growth with size: milliseconds there and back, bytes stored, of linear memory, and that the process grew by;
 * or the code of the error that it ended with.
 *
 * @typedef {{ there: number, back?: number, stored: number, memory: number, rss: number, right: boolean, requests?: readonly [number, number] } | { error: string, rss: number }} SizeCell
 *
 * @typedef {{ error: string, rss: number }} Died
 *
 * @typedef {{ zstash: Burst, memory: number, contexts?: number, rss: number } | Died} CodecCell
 *
 * @typedef {{
 *   sizes: typeof import("./scaling/at-once.mjs").SIZES,
 *   calls: Readonly<Record<string, CodecCell>>,
 *   streams: Readonly<Record<string, CodecCell>>,
 *   patient: Readonly<Record<string, CodecCell>>,
 *   requests: Readonly<Record<string, Readonly<Record<string, (Burst & { rss: number }) | Died>>>>,
 *   growth: Readonly<Record<"whole" | "stream" | "stored", Readonly<Record<string, SizeCell>>>>,
 *   versions: Readonly<Record<string, string>>,
 * }} Scaling
 */

const { values: flags } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });
const counts = flags.quick ? [1, 10] : [1, 10, 100, 1000, 10_000];
const sizes = [0, 1, 2, 3, 4, 5, 6].map((power) => 64 * 16 ** power).slice(0, flags.quick ? 3 : 7);

/** For the streams that would be over the default's 30 s. In ms. */
const PATIENCE = 600_000;

/**
 * One cell; a process that dies is an error too.
 *
 * @param {string} kind
 * @param {number} number
 * @param {readonly unknown[]} [args]
 */
function cell(kind, number, args = []) {
  const program = fileURLToPath(new URL("scaling/one.mjs", import.meta.url));
  const { status, signal, stdout } = spawnSync(
    process.execPath,
    [program, kind, String(number), JSON.stringify(args)],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 20 },
  );
  if (status === 0) return JSON.parse(stdout);
  return { error: `the process ended with ${signal ?? status}`, rss: 0 };
}

/** @param {readonly number[]} numbers @param {(number: number) => any} measure */
const each = (numbers, measure) => Object.fromEntries(numbers.map((number) => [number, measure(number)]));

const server = fork(fileURLToPath(new URL("./server.mjs", import.meta.url)));
const [{ url, token, backend }] = await once(server, "message");
try {
  const address = { url, token };
  const ways = [
    ["zstash, pipelined", { client: "zstash", pipelined: true }],
    ["stock client, pipelined", { client: "stock", pipelined: true }],
    ["zstash, a request each", { client: "zstash", pipelined: false }],
    ["stock client, a request each", { client: "stock", pipelined: false }],
  ];
  const { SIZES } = await import("./scaling/at-once.mjs");
  /** @type {Scaling} */
  const result = {
    sizes: SIZES,
    calls: each(counts, (count) => cell("calls", count)),
    streams: each(counts, (count) => cell("streams", count)),
    patient: each(counts.slice(-1), (count) => cell("streams", count, [{ waitTimeout: PATIENCE }])),
    requests: each(counts, (count) =>
      Object.fromEntries(ways.map(([name, way]) => [name, cell("requests", count, [address, way])])),
    ),
    growth: {
      whole: each(sizes, (size) => cell("whole", size)),
      stream: each(sizes, (size) => cell("stream", size)),
      stored: each(sizes, (size) => cell("stored", size, [address])),
    },
    versions: {
      Node: process.versions.node,
      "local server on": backend.replace(/ started on .*/, ""),
    },
  };
  if (flags.json === undefined) console.log(JSON.stringify(result, null, 1));
  else writeFileSync(flags.json, JSON.stringify(result));
} finally {
  server.disconnect();
}
