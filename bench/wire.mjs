// SET and GET of JSON through @upstash/redis alone and with zstash, text and raw carrier: bytes that lie in Redis, bytes
// on the connection, processor time of the client, latencies; and what large values do to the event loop. Needs a
// redis-server on the PATH.
//
//   node bench/wire.mjs [--json] [--quick]

import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { loadZstd } from "zstash";
import { count, LOST, marked, table } from "./table.mjs";
import { jsonOfSize } from "./json-of-size.mjs";
import { countBytes } from "./wire/bytes.mjs";
import { openClients, sides } from "./wire/clients.mjs";
import { measureDelays } from "./wire/event-loop.mjs";
import { timePairs } from "./wire/pairs.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" }, quick: { type: "boolean" } } });

/** Sizes, pairs of a block and of a side in all; the client's pipelining of single commands is on by default. */
const cells = [
  { size: 1 << 10, block: 50, pairs: 2000, pipelining: true },
  { size: 12 << 10, block: 50, pairs: 2000, pipelining: true },
  { size: 12 << 10, block: 50, pairs: 2000, pipelining: false },
  { size: 100 << 10, block: 25, pairs: 1000, pipelining: true },
  { size: 1 << 20, block: 8, pairs: 1000, pipelining: true },
].map((cell) => (flags.quick ? { ...cell, pairs: cell.block * 4 } : cell));
const delaySizes = flags.quick ? [1 << 20] : [1 << 20, 10_000_000];

const server = fork(fileURLToPath(new URL("./wire/server.mjs", import.meta.url)));
try {
  const started = once(server, "message");
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`Cannot start the local server: exit code ${code}`);
  });
  const [{ url, counted, token, backend }] = await Promise.race([started, ended]);
  ended.catch(() => undefined);

  /** @type {Row[]} */
  const rows = [];
  for (const { size, block, pairs, pipelining } of cells) {
    const text = jsonOfSize(size);
    const bytes = await countBytes(server, openClients({ url: counted, token }, pipelining), text);
    const clients = openClients({ url, token }, pipelining);
    const times = await timePairs(clients, text, { rounds: Math.ceil(pairs / block), block });
    for (const side of sides) rows.push({ size, pipelining, side, ...bytes[side], ...times[side] });
  }
  const zstd = await loadZstd();
  /** @type {DelayRow[]} */
  const delays = [];
  for (const size of delaySizes) {
    for (const row of await measureDelays(zstd, openClients({ url, token }), size)) {
      delays.push({ size, ...row });
    }
  }

  const machine = `${cpus()[0].model}, ${cpus().length} cores; Node ${process.version}; ${backend}`;
  if (flags.json) console.log(JSON.stringify({ machine, rows, delays }, null, 1));
  else print(machine, rows, delays);
} finally {
  if (server.connected) server.disconnect();
  if (server.exitCode === null) await once(server, "exit");
}

/**
 * @typedef {import("./wire/clients.mjs").Side} Side
 * @typedef {Awaited<ReturnType<typeof countBytes>>[Side] & Awaited<ReturnType<typeof timePairs>>[Side]} Measured
 * @typedef {Measured & { size: number, pipelining: boolean, side: Side }} Row
 * @typedef {Awaited<ReturnType<typeof measureDelays>>[number] & { size: number }} DelayRow
 *
 * @param {string} machine
 * @param {readonly Row[]} rows
 * @param {readonly DelayRow[]} delays
 */
function print(machine, rows, delays) {
  console.log(`${machine}\n`);
  /** @param {Row} row */
  const stockOf = ({ size, pipelining }) =>
    rows.find((row) => row.size === size && row.pipelining === pipelining && row.side === "stock") ?? rows[0];
  /** @param {number} own @param {number} stock */
  const share = (own, stock) => marked((own / stock).toFixed(2), own > stock);
  /** @param {Row} row */
  const cellsOf = (row) => {
    const { size, pipelining, side, n, stored, wire, bodies, up, down, set, get, cpu, cpuRatio } = row;
    const stock = stockOf(row);
    /** @param {number} own @param {number} other */
    const beside = (own, other) => marked(own.toFixed(2), Number(own.toFixed(2)) > Number(other.toFixed(2)));
    return [
      `${count(size)}${pipelining ? "" : " single"} ${side}`,
      count(stored),
      share(stored, stock.stored),
      count(Math.round(up)),
      count(Math.round(down)),
      share(wire, stock.wire),
      share(bodies, stock.bodies),
      (cpu * 1000).toFixed(0),
      cpuRatio === undefined
        ? marked("1.00", false)
        : `${cpuRatio.median.toFixed(2)} [${cpuRatio.low.toFixed(2)}…${cpuRatio.high.toFixed(2)}]${cpuRatio.median > 1 ? LOST : "  "}`,
      count(n),
      ...[set, get].flatMap((own, at) => {
        const other = at === 0 ? stock.set : stock.get;
        return [beside(own.p50, other.p50), beside(own.p99, other.p99)];
      }),
    ];
  };
  const head = [
    "value, client",
    "stored B",
    `÷ stock${LOST}`,
    "up B",
    "down B",
    `÷ stock${LOST}`,
    `bodies${LOST}`,
  ];
  const times = ["CPU µs", `÷ stock${LOST}`, "n", "SET p50", "SET p99", "GET p50", "GET p99"];
  console.log(table([...head, ...times], rows.map(cellsOf)));
  console.log(
    [
      "",
      "Up and down are bytes on the connection of a SET and a GET, heads and bodies; then both directions over the stock",
      "client's, and the bodies alone. CPU is the client process's, of the same pair, its ratio the median of the rounds",
      '[10th…90th percentile]; SET and GET are milliseconds. Text and raw are the carriers; "single" is without the',
      "pipelining of single commands.",
      "",
      "Milliseconds that the event loop was held:",
      "",
    ].join("\n"),
  );
  console.log(
    table(
      ["value, what ran", "SET largest", "SET p99", "SET time", "GET largest", "GET p99", "GET time"],
      delays.map(({ size, name, set, get }) => [
        `${count(size)} ${name}`,
        ...[set, get].flatMap(({ largest, p99, time }) => [largest, p99, time].map((ms) => ms.toFixed(1))),
      ]),
    ),
  );
  console.log(
    [
      "",
      "p99: what 99 % of the events that come at random moments of the operation do not wait longer than. The JSON of",
      "the value itself is what the client does at once, on both sides, where values are objects and not texts.",
      `"${LOST.trim()}" marks what is larger or slower with zstash.`,
    ].join("\n"),
  );
}
