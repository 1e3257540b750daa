import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests run on the sources; package.json's imports lead to what is built from them.
    alias: {
      "#sdk": "@upstash/redis",
      "#host": source("adapters/host/node.ts"),
      "#http": source(`adapters/http/${process.env["ZSTASH_HTTP"] ?? "node"}.ts`),
      "#channels": source("adapters/channels/node.ts"),
      "#wasm/full": source("adapters/full/inline.ts"),
      "#wasm/decoder": source("adapters/decoder/inline.ts"),
      "#wasm/trainer": source("adapters/trainer/inline.ts"),
    },
  },
  test: {
    include: ["test/{unit,integration,fuzz}/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    passWithNoTests: false,
    // Generous: no test measures time, and a machine with two busy cores may be ten times slower than a good one.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
