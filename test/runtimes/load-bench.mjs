// From nothing to the first compressed kilobyte, cold: a new process, isolate or page each time. The minimum and the
// median of many; nothing here passes or fails. `node test/runtimes/load-bench.mjs [--json]`

import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { createFixture } from "./fixture.mjs";
import { chromiumPath, program, serveFolder } from "./fixtures/tools.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" } } });
const ROUNDS = 15;
/** What is measured: importing the package, loading it, and one kilobyte of JSON. */
const MEASURE = `
  const start = performance.now();
  const { loadZstd } = await import("zstash");
  const zstd = await loadZstd();
  const frame = zstd.compress(JSON.stringify(Array.from({ length: 24 }, (_, id) => ({ id, name: "user " + id, page: "/home" }))));
  const ms = performance.now() - start;
  if (frame.length === 0) throw new Error("nothing was compressed");
`;

const fixture = await createFixture();
const results = {};

function summarize(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    min: sorted[0],
    median: sorted[Math.floor(sorted.length / 2)],
    max: sorted.at(-1),
    rounds: sorted.length,
  };
}

async function inNode(name) {
  await writeFile(join(fixture.folder, "load.mjs"), `${MEASURE}\nconsole.log(ms);`);
  const samples = [];
  for (let round = 0; round < ROUNDS; round++) {
    samples.push(
      Number(execFileSync(program(name), ["load.mjs"], { cwd: fixture.folder, encoding: "utf8" })),
    );
  }
  return summarize(samples);
}

async function inChromium() {
  const { chromium } = await import("playwright");
  await build({
    stdin: {
      contents: `(async () => {${MEASURE} document.title = String(ms); })();`,
      resolveDir: fixture.folder,
    },
    bundle: true,
    splitting: true,
    format: "esm",
    outdir: join(fixture.folder, "page"),
    entryNames: "main",
    tsconfigRaw: {},
  });
  await writeFile(
    join(fixture.folder, "page", "index.html"),
    `<!doctype html><title></title><script type="module" src="./stdin.js"></script>`.replace(
      "stdin.js",
      "main.js",
    ),
  );
  return serveFolder(join(fixture.folder, "page"), async (url) => {
    const samples = [];
    for (let round = 0; round < ROUNDS; round++) {
      const browser = await chromium.launch({
        executablePath: chromiumPath(),
        args: ["--no-sandbox", "--disable-gpu"],
      });
      try {
        const page = await browser.newPage();
        await page.goto(`${url}/index.html`);
        await page.waitForFunction(() => document.title !== "");
        samples.push(Number(await page.title()));
      } finally {
        await browser.close();
      }
    }
    return summarize(samples);
  });
}

/** A Worker's clock stands still while it computes, so the whole first request is timed from outside, and one that only answers subtracted. */
async function inWorkerd() {
  const { Miniflare } = await import("miniflare");
  const names = ["zstash.wasm"];
  await build({
    stdin: {
      contents: `export default { async fetch(request) {
        if (request.url.endsWith("/idle")) return new Response("idle");
        ${MEASURE}
        return new Response("done");
      } };`,
      resolveDir: fixture.folder,
    },
    bundle: true,
    format: "esm",
    outfile: join(fixture.folder, "load-worker", "worker.mjs"),
    conditions: ["workerd", "worker", "browser"],
    tsconfigRaw: {},
    plugins: [
      {
        name: "compiled-wasm",
        setup: (bundler) =>
          bundler.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({
            path: `./${path.split("/").at(-1)}`,
            external: true,
          })),
      },
    ],
  });
  const folder = join(fixture.folder, "load-worker");
  for (const name of names) {
    await writeFile(
      join(folder, name),
      await readFile(join(fixture.folder, "node_modules/zstash/dist", name)),
    );
  }
  const samples = [];
  for (let round = 0; round < ROUNDS; round++) {
    const miniflare = new Miniflare({
      modules: [
        { type: "ESModule", path: join(folder, "worker.mjs") },
        ...names.map((name) => ({ type: "CompiledWasm", path: join(folder, name) })),
      ],
      modulesRoot: folder,
      compatibilityDate: "2025-06-01",
    });
    try {
      const timed = async (path) => {
        const start = performance.now();
        await (await miniflare.dispatchFetch(`http://worker${path}`)).text();
        return performance.now() - start;
      };
      // Connections and caches of the harness are warm after two requests.
      await timed("/idle");
      await timed("/idle");
      const idle = Math.min(await timed("/idle"), await timed("/idle"));
      samples.push((await timed("/load")) - idle);
    } finally {
      await miniflare.dispose();
    }
  }
  return summarize(samples);
}

try {
  for (const name of ["node20", "node24"]) results[name.replace("node", "Node ")] = await inNode(name);
  results.workerd = await inWorkerd();
  if (chromiumPath()) results.Chromium = await inChromium();
} finally {
  await fixture.remove();
}
const machine = `${cpus()[0].model}, ${cpus().length} cores`;
if (flags.json) console.log(JSON.stringify({ machine, results }, null, 1));
else {
  console.log(`${machine}; import, load and first compressed KB, ms\n`);
  for (const [name, { min, median, max, rounds }] of Object.entries(results)) {
    console.log(
      `${name.padEnd(10)} min ${min.toFixed(1)}  median ${median.toFixed(1)}  max ${max.toFixed(1)}  (${rounds} rounds)`,
    );
  }
}
process.exit();
