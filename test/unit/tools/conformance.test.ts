// The conformance cases on this Node, over the sources: test/runtimes runs the same ones on what is built.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { applies, cases, describeCases, runCases } from "../../conformance/index.ts";
import type { Capability, Context } from "../../conformance/index.ts";
import { loadDecoder } from "../../../src/decode.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import {
  loadZstd,
  readDictionary,
  readFrameHeader,
  readSeekTable,
  segmentSize,
  ZstashError,
} from "../../../src/index.ts";
import { serve, serveKey } from "../../../src/serve/index.ts";
import { createStore } from "../../../src/store/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { Redis } from "../../../src/redis.ts";
import { withCompression, zstashCode } from "../../../src/upstash/index.ts";
import { clientsOf } from "../../runtimes/clients.ts";

const functions = { ZstashError, readFrameHeader, readSeekTable, segmentSize, readDictionary };
const withDictionaries: NonNullable<Context["withDictionaries"]> = async (dictionaries) => ({
  zstd: await loadZstd({ dictionaries }),
  decoder: await loadDecoder({ dictionaries }),
});

let context: Context;
let server: Awaited<ReturnType<typeof createDevServer>> | undefined;
beforeAll(async () => {
  server = await createDevServer();
  const { url } = await server.listen();
  const address = { url, token: server.token };
  context = {
    zstd: await loadZstd(),
    decoder: await loadDecoder(),
    ...functions,
    withDictionaries,
    trainDictionary,
    serving: { serve, serveKey },
    upstash: {
      Redis,
      withCompression,
      zstashCode,
      createDevServer,
      createStore,
      server: address,
      connect: clientsOf(address),
    },
  };
});
afterAll(() => server?.close());

describe("with our own WebAssembly", () => {
  test.each(cases)("$name", async (each) => {
    expect(applies(each, context)).toBe(true);
    await each.run(context);
  });
});

describe("with @bokuweb/zstd-wasm", () => {
  const capabilities: readonly Capability[] = [];
  let peer: Context;
  beforeAll(async () => {
    peer = { zstd: await loadZstd({ engine: bokuweb }), ...functions, capabilities };
  });

  test.each(cases.filter((each) => applies(each, { ...context, capabilities })))("$name", (each) =>
    each.run(peer),
  );
});

describe("the suite", () => {
  test("reports what fails and what is skipped, and goes on", async () => {
    const report = await runCases({ ...context, capabilities: ["levels"] }, [
      { name: "good", run: () => {} },
      { name: "bad", run: () => Promise.reject(new RangeError("by intent")) },
      { name: "odd", run: () => expect.unreachable() },
      { name: "skipped", needs: ["levels", "streams"], run: () => expect.unreachable() },
      { name: "last", needs: ["levels"], run: () => {} },
    ]);
    expect(report).toMatchObject({ count: 5, passed: 2, skipped: ["skipped"] });
    expect(report.failures.map(({ name }) => name)).toEqual(["bad", "odd"]);
    expect(report.failures[0]!.message).toBe("RangeError: by intent");
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test("the hash is FNV-1a and depends on names and their order", () => {
    // The published value for no bytes, and the definition carried out by hand for the bytes of "a" and a line feed.
    expect(describeCases([])).toEqual({ count: 0, hash: "cbf29ce484222325" });
    expect(describeCases(["a"])).toEqual({ count: 1, hash: "089bdc07b544e7b2" });
    expect(describeCases(["a", "b"]).hash).not.toBe(describeCases(["b", "a"]).hash);
    expect(describeCases(["ab"]).hash).not.toBe(describeCases(["a", "b"]).hash);
  });

  test("no case file knows a runtime or a test runner", () => {
    const folder = fileURLToPath(new URL("../../conformance/", import.meta.url));
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThan(8);
    for (const file of files) {
      const source = readFileSync(folder + file, "utf8");
      for (const [, kind, from] of source.matchAll(
        /^(import type|import|export)[^;]*? from "([^"]*)";$/gms,
      )) {
        // What is imported as a type is erased.
        const allowed = [
          "./*.ts",
          ...(kind === "import type"
            ? [
                "index.ts",
                "redis.ts",
                "serve/index.ts",
                "dev/index.ts",
                "store/index.ts",
                "train/index.ts",
                "upstash/index.ts",
              ].map((path) => `../../src/${path}`)
            : []),
          ...(kind === "import type" ? ["@upstash/redis"] : []),
        ];
        expect(allowed, file).toContain(from!.replace(/^\.\/[a-z-]+\.ts$/, "./*.ts"));
      }
      expect(source, file).not.toMatch(
        /\b(process|Buffer|Deno|Bun|navigator|DecompressionStream|require|vitest)\b(\.[a-z]|[(<])/,
      );
    }
  });
});
