/** docs/errors.md shows for each code a message as it is printed: each is provoked here, against the local server. */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { contextLost } from "../../../src/engine/lease.ts";
import type { ZstashError, ZstashErrorCode } from "../../../src/errors.ts";
import { loadZstd, readDictionary, type Zstd } from "../../../src/index.ts";
import { Redis, type RedisConfig } from "../../../src/redis.ts";
import { createStore } from "../../../src/store/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { newer } from "../../support/dictionaries.ts";
import { read } from "../../support/repository.ts";

const report: string = JSON.stringify(Array.from({ length: 500 }, (_, day) => ({ day, visits: day * 7 })));

/** The messages of the page by code. A section that lacks its message, its cause or what to do is left out. */
const sections = new Map(
  read("docs/errors.md")
    .split(/^##+ /m)
    .flatMap((section) => {
      const parts =
        /^([A-Z_]+)\n\n> (.+)\n\n\*\*Cause\.\*\* [^]{20,}?\n\n\*\*What to do\.\*\* [^]{10,}$/.exec(section);
      return parts === null ? [] : [[parts[1]!, parts[2]!] as const];
    }),
);

/** Text that does not compress, the same at each run. */
function incompressible(size: number): string {
  let text = "";
  for (let part = 0; text.length < size; part++)
    text += createHash("sha512").update(`${part}`).digest("base64").slice(0, 84);
  return text.slice(0, size);
}

describe("docs/errors.md", () => {
  let server: DevServer;
  let silent: ReturnType<typeof createServer>;
  let zstd: Zstd;
  let frame: Uint8Array<ArrayBuffer>;
  let url: string;
  const token = "messages";

  beforeAll(async () => {
    server = await createDevServer({ backend: "embedded", token });
    ({ url } = await server.listen());
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    zstd = await loadZstd();
    frame = zstd.compress(report);
  });
  afterAll(async () => {
    await server.close();
    silent.closeAllConnections();
    await new Promise((resolve) => silent.close(resolve));
  });

  const client = (config: Partial<RedisConfig> = {}): Redis =>
    new Redis({ url, token, enableAutoPipelining: false, retry: false, ...config });

  /** Stores bytes as they are, and reads them with a client. */
  async function readStored(bytes: Uint8Array, config: Partial<RedisConfig> = {}): Promise<unknown> {
    const text = `zs1:${Buffer.from(bytes).toString("base64")}`;
    await new StockRedis({ url, token, automaticDeserialization: false }).set("report", text);
    return client(config).get("report");
  }

  function changed(bytes: Uint8Array, at: number): Uint8Array {
    const copy = bytes.slice();
    copy[at]! ^= 0xff;
    return copy;
  }

  /** What provokes each code. */
  const provoke: Readonly<Record<ZstashErrorCode, () => unknown>> = {
    CORRUPT: () => readStored(changed(frame, 12)),
    TRUNCATED: () => readStored(frame.subarray(0, -9)),
    CHECKSUM_MISMATCH: () => readStored(changed(frame, frame.length - 1)),
    NOT_ZSTD: () => zstd.decompress(new TextEncoder().encode("hello world")),
    NOT_TEXT: async () => {
      const store = createStore({ url, token });
      await store.put("photo", new Uint8Array(5000).fill(0xff));
      return store.getText("photo");
    },
    VALUE_CHANGED: async () => {
      const store = createStore({ url, token, pieceSize: 65_536 });
      const put = (size: number) =>
        store.put("photo", incompressible(size), { layout: { frameSize: 65_536 } });
      await put(4_000_000);
      const reader = (await store.get("photo"))!.getReader();
      await reader.read();
      await put(3_000_000);
      while (!(await reader.read()).done);
    },
    SIZE_LIMIT: () => readStored(frame, { compression: { maxSize: 4096 } }),
    WINDOW_LIMIT: async () => {
      const options = { parameters: { windowLog: 25 } } as const;
      const stream = new Blob([report]).stream().pipeThrough(zstd.compressStream(options));
      return new Response(stream.pipeThrough(zstd.decompressStream())).text();
    },
    REQUEST_LIMIT: () =>
      client({ compression: { maxRequestSize: 1000 } }).set("report", incompressible(2000)),
    RECORD_LIMIT: async () => {
      const small = await createDevServer({ backend: "embedded", token, maxRecordSize: 20_000 });
      try {
        const direct = (input: string, init: RequestInit) => small.fetch(input, init);
        return await client({ fetch: direct }).set("report", incompressible(30_000));
      } finally {
        await small.close();
      }
    },
    OUT_OF_MEMORY: async () => {
      const small = await loadZstd({ memoryLimit: 1 << 20 });
      const stream = new Blob([report]).stream().pipeThrough(small.compressStream({ level: 19 }));
      return new Response(stream).arrayBuffer();
    },
    TIMEOUT: () => {
      const { port } = silent.address() as AddressInfo;
      return client({ url: `http://127.0.0.1:${port}`, timeout: 50 }).get("report");
    },
    DICTIONARY_UNKNOWN: () => readStored(zstd.compress(report, { dictionary: readDictionary(newer) })),
    DICTIONARY_INVALID: () => readDictionary(new TextEncoder().encode("hello world")),
    SAMPLES_UNSUITABLE: () => trainDictionary(["one", "two"]),
    REDIS: () => client({ url: "http://127.0.0.1:1" }).get("report"),
    UNSUPPORTED: async () => {
      await client().set("report", report);
      return withCompression(new StockRedis({ url, token, enableAutoPipelining: false })).get("report");
    },
    COMMAND_REFUSED: () => client({ compression: { guard: true } }).append("report", "more"),
    WASM_UNAVAILABLE: () => loadZstd({ module: new Uint8Array(8) }),
    CONTEXT_LOST: () => {
      throw contextLost();
    },
    INTERNAL: () => {
      const source = { size: 1000, read: () => Promise.reject(new Error("gone")) };
      return new Response(zstd.decompressRange(source, 0)).text();
    },
  };

  test.each(Object.keys(provoke) as ZstashErrorCode[])("%s", async (code) => {
    const error: unknown = await (async () => provoke[code]())().catch((thrown: unknown) => thrown);
    expect((error as ZstashError).code).toBe(code);
    expect(sections.get(code)).toBe((error as ZstashError).message);
  });

  test("has a cause and what to do for every code, and for no other", () => {
    expect([...sections.keys()].sort()).toEqual(Object.keys(provoke).sort());
  });
});
