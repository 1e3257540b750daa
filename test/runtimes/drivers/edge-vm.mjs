// Vercel's edge runtime in a vm context: no process, no Buffer, no DecompressionStream, code generation off. The
// platform hands over `import … from "x.wasm?module"` as a compiled module, which here is a global.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleSuite, root } from "../fixture.mjs";
import { withEntry } from "./workerd.mjs";

const ENTRY = `import { report } from "suite";
globalThis.done = report(globalThis.server).then(JSON.stringify);
`;

/** The package, which other folders cannot find by its name. */
export const loadEdgeVm = async () => (await import("@edge-runtime/vm")).EdgeVM;

/** @param {import("../fixture.mjs").Fixture} fixture */
export async function runEdgeVm({ folder, entry, server }) {
  const EdgeVM = await loadEdgeVm();
  const script = join(folder, "edge-vm.js");
  await bundleSuite(script, {
    entryPoints: undefined,
    ...withEntry(ENTRY, folder, entry),
    format: "iife",
    conditions: ["edge-light", "worker", "browser"],
    plugins: [importedModule()],
  });
  const modules = {};
  for (const name of ["zstash.wasm", "zstash-decoder.wasm", "zstash-trainer.wasm"]) {
    modules[name] = await WebAssembly.compile(await readFile(join(root, "dist", name)));
  }
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => Object.assign(context, { wasmModules: modules, server }),
  });
  vm.evaluate(await readFile(script, "utf8"));
  return JSON.parse(await vm.evaluate("done"));
}

export function importedModule() {
  return {
    name: "imported-module",
    setup(build) {
      build.onResolve({ filter: /\.wasm\?module$/ }, ({ path }) => ({
        path: path.split("/").at(-1).replace("?module", ""),
        namespace: "module",
      }));
      build.onLoad({ filter: /.*/, namespace: "module" }, ({ path }) => ({
        contents: `export default globalThis.wasmModules[${JSON.stringify(path)}];`,
      }));
    },
  };
}
