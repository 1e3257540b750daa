// workerd through miniflare: one ES module and the .wasm files that it imports, as wrangler would upload them.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleSuite, root } from "../fixture.mjs";

/** From this compatibility date on fetch takes the field `cache`; before, it refuses every request that has it. */
const CACHE_DATE = "2024-11-11";

const WORKER = `import { report } from "suite";
export default { fetch: async (_, { SERVER }) => Response.json(await report(SERVER)) };
`;

/**
 * @param {import("../fixture.mjs").Fixture} fixture
 * @param {string} compatibilityDate
 */
export async function runWorkerd({ folder, entry, server }, compatibilityDate = "2025-06-01") {
  const { Log, LogLevel, Miniflare } = await import("miniflare");
  const script = join(folder, "workerd", "worker.mjs");
  await bundleSuite(script, {
    stdin: undefined,
    entryPoints: undefined,
    ...withEntry(WORKER, folder, entry),
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*"],
    plugins: [compiledWasm(), ...(compatibilityDate < CACHE_DATE ? [clientOfWorkers()] : [])],
  });
  const modules = [
    { type: "ESModule", path: script },
    ...["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"].map((name) => ({
      type: "CompiledWasm",
      path: join(folder, "workerd", name),
      contents: undefined,
    })),
  ];
  for (const module of modules.slice(1))
    module.contents = await readFile(join(root, "dist", module.path.split("/").at(-1)));
  const miniflare = new Miniflare({
    modules,
    modulesRoot: join(folder, "workerd"),
    compatibilityDate,
    bindings: { SERVER: server },
    log: new Log(LogLevel.ERROR),
  });
  try {
    const response = await miniflare.dispatchFetch("http://worker/");
    const body = await response.text();
    if (!response.ok) throw new Error(`workerd answered ${response.status}: ${body.slice(0, 2000)}`);
    return JSON.parse(body);
  } finally {
    await miniflare.dispose();
  }
}

/** An entry in memory that imports the suite by the name "suite". */
export function withEntry(contents, folder, entry) {
  return {
    stdin: { contents, resolveDir: folder, loader: "js" },
    alias: { suite: join(root, "test/runtimes", entry) },
    nodePaths: [join(folder, "node_modules")],
  };
}

/** Gives the client for Workers where the suite asks for the default one, which passes `cache` to every fetch. */
function clientOfWorkers() {
  return {
    name: "client-of-workers",
    setup(build) {
      build.onResolve({ filter: /^@upstash\/redis$/ }, ({ path, ...options }) =>
        build.resolve(`${path}/cloudflare`, options),
      );
    },
  };
}

/** Leaves imports of .wasm to the runtime, as a file beside the script. */
export function compiledWasm() {
  return {
    name: "compiled-wasm",
    setup(build) {
      build.onResolve({ filter: /\.wasm$/ }, ({ path }) => ({
        path: `./${path.split("/").at(-1)}`,
        external: true,
      }));
    },
  };
}
