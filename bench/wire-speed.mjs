// Processor time and latency of SET and GET through zstash, over the stock client's, on loopback: HTTP and HTTPS, alone
// and 64 at once, 64 B to 1 MB. Client and server are processes of their own. Needs redis-server and openssl.
//
//   node bench/wire-speed.mjs [--node PATH]… [--https] [--fetch] [--objects] [--random] [--at-once] [--size BYTES]… [--quick]

import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { count, marked, table } from "./table.mjs";

const { values: flags } = parseArgs({
  options: {
    node: { type: "string", multiple: true },
    size: { type: "string", multiple: true },
    https: { type: "boolean" },
    fetch: { type: "boolean" },
    objects: { type: "boolean" },
    random: { type: "boolean" },
    "at-once": { type: "boolean" },
    quick: { type: "boolean" },
  },
});
const file = (/** @type {string} */ name) => fileURLToPath(new URL(`./wire/${name}`, import.meta.url));
const sizes = flags.size?.map(Number) ?? [64, 1 << 10, 12 << 10, 100 << 10, 1 << 20];

/** Pairs of a round, and rounds: some seconds a cell. @param {number} size @param {number} atOnce */
const amount = (size, atOnce) => {
  const pairs = Math.max(atOnce, size > 500_000 ? 16 : size > 50_000 ? 64 : 128);
  return { pairs, rounds: flags.quick ? 8 : size > 500_000 ? 15 : 30 };
};

const server = fork(file("tls-server.mjs"));
try {
  const [{ urls, token, certificate, backend }] = await once(server, "message");
  console.log(`${cpus()[0].model}, ${cpus().length} cores; ${backend}\n`);
  const rows = [];
  for (const program of flags.node ?? [process.execPath]) {
    const { stdout: version } = await promisify(execFile)(program, ["--version"]);
    for (const size of sizes) {
      for (const atOnce of flags["at-once"] ? [1, 64] : [1]) {
        for (const pipelining of atOnce > 1 && size <= 100 << 10 ? [true, false] : [true]) {
          const cell = {
            url: flags.https ? urls.https : urls.http,
            token,
            size,
            atOnce,
            pipelining: pipelining && !(atOnce > 1 && size > 100 << 10),
            objects: flags.objects === true,
            random: flags.random === true,
            fetch: flags.fetch === true,
            ...amount(size, atOnce),
          };
          const { stdout } = await promisify(execFile)(
            program,
            [file("speed-client.mjs"), JSON.stringify(cell)],
            { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } },
          );
          const { cpu, set, get } = JSON.parse(stdout);
          /** @param {{ own: number, stock: number }} times */
          const beside = ({ own, stock }) => [
            marked(own.toFixed(2), Number(own.toFixed(2)) > Number(stock.toFixed(2))),
            stock.toFixed(2),
          ];
          rows.push([
            `${version.trim()} ${count(size)} B${atOnce > 1 ? ` × ${atOnce}${cell.pipelining ? " pipelined" : ""}` : ""}`,
            `${(cpu.own * 1000).toFixed(0)}`,
            `${(cpu.stock * 1000).toFixed(0)}`,
            marked(cpu.minimum.toFixed(2), cpu.minimum > 1),
            marked(cpu.median.toFixed(2), cpu.median > 1),
            `${cpu.low.toFixed(2)}…${cpu.high.toFixed(2)}`,
            ...beside(set),
            ...beside(get),
          ]);
          console.error(rows.at(-1)?.join("  "));
        }
      }
    }
  }
  const head = ["client, value", "CPU µs", "stock", "÷ min !", "÷ median !", "spread"];
  console.log(table([...head, "SET p50 !", "stock", "GET p50 !", "stock"], rows));
  console.log(
    "\nCPU is of a SET and a GET, the least of the rounds; times are milliseconds; ! marks what is above stock.",
  );
} finally {
  if (server.connected) server.disconnect();
  if (server.exitCode === null) await once(server, "exit");
}
