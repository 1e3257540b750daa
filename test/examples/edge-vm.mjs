// The route of examples/vercel-edge in Vercel's edge runtime as a vm context, without Next.js, behind a socket of ours.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { build } from "esbuild";
import { createDevServer } from "../../dist/dev/index.js";
import { importedModule, loadEdgeVm } from "../runtimes/drivers/edge-vm.mjs";

const ENTRY = `import { GET } from "./app/reports/[...path]/route.js";
globalThis.answer = (url, headers, signal) => GET(new Request(url, { headers, signal }));
`;

/**
 * Serves the route while `work` runs.
 * @template T
 * @param {string} folder the example with its packages
 * @param {(url: string, output: () => string) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function whileInEdgeVm(folder, work) {
  const EdgeVM = await loadEdgeVm();
  const redis = await createDevServer({ backend: "redis-server" });
  let server;
  try {
    const { url } = await redis.listen();
    const script = await bundle(folder, { url, token: redis.token });
    const wasmModules = {};
    for (const name of ["zstash.wasm", "zstash-decoder.wasm"])
      wasmModules[name] = await WebAssembly.compile(
        await readFile(join(folder, "node_modules/zstash/dist", name)),
      );
    const lines = [];
    const vm = new EdgeVM({
      codeGeneration: { strings: false, wasm: false },
      extend: (context) =>
        Object.assign(context, { wasmModules, console: { ...console, log: (line) => lines.push(line) } }),
    });
    vm.evaluate(script);
    const answer = vm.evaluate("answer");
    server = createServer((incoming, outgoing) => {
      reply(vm, answer, incoming, outgoing).catch(() => outgoing.destroy());
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return await work(`http://127.0.0.1:${server.address().port}`, () => lines.join("\n"));
  } finally {
    server?.closeAllConnections();
    server?.close();
    await redis.close();
  }
}

async function reply(vm, answer, incoming, outgoing) {
  // Of the vm's own realm, as its Request asks for.
  const leaving = vm.evaluate("new AbortController()");
  outgoing.once("close", () => leaving.abort());
  const response = await answer(`http://localhost${incoming.url}`, incoming.headers, leaving.signal);
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  if (response.body === null) outgoing.end();
  else await pipeline(Readable.from(response.body), outgoing);
}

async function bundle(folder, { url, token }) {
  const { outputFiles } = await build({
    stdin: { contents: ENTRY, resolveDir: folder, loader: "js" },
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["edge-light", "worker", "browser"],
    define: {
      "process.env.UPSTASH_REDIS_REST_URL": JSON.stringify(url),
      "process.env.UPSTASH_REDIS_REST_TOKEN": JSON.stringify(token),
    },
    plugins: [importedModule()],
    logLevel: "warning",
  });
  return outputFiles[0].text;
}
