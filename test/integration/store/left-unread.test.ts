/** A download that is left before anything of it was read lets its connection go. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeAll, expect, test } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";

const SIZE = 4_000_000;
let value: Uint8Array;
let server: Server | undefined;

beforeAll(async () => {
  const zstd = await loadZstd();
  const content = new Uint8Array(SIZE);
  for (let at = 0; at < SIZE; at++) content[at] = (at * 2654435761) >>> 24;
  value = zstd.compress(content);
});
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** A server that begins to answer a GET in RESP2, and never goes on; and how many of its replies were left. */
async function hangingServer(): Promise<{ readonly store: Store; readonly left: () => number }> {
  let left = 0;
  server = createServer((incoming, outgoing) => {
    outgoing.once("close", () => void left++);
    incoming.resume();
    outgoing.writeHead(200, { "content-type": "application/octet-stream" });
    outgoing.write(`$${value.length}\r\n`);
    outgoing.write(value.subarray(0, 300_000));
  });
  await new Promise<void>((resolve) => server!.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { store: createStore({ url: `http://127.0.0.1:${port}`, token: "t" }), left: () => left };
}

test.each(["get", "getCompressed"] as const)("%s", async (method) => {
  const { store, left } = await hangingServer();
  const stream = (await store[method]("key"))!;
  expect(left()).toBe(0);
  await stream.cancel();
  // The test's own limit ends it where the connection stays.
  while (left() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});

test("get with progress", async () => {
  const { store, left } = await hangingServer();
  const stream = (await store.get("key", { onProgress: () => undefined }))!;
  await stream.cancel();
  while (left() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
