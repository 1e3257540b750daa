/** A copy of the transport in which every `await` can be made to fail: it asks a function before it goes on. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type { RestClient } from "../../../src/rest/client.ts";
import { parse } from "../import-graph.mjs";
import { root } from "../repository.ts";

/** Called with each promise that is awaited, and where that is; its result is awaited instead. */
export type OnAwait = (work: unknown, place: string) => unknown;

const hook = globalThis as { zstashAwait?: OnAwait };

/** Sets what is asked; undefined for nothing. */
export function onAwait(ask: OnAwait | undefined): void {
  hook.zstashAwait = ask ?? ((work) => work);
}

/** The source with every `await x` as `await zstashAwait(x, place)`. */
function instrumented(path: string, text: string): string {
  const inserts: [at: number, text: string][] = [];
  for (const { node } of parse(path, text)) {
    if (node.type !== "AwaitExpression") continue;
    const { start, end } = node["argument"] as { start: number; end: number };
    const line = text.slice(0, start).split("\n").length;
    inserts.push([start, "globalThis.zstashAwait("], [end, `,${JSON.stringify(`${path}:${line}`)})`]);
  }
  // From the end on; of two ends at one place the outer comes first, so that it stands behind.
  inserts.sort(([a], [b]) => b - a);
  return inserts.reduce((whole, [at, insert]) => whole.slice(0, at) + insert + whole.slice(at), text);
}

/** Builds the copy of src/rest/ and loads it. */
export async function loadInstrumented(): Promise<typeof RestClient> {
  const folder = await mkdtemp(join(tmpdir(), "zstash-awaits-"));
  const outfile = join(folder, "client.mjs");
  try {
    await build({
      absWorkingDir: root,
      entryPoints: ["src/rest/client.ts"],
      outfile,
      bundle: true,
      format: "esm",
      target: "es2022",
      platform: "node",
      plugins: [
        {
          name: "awaits",
          setup({ onLoad, onResolve }) {
            onResolve({ filter: /^#/ }, ({ path }) => {
              const names = ["node", "process", "inline"].map(
                (name) => `src/adapters/${path.slice(1)}/${name}.ts`,
              );
              return {
                path: join(
                  root,
                  names.find((name) => existsSync(join(root, name)))!,
                ),
              };
            });
            onLoad({ filter: /[\\/]src[\\/]rest[\\/][^\\/]*\.ts$/ }, async ({ path }) => {
              const name = path.slice(root.length).replaceAll("\\", "/");
              return { contents: instrumented(name, await readFile(path, "utf8")), loader: "ts" };
            });
          },
        },
      ],
    });
    const loaded = (await import(pathToFileURL(outfile).href)) as { RestClient: typeof RestClient };
    return loaded.RestClient;
  } finally {
    await rm(folder, { recursive: true });
  }
}
