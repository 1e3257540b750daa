/** Requests and stored values that are malformed or hostile: what goes out then, and what a client sees of it. */
import { get as httpGet, type IncomingMessage } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { loadZstd, readDictionary, type Zstd } from "../../../src/index.ts";
import { serve, serveKey, type ServedStore, type ServeKeyInit } from "../../../src/serve/index.ts";
import { createStore, type Store } from "../../../src/store/index.ts";
import { newer } from "../../support/dictionaries.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { rejection } from "../../support/rejection.ts";
import { useAnswers } from "./rig.ts";

const content = new TextEncoder().encode(
  JSON.stringify(Array.from({ length: 20_000 }, (_, id) => ({ id, name: `name ${(id * 7919) % 9973}` }))),
);
const small = content.slice(0, 500);

let dev: DevServer;
let url: string;
let store: Store;
let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
  dev = await createDevServer({ backend: "embedded" });
  ({ url } = await dev.listen());
  store = createStore({ url, token: dev.token });
  await store.put("frame", content);
  await store.put("small", small);
  await store.put("seekable", content, { layout: { frameSize: 65_536 } });
});
afterAll(() => dev.close());

/** Puts bytes into Redis beside the store. */
async function place(key: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(`${url}/set/${encodeURIComponent(key)}`, {
    method: "POST",
    headers: { authorization: `Bearer ${dev.token}` },
    body: bytes,
  });
  expect(response.status).toBe(200);
}

const ask = (key: string, headers: Record<string, string> = {}, init?: ServeKeyInit): Promise<Response> =>
  serveKey(new Request("http://localhost/", { headers }), store, key, init);
const bytesOf = async (response: Response): Promise<Uint8Array<ArrayBuffer>> =>
  new Uint8Array(await response.arrayBuffer());
const zstdOnly = { "accept-encoding": "zstd" };

describe("Content-Length of a stored frame", () => {
  test("of one chunk declares what is sent", async () => {
    const response = await ask("small", zstdOnly);
    const body = await bytesOf(response);
    expect(response.headers.get("content-length")).toBe(`${body.length}`);
    expect(body.length).toBe((await store.stat("small"))!.storedSize);
  });

  test("that is passed on in chunks is not declared: Firefox would take less for the whole", async () => {
    const response = await ask("frame", zstdOnly);
    expect(response.headers.get("content-length")).toBeNull();
    expect((await bytesOf(response)).length).toBe((await store.stat("frame"))!.storedSize);
  });

  test("what is compressed anew has none", async () => {
    await place("joined", new Uint8Array(Buffer.concat([zstd.compress(small), zstd.compress(content)])));
    for (const key of ["seekable", "joined"]) {
      const response = await ask(key, zstdOnly).catch((error: unknown) => error);
      if (!(response instanceof Response)) {
        expect(response).toMatchObject({ code: "UNSUPPORTED" });
        continue;
      }
      expect(response.headers.get("content-length")).toBeNull();
      await response.body!.cancel();
    }
  });
});

/** A store whose value is written anew between `stat` and the reading, as often as it is told. */
function restless(times: number, next: () => Promise<unknown>): ServedStore {
  let left = times;
  return {
    stat: async (key) => {
      const facts = await store.stat(key);
      if (left > 0) {
        left -= 1;
        await next();
      }
      return facts;
    },
    getCompressed: (key) => store.getCompressed(key),
    getRange: (key, start, end) => store.getRange(key, start, end),
    get: (key) => store.get(key),
  };
}

describe("a value that is written anew meanwhile", () => {
  test("goes out as it is then, under its own tag", async () => {
    let writing = 0;
    const other = (): Uint8Array<ArrayBuffer> => content.slice(0, 600 + writing);
    const moving = restless(2, () =>
      store.put(
        "moving",
        other().map((byte) => byte ^ ((writing += 1), 1)),
      ),
    );
    await store.put("moving", small);
    const response = await serveKey(
      new Request("http://localhost/", { headers: zstdOnly }),
      moving,
      "moving",
    );
    const { version, storedSize } = (await store.stat("moving"))!;
    expect(response.headers.get("etag")).toBe(`"${version}-zstd"`);
    expect((await bytesOf(response)).length).toBe(storedSize);
  });

  test("that never rests rejects", async () => {
    let writing = 0;
    await store.put("moving", small);
    const moving = restless(99, () => store.put("moving", `a text ${(writing += 1)} ${"x".repeat(300)}`));
    const asking = serveKey(new Request("http://localhost/", { headers: zstdOnly }), moving, "moving");
    expect(await rejection(asking)).toMatchObject({ code: "VALUE_CHANGED", key: "moving" });
  });

  test("that is large never gives the whole of another version", async () => {
    await store.put("moving", content);
    const first = await store.stat("moving");
    const changed = content.slice();
    // The same size in Redis, another checksum.
    changed.reverse();
    const moving: ServedStore = {
      ...restless(0, async () => undefined),
      stat: async () => first,
      getCompressed: async () => {
        const frame = new Uint8Array(await new Response(await store.getCompressed("moving")).arrayBuffer());
        frame[frame.length - 1]! ^= 1;
        let at = 0;
        return new ReadableStream<Uint8Array<ArrayBuffer>>({
          pull(controller) {
            if (at >= frame.length) return controller.close();
            controller.enqueue(frame.slice(at, (at += 10_000)));
          },
        }) as unknown as NonNullable<Awaited<ReturnType<ServedStore["getCompressed"]>>>;
      },
    };
    const response = await serveKey(
      new Request("http://localhost/", { headers: zstdOnly }),
      moving,
      "moving",
    );
    let received = 0;
    const reading = (async () => {
      for await (const chunk of response.body!) received += chunk.length;
    })();
    expect(await rejection(reading)).toMatchObject({ code: "VALUE_CHANGED" });
    expect(received).toBeLessThan(first!.storedSize);
  });
});

describe("stored values", () => {
  test.each([
    ["cut off in its header", () => zstd.compress(small).slice(0, 6)],
    ["cut off in a block", () => zstd.compress(small).slice(0, 60)],
    ["cut off in its checksum", () => zstd.compress(small).slice(0, -2)],
  ])("a small frame %s is never the whole of a response", async (name, make) => {
    await place(name, make());
    // As it lies there it is refused before a byte goes out.
    for (const asking of [ask(name, zstdOnly), ask(name).then(bytesOf)])
      expect(await rejection(asking)).toMatchObject({
        code: expect.stringMatching(/TRUNCATED|CORRUPT/),
      });
  });

  test("a frame whose bytes are damaged rejects where it is decoded, and a reader's checksum tells else", async () => {
    const damaged = zstd.compress(small);
    damaged[damaged.length - 1]! ^= 1;
    await place("damaged", damaged);
    expect(await rejection(ask("damaged"))).toMatchObject({ code: "CHECKSUM_MISMATCH" });
    const body = await bytesOf(await ask("damaged", zstdOnly));
    expect(() => zstd.decompress(body)).toThrow(/checksum/);
  });

  test("a checksum that is wrong is found before the last byte of a large value goes out", async () => {
    // The checksum is in a step of its own, behind all content.
    const random = new Uint8Array(1_300_000);
    let state = 1;
    for (let at = 0; at < random.length; at++) random[at] = (state = (state * 48_271) % 0x7fff_ffff) >> 8;
    let large = random.subarray(0, 1_250_000);
    let damaged = zstd.compress(large);
    for (; damaged.length % 65_536 !== 3; damaged = zstd.compress(large))
      large = random.subarray(0, large.length + 3 - (damaged.length % 65_536));
    damaged[damaged.length - 1]! ^= 1;
    await place("damaged", damaged);
    const request = new Request("http://localhost/");
    for (const response of [await ask("damaged"), await serve(request, damaged)]) {
      expect(response.headers.get("content-length")).toBe(`${large.length}`);
      let received = 0;
      const reading = (async () => {
        for await (const chunk of response.body!) received += chunk.length;
      })();
      expect(await rejection(reading)).toMatchObject({ code: "CHECKSUM_MISMATCH" });
      expect(received).toBeLessThan(large.length);
    }
  });

  test("a frame with a dictionary is decoded by who has it, and refused by who has not", async () => {
    const dictionary = readDictionary(newer);
    await place("dictionary", zstd.compress(small, { dictionary }));
    for (const headers of [{}, zstdOnly])
      expect(await rejection(ask("dictionary", headers))).toMatchObject({ code: "DICTIONARY_UNKNOWN" });
    const knowing = createStore({ url, token: dev.token, dictionaries: [dictionary] });
    const answer = (headers: Record<string, string>): Promise<Response> =>
      serveKey(new Request("http://localhost/", { headers }), knowing, "dictionary");
    expectBytes(await bytesOf(await answer({})), small);
    const passed = await bytesOf(await answer(zstdOnly));
    expect(new DataView(passed.buffer).getUint8(4) & 3, "no dictionary id").toBe(0);
    expectBytes(zstd.decompress(passed), small);
  });

  test("a window over 8 MiB is compressed anew, and an uncompressed value over 8 MiB goes as it is", async () => {
    const large = new Uint8Array((8 << 20) + 5);
    for (let at = 0; at < large.length; at += 61) large[at] = at >> 4;
    const wide = zstd.compress(large, { parameters: { windowLog: 25 } });
    const patient = createStore({ url, token: dev.token, maxWindowLog: 25 });
    await place("wide", wide);
    // A store decodes windows up to its own limit.
    for (const headers of [{}, zstdOnly])
      expect(await rejection(ask("wide", headers))).toMatchObject({ code: "WINDOW_LIMIT" });
    await place("plain", large);
    const passed = await bytesOf(
      await serveKey(new Request("http://localhost/", { headers: zstdOnly }), patient, "wide"),
    );
    expectBytes(zstd.decompress(passed, { maxSize: 9 << 20 }), large);
    const { readFrameHeader } = await import("../../../src/index.ts");
    expect(readFrameHeader(wide).windowSize).toBeGreaterThan(8 << 20);
    expect(readFrameHeader(passed).windowSize).toBeLessThanOrEqual(8 << 20);
    const plain = await ask("plain", zstdOnly);
    expect(plain.headers.get("content-encoding")).toBeNull();
    expect(plain.headers.get("content-length")).toBe(`${large.length}`);
    expectBytes(await bytesOf(plain), large);
  });
});

describe("headers of a request", () => {
  const size = content.length;
  test.each([
    ["bytes=0-9,20-29", 200],
    ["bytes=0-9,10-19", 206],
    [`bytes=${Array.from({ length: 10_000 }, (_, at) => `${at * 2}-${at * 2}`).join(",")}`, 200],
    [`bytes=${size}-`, 416],
    [`bytes=${size}-${size + 5},${size * 2}-`, 416],
    ["bytes=-0", 416],
    ["bytes=5-4", 200],
    ["bytes=99999999999999999999-", 416],
    ["bytes=a-b", 200],
    ["bytes=", 200],
    ["items=0-5", 200],
    ["bytes=0-9\u00e4", 200],
  ])("Range: %.40s is %i", async (range, status) => {
    for (const key of ["frame", "seekable"]) {
      const response = await ask(key, { range });
      expect(response.status).toBe(status);
      if (status === 200) expect(response.headers.get("content-length")).toBe(`${size}`);
      await response.body?.cancel();
    }
  });

  test.each([
    ",,,",
    "zstd;q",
    "zstd;;q=1",
    ";zstd",
    "\u00ff",
    "zstd;q=1e3",
    "a".repeat(60_000),
    "zstd,".repeat(9_999),
  ])("Accept-Encoding: %.20s gives the content", async (accept) => {
    const response = await ask("small", { "accept-encoding": accept });
    const body = await bytesOf(response);
    expectBytes(response.headers.has("content-encoding") ? zstd.decompress(body) : body, small);
  });
});

describe("header injection", () => {
  test.each(["text/html\r\nset-cookie: a=1", "text/html\nx: y", "a\u0000b", "text/ä\u0100"])(
    "a content type %j is refused",
    async (type) => {
      await expect(ask("small", {}, { contentType: () => type })).rejects.toThrow(TypeError);
      await expect(ask("small", {}, { headers: { "content-type": type } })).rejects.toThrow(TypeError);
    },
  );

  test.each(['"\r\nset-cookie: a=1', "a\r\nb: c", 'a"b', "a b\u0100"])(
    "an entity tag %j is refused",
    async (etag) => {
      await expect(ask("small", {}, { etag })).rejects.toThrow(TypeError);
    },
  );

  test("keys of any characters are read and never stand in a header", async () => {
    for (const key of ["a\r\nset-cookie: x=1", "ä\u0000\u2028", '"quoted"', "%0d%0a", "../../x", "a?b#c&d"]) {
      await store.put(key, small);
      const response = await ask(key, zstdOnly);
      expectBytes(zstd.decompress(await bytesOf(response)), small);
      expect(JSON.stringify([...response.headers])).not.toContain(key.slice(0, 4));
      expect((await ask(`${key}-missing`)).status).toBe(404);
    }
  });
});

describe("contentType", () => {
  test("gives the type of a key, unless headers have one", async () => {
    const contentType = (key: string): string | undefined => (key === "small" ? "text/csv" : undefined);
    expect((await ask("small", {}, { contentType })).headers.get("content-type")).toBe("text/csv");
    expect((await ask("frame", {}, { contentType })).headers.get("content-type")).toBeNull();
    const given = { contentType, headers: { "content-type": "text/plain" } };
    expect((await ask("small", {}, given)).headers.get("content-type")).toBe("text/plain");
  });

  test("is a function that answers at once", async () => {
    const wrong = { contentType: "text/csv" } as unknown as ServeKeyInit;
    await expect(ask("small", {}, wrong)).rejects.toThrow('"contentType" must be a function, got string');
    const late = { contentType: async () => "text/csv" } as unknown as ServeKeyInit;
    await expect(ask("small", {}, late)).rejects.toThrow("must be given synchronously");
    await expect(serve(new Request("http://localhost/"), small, wrong)).rejects.toThrow(
      '"contentType" is not an option',
    );
  });
});

describe("over HTTP", () => {
  let answer: (request: Request) => Promise<Response>;
  const base = useAnswers((request) => answer(request));

  test("a frame that is cut off on its way is an error", async () => {
    const whole = await bytesOf(new Response(await store.getCompressed("small")));
    answer = (one) =>
      serveKey(
        one,
        {
          ...restless(0, async () => undefined),
          getCompressed: async () => {
            const parts = [whole.slice(0, 50), whole.slice(50, 80)];
            return new ReadableStream({
              pull(controller) {
                const part = parts.shift();
                if (part === undefined) controller.close();
                else controller.enqueue(part);
              },
            }) as unknown as NonNullable<Awaited<ReturnType<ServedStore["getCompressed"]>>>;
          },
        },
        "small",
      );
    const outcome = await new Promise<IncomingMessage>((resolve, reject) =>
      httpGet(base(), { headers: zstdOnly, agent: false }, resolve).on("error", reject),
    ).catch((error: { code: string }) => error.code);
    // Found before a byte went out, or the connection is cut before the end of the last chunk.
    if (outcome === "ECONNRESET") return;
    await expect((outcome as IncomingMessage).toArray()).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});
