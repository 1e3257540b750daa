// Processor time and latency of SET and GET through zstash, over the stock client's, on loopback: HTTP and HTTPS, alone
// and 64 at once, 64 B to 1 MB. Client and server are processes of their own. Needs redis-server and openssl.
//
//   node bench/wire-speed.mjs [--node PATH]… [--deno PATH] [--bun PATH] [--https] [--fetch] [--objects] [--random] [--at-once] [--size BYTES]… [--quick]
//
// A cell takes 12 seconds, with --quick 3; each is told on standard error as soon as it is there. --fetch is for Node, which
// otherwise sends over node:http.

import { execFile, fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { count, marked, table } from "./table.mjs";

const { values: flags } = parseArgs({
  options: {
    node: { type: "string", multiple: true },
    deno: { type: "string", multiple: true },
    bun: { type: "string", multiple: true },
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

/** Few pairs a round: what else the machine does then hits few rounds, and the least of them none. @param {number} size @param {number} atOnce */
const pairsOf = (size, atOnce) => Math.max(atOnce, size > 500_000 ? 2 : size > 50_000 ? 4 : 8);

/** @typedef {{ program: string, args: readonly string[], name: string, isNode: boolean }} Runtime */
/** @type {Runtime[]} */
const runtimes = [
  ...(flags.deno ?? []).map((program) => ({ program, args: ["run", "-A"], name: "Deno ", isNode: false })),
  ...(flags.bun ?? []).map((program) => ({ program, args: [], name: "Bun ", isNode: false })),
];
for (const program of flags.node ?? (runtimes.length > 0 ? [] : [process.execPath])) {
  runtimes.push({ program, args: [], name: "", isNode: true });
}

const server = fork(file("tls-server.mjs"));
try {
  const [{ urls, token, certificate, backend }] = await once(server, "message");
  console.log(`${cpus()[0].model}, ${cpus().length} cores; ${backend}\n`);
  const rows = [];
  for (const { program, args, name, isNode } of runtimes) {
    const { stdout } = await promisify(execFile)(program, ["--version"]);
    const version = name + stdout.replace(/^deno |[ \n].*$/gs, "");
    for (const size of sizes) {
      for (const atOnce of flags["at-once"] ? [64] : [1]) {
        for (const pipelining of atOnce > 1 && size <= 100 << 10 ? [true, false] : [true]) {
          const cell = {
            url: flags.https ? urls.https : urls.http,
            token,
            size,
            atOnce,
            pipelining: pipelining && !(atOnce > 1 && size > 100 << 10),
            objects: flags.objects === true,
            random: flags.random === true,
            fetch: flags.fetch === true && isNode,
            pairs: pairsOf(size, atOnce),
            seconds: flags.quick ? 3 : 12,
          };
          const { stdout } = await promisify(execFile)(
            program,
            [...args, file("speed-client.mjs"), JSON.stringify(cell)],
            { env: { ...process.env, NODE_EXTRA_CA_CERTS: certificate } },
          );
          const { cpu, set, get } = JSON.parse(stdout);
          /** @param {{ own: number, stock: number }} times */
          const beside = ({ own, stock }) => [
            marked(own.toFixed(2), Number(own.toFixed(2)) > Number(stock.toFixed(2))),
            stock.toFixed(2),
          ];
          rows.push([
            `${version} ${count(size)} B${atOnce > 1 ? ` × ${atOnce}${cell.pipelining ? " pipelined" : ""}` : ""}`,
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
