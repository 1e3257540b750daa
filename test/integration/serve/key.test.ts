/** Values of a store as responses: over a real server, to clients that decode, that do not, that ask for parts and that leave. */
import { get as httpGet, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { loadZstd, type Zstd } from "../../../src/index.ts";
import { serve, serveKey } from "../../../src/serve/index.ts";
import { createStore, type PutOptions, type Store } from "../../../src/store/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { useAnswers } from "./rig.ts";

const content = new TextEncoder().encode(
  JSON.stringify(Array.from({ length: 60_000 }, (_, id) => ({ id, name: `name ${(id * 7919) % 9973}` }))),
);
const LAYOUTS: Readonly<Record<string, PutOptions>> = {
  frame: {},
  seekable: { layout: { frameSize: 65_536 } },
  segments: { layout: { mtu: 1500 } },
};

let dev: DevServer;
let store: Store;
let zstd: Zstd;
const commands: string[] = [];

beforeAll(async () => {
  zstd = await loadZstd();
  dev = await createDevServer({
    backend: "embedded",
    onRequest: (record) => void commands.push(...record.commands),
  });
  const { url } = await dev.listen();
  store = createStore({ url, token: dev.token });
  for (const [key, options] of Object.entries(LAYOUTS)) await store.put(key, content, options);
  await dev.fetch("http://localhost/set/plain", {
    method: "POST",
    body: "a plain value",
    headers: { authorization: `Bearer ${dev.token}` },
  });
});
afterAll(() => dev.close());
beforeEach(() => void (commands.length = 0));

const ask = (key: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
  serveKey(new Request("http://localhost/", { method, headers }), store, key);
const bytesOf = async (response: Response): Promise<Uint8Array> =>
  new Uint8Array(await response.arrayBuffer());

describe.each(Object.keys(LAYOUTS))("%s", (key) => {
  test("zstd, identity, a range, HEAD and 304", async () => {
    const encoded = await ask(key, { "accept-encoding": "zstd" });
    expect(encoded.headers.get("content-encoding")).toBe("zstd");
    expectBytes(zstd.decompress(await bytesOf(encoded)), content);
    const identity = await ask(key);
    expect(identity.headers.get("content-length")).toBe(`${content.length}`);
    expectBytes(await bytesOf(identity), content);
    const part = await ask(key, { range: "bytes=1000000-1000999" });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes 1000000-1000999/${content.length}`);
    expectBytes(await bytesOf(part), content.subarray(1_000_000, 1_001_000));

    const etag = encoded.headers.get("etag")!;
    expect(identity.headers.get("etag")).toBe(etag.replace("-zstd", ""));
    commands.length = 0;
    const same = await ask(key, { "accept-encoding": "zstd", "if-none-match": etag });
    expect([same.status, same.headers.get("etag")]).toEqual([304, etag]);
    const head = await ask(key, { "accept-encoding": "zstd" }, "HEAD");
    expect(head.headers.get("etag")).toBe(etag);
    // Of the value only its ends were read, for either of them.
    expect(commands).not.toContain("GET");
  });
});

test("another writing has another tag", async () => {
  for (const [key, options] of Object.entries(LAYOUTS)) {
    const { version } = (await store.stat(key))!;
    await store.put("other", content.subarray(1), options);
    expect((await store.stat("other"))!.version).not.toBe(version);
    expect(version).toMatch(/^[0-9a-z-]+$/);
  }
});

test("the tag of a single frame is that of its bytes, however they come", async () => {
  const { version } = (await store.stat("frame"))!;
  const bytes = await bytesOf(new Response(await store.getCompressed("frame")));
  const response = await serve(new Request("http://localhost/"), bytes);
  expect(response.headers.get("etag")).toBe(`"${version}"`);
  await response.body?.cancel();
});

test("an uncompressed value goes as it is, and a missing one is 404", async () => {
  const plain = await ask("plain", { "accept-encoding": "zstd" });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect(await plain.text()).toBe("a plain value");
  expect((await ask("missing")).status).toBe(404);
  expect((await ask("plain", {}, "DELETE")).status).toBe(405);
});

describe("over HTTP", () => {
  let answer: (request: Request) => Promise<Response>;
  const base = useAnswers((request) => answer(request));

  const request = (headers: Record<string, string>): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => httpGet(base(), { headers, agent: false }, resolve).on("error", reject));
  const readWhole = async (incoming: IncomingMessage): Promise<Uint8Array> =>
    Buffer.concat(await incoming.toArray());

  test("100 at once, each its own way", async () => {
    answer = (one) =>
      serveKey(one, store, ["frame", "seekable", "segments"][Number(one.headers.get("x-key"))]!);
    await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const accept = index % 2 === 0 ? "zstd" : "identity";
        const response = await request({ "accept-encoding": accept, "x-key": `${index % 3}` });
        const body = await readWhole(response);
        expectBytes(accept === "zstd" ? zstd.decompress(body) : body, content);
      }),
    );
  });

  test("a value that is cut off cuts the connection", async () => {
    const whole = await bytesOf(new Response(await store.getCompressed("frame")));
    for (const accept of ["zstd", "identity"]) {
      answer = (one) => {
        let at = 0;
        const cut = new ReadableStream<Uint8Array>({
          pull(controller) {
            if (at > whole.length / 2) return controller.close();
            controller.enqueue(whole.slice(at, (at += 65_536)));
          },
        });
        return serve(one, cut);
      };
      const response = await request({ "accept-encoding": accept });
      expect(response.statusCode).toBe(200);
      await expect(readWhole(response)).rejects.toMatchObject({ code: "ECONNRESET" });
    }
  });

  test("clients that leave take the reading with them", async () => {
    answer = (one) => serveKey(one, store, "seekable");
    for (let index = 0; index < 60; index++) {
      const response = await request({ "accept-encoding": index % 2 === 0 ? "zstd" : "identity" });
      if (index % 3 === 0) await new Promise((resolve) => response.once("data", resolve));
      response.destroy();
    }
    const stats = await until(
      async () => (await loadZstd()).stats(),
      ({ live, waiters }) => live + waiters === 0,
    );
    expect(stats).toMatchObject({ live: 0, waiters: 0 });
  });
});

/** Asks until the answer is good; the test's own limit ends it. */
async function until<T>(read: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read();
    if (good(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
