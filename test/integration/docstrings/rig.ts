/** What the examples in docstrings take for granted: a local server with some values, clients of it, and files. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Redis as StockRedis } from "@upstash/redis";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { loadZstd, parseSeekTable, type Zstd } from "../../../src/index.ts";
import { createMetrics } from "../../../src/metrics/index.ts";
import { Redis } from "../../../src/redis.ts";
import { createStore } from "../../../src/store/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import {
  encodeValue,
  keyvCompression,
  type CommandReply,
  type CommandRequest,
} from "../../../src/upstash/index.ts";
import type { GivenName } from "../../support/docstring-examples.ts";

const report: string = JSON.stringify({
  visits: 3,
  days: Array.from({ length: 300 }, (_, day) => `day ${day}`),
});
/** Sessions that differ, and have the same members. */
const records: readonly object[] = Array.from({ length: 1000 }, (_, index) => ({
  session: `${(index * 2_654_435_761) >>> 0}`,
  theme: ["light", "dark"][index % 2],
  language: ["en-GB", "de-DE", "fr-FR"][index % 3],
  cart: { items: index % 7, currency: "EUR", coupon: null },
}));

/** A server over a redis-server, and a site; `given` makes what one example may use. */
export interface Rig {
  given(): Promise<Record<GivenName, unknown>>;
  /** Releases what the last example may have left. */
  clear(): Promise<void>;
  close(): Promise<void>;
  readonly env: Readonly<Record<string, string>>;
}

export async function createRig(folder: string): Promise<Rig> {
  const zstd = await loadZstd();
  const redisServer = await createDevServer({ backend: "redis-server", token: "examples" });
  const { url } = await redisServer.listen();
  const frame = zstd.compress('{"visits":3}');
  const site = await serveReport(frame);
  const samples = records.map((record) => JSON.stringify(record));
  const { dictionary } = await trainDictionary(samples, { maxSize: 4096 });
  writeFileSync(join(folder, "sessions.dict"), dictionary);
  const file = await seekableFile(zstd);
  const token = "examples";
  const env = { UPSTASH_REDIS_REST_URL: url, UPSTASH_REDIS_REST_TOKEN: token };
  const stored = encodeValue(zstd, report);
  let server: DevServer | undefined;
  return {
    env,
    async given() {
      server = await createDevServer({ backend: "embedded" });
      const redis = new Redis({ url, token });
      const client = new StockRedis({ url, token, automaticDeserialization: false });
      await client.mset({ report: stored, damaged: stored.slice(0, -40) });
      const store = createStore({ url, token });
      await store.put("page", "<p>page</p>".repeat(1000), { kind: "text" });
      return {
        url,
        token,
        site: `http://127.0.0.1:${(site.address() as AddressInfo).port}`,
        key: "report",
        report,
        session: samples[0],
        records,
        env,
        signal: new AbortController().signal,
        request: new Request("http://localhost/page"),
        blob: new Blob(["to be or not to be"]),
        frame,
        file,
        source: {
          size: file.length,
          read: (start: number, end: number) => Promise.resolve(file.subarray(start, end)),
        },
        table: parseSeekTable(file),
        zstd,
        store,
        redis,
        client,
        requester: { request: (sent: CommandRequest) => post(url, token, sent) },
        compression: keyvCompression(zstd),
        manager: createDictionaryManager({ url, token }),
        metrics: createMetrics(),
        server,
        readFile: (name: string) => Promise.resolve(new Uint8Array(readFileSync(join(folder, name)))),
        writeFile: (name: string, bytes: Uint8Array) =>
          Promise.resolve(writeFileSync(join(folder, name), bytes)),
      };
    },
    async clear() {
      await server?.close();
      await redisServer.reset();
    },
    async close() {
      await redisServer.close();
      await new Promise((resolve) => site.close(resolve));
    },
  };
}

/** 250,000 digits in frames of 64 KiB, with a seek table. */
async function seekableFile(zstd: Zstd): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Blob(["0123456789".repeat(25_000)]);
  const frames = content.stream().pipeThrough(zstd.compressStream({ frameSize: 65_536, seekTable: true }));
  return new Uint8Array(await new Response(frames).arrayBuffer());
}

/** A site whose `/report` is a stored frame. */
async function serveReport(frame: Uint8Array): Promise<Server> {
  const site = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json", connection: "close" });
    response.end(frame);
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  return site;
}

async function post(url: string, token: string, { body }: CommandRequest): Promise<CommandReply> {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as CommandReply;
}
