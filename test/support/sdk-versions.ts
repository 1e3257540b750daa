/** The versions of @upstash/redis that are installed for tests, each with the `zstash/redis` that stands on it. */
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import type * as Sdk from "@upstash/redis";
import type * as Compressing from "../../src/redis.ts";
import { root } from "./repository.ts";
import { requireOrSkip } from "./require-or-skip.ts";

const versions = ["1.34.0", "1.34.9", "1.36.4", "1.38.4", "1.39.0"] as const;
export type SdkVersion = (typeof versions)[number];

const entryOf = (version: SdkVersion): string =>
  `${root}test/sdk-versions/node_modules/sdk-${version}/nodejs.mjs`;

/** Those that are installed: all, or none with one visible line. */
export const sdkVersions: readonly SdkVersion[] = requireOrSkip(
  "the versions of @upstash/redis",
  versions.every((version) => existsSync(entryOf(version))),
  "npm ci --prefix test/sdk-versions",
)
  ? versions
  : [];

export interface SdkModules {
  readonly stock: typeof Sdk;
  readonly zstash: typeof Compressing;
}

/** The SDK in a version, and the sources of `zstash/redis` in one file over it. */
export async function loadVersion(version: SdkVersion): Promise<SdkModules> {
  const sdk = pathToFileURL(entryOf(version)).href;
  const outfile = `${root}.cache/sdk-versions/${version}-${process.pid}.mjs`;
  const own: Readonly<Record<string, string>> = {
    "#host": "adapters/host/node.ts",
    "#http": "adapters/http/node.ts",
    "#channels": "adapters/channels/node.ts",
    "#wasm/full": "adapters/full/inline.ts",
  };
  await build({
    entryPoints: [`${root}src/redis.ts`],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    logLevel: "error",
    plugins: [
      {
        name: "imports of package.json",
        setup({ onResolve }) {
          onResolve({ filter: /^#/ }, ({ path }) =>
            path === "#sdk" ? { path: sdk, external: true } : { path: `${root}src/${own[path]}` },
          );
        },
      },
    ],
  });
  return {
    stock: (await import(/* @vite-ignore */ sdk)) as typeof Sdk,
    zstash: (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as typeof Compressing,
  };
}
