// Runs the examples that serve stored values as their READMEs say, with the packed tarball and a real Redis behind
// `zstash dev`, and prints for each what it saved. Fifty clients ask each at once. `node test/examples/run.mjs [--only NAME]`

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { loadZstd } from "../../dist/index.js";
import { pack, root } from "../runtimes/fixture.mjs";
import { reportParts } from "../runtimes/parts.mjs";
import { ask, sendCrowd } from "./crowd.mjs";
import { whileInEdgeVm } from "./edge-vm.mjs";
import { copyExample, missingRedis, whileRunning } from "./project.mjs";
import { servers } from "./servers.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
const { buildReport } = await import(join(root, "examples/handler/report.js"));
const report = buildReport("2026");
const zstd = await loadZstd();
const base = await mkdtemp(join(tmpdir(), "zstash-examples-"));
/** @type {string[][]} */
const rows = [];

/** What every server must do, whichever runtime it is on. */
async function judgeServer({ title, path = "/reports/2026", passes = true }, url, output) {
  const address = `${url}${path}`;
  const decompress = (body) => zstd.decompress(body);
  const sent = await sendCrowd(address, { expected: report, passes, decompress });
  // Who has left takes nothing along: the next client is served, in parts and by conditions too.
  const { headers } = await ask(address, { "accept-encoding": "zstd" });
  const known = await ask(address, { "accept-encoding": "zstd", "if-none-match": headers.etag });
  if (known.status !== 304) throw new Error(`a client that has it got ${known.status}`);
  const part = await ask(address, { range: "bytes=100-199" });
  if (part.status !== 206 || String(part.body) !== report.slice(100, 200))
    throw new Error(`a range got ${part.status} ${part.body.subarray(0, 120)}`);
  const hours = String((await ask(`${address}/hours`)).body);
  if (hours !== "8760 hours of 2026 read back\n") throw new Error(`/hours answered ${hours}`);
  const saved = String((await ask(`${address}/saved`)).body).trim();
  const [, size, stored] =
    /^reports:2026: ([\d,]+) B of JSON, ([\d,]+) B in Redis, \d+ % saved$/.exec(saved) ?? [];
  if (Number(size?.replaceAll(",", "")) !== report.length || !output().includes(saved))
    throw new Error(`it did not print what it saved: ${saved}`);
  // What lies in Redis is what was sent.
  if (passes && Number(stored.replaceAll(",", "")) !== sent.length)
    throw new Error(`${sent.length} B were sent, ${stored} B lie in Redis`);
  rows.push([title, saved.replace("reports:2026: ", "")]);
}

const place = { base, tarball: "" };
const runServer = async (server) => {
  const { name, args, packages, build, judge } = server;
  const folder = await copyExample(place, { name, packages });
  await build?.(folder);
  await whileRunning(folder, args, async (url, output) => {
    await judgeServer(server, url, output);
    await judge?.(url);
  });
};
const edgeExample = servers.find(({ name }) => name === "vercel-edge");
const parts = [
  ...servers.map((server) => ({ ...server, run: () => runServer(server) })),
  {
    ...edgeExample,
    title: "Vercel Edge, EdgeVM",
    async run() {
      const { packages } = edgeExample;
      const folder = await copyExample(
        { ...place, base: join(base, "vm") },
        { name: "vercel-edge", packages },
      );
      await whileInEdgeVm(folder, (url, output) =>
        judgeServer({ ...edgeExample, title: "Vercel Edge, EdgeVM" }, url, output),
      );
    },
  },
].filter(({ title }) => title.toLowerCase().includes(flags.only.toLowerCase()));

try {
  if (parts.length === 0) throw new Error(`no example is called ${flags.only}`);
  place.tarball = pack(base);
  const redis = missingRedis();
  await reportParts(
    "examples",
    parts.map(({ title, missing = redis, run }) => ({ name: title, missing, run })),
  );
} finally {
  await rm(base, { recursive: true, force: true });
}
const width = Math.max(0, ...rows.map(([title]) => title.length));
for (const [title, saved] of rows) console.log(`  ${title.padEnd(width)}  ${saved}`);
