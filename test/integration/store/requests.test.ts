/**
 * What a store asks of the server: how many requests, how many bytes, and what it does when it may not ask that way.
 */
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { Redis } from "@upstash/redis";
import { readFrameHeader } from "../../../src/format/frame.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import { withCompression, zstashCode } from "../../../src/upstash/index.ts";
import type { Layout } from "../../../src/store/index.ts";
import { expectBytes } from "../../support/expect-bytes.ts";
import { createRandom, seededRandom } from "../../support/random.ts";
import { sourceOf } from "../../support/streams.ts";
import { pieceSizeAt } from "../../../src/store/piece-cutter.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";
import { drain, until, useStores, type StoreRig } from "./rig.ts";
import { backends } from "../../support/backends.ts";

const KIB = 1 << 10;
const MIB = 1 << 20;

/** Bytes that do not compress, made quickly. */
function noise(seed: number, size: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(size / 4));
  let state = Math.imul(seed, 0x9e3779b2) | 1;
  for (let at = 0; at < words.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return new Uint8Array(words.buffer, 0, size);
}

function* parts(data: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < data.length; at += size) yield data.subarray(at, at + size);
}

const row = (id: number): object => ({ id, page: "/home", visits: id * 7, name: `name ${id % 13}` });
const rows = Array.from({ length: 2000 }, (_, id) => row(id));
const json = JSON.stringify(rows);

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe.each(backends)("requests to %s", (backend) => {
  const rig = useStores(backend);
  const slice = backend === "embedded" ? "multi-exec" : "EVAL_RO";

  test("a small value is one SET, whatever its source and options", async () => {
    const store = rig().store();
    await store.put("k", json);
    expect(rig().traffic.commands()).toEqual(["SET"]);
    await store.put("k", sourceOf(parts(noise(1, 900_000), 10_000)), {
      ttl: 60,
      layout: { frameSize: 65_536 },
    });
    expect(rig().traffic.commands()).toEqual(["SET"]);
  });

  test("with ifAbsent a small value is one request; with a time to live a long one looks, sets, renews and publishes", async () => {
    const store = rig().store();
    await store.put("k", json, { ifAbsent: true });
    expect(rig().traffic.commands()).toEqual(["SETNX"]);
    expect(await store.put("k", "other", { ifAbsent: true })).toBe(null);
    expect(rig().traffic.commands()).toEqual(["SETNX"]);
    expectBytes((await store.getBytes("k"))!, new TextEncoder().encode(json));
    await rig().send(["DEL", "k"]);
    rig().traffic.take();
    const put = await store.put("k", json, { ifAbsent: true, ttl: 60 });
    expect(rig().traffic.commands()).toEqual(["SET"]);
    expect((await store.stat("k"))!).toMatchObject({ storedSize: put!.storedSize, form: "text" });
    const [ttl] = await rig().send(["PTTL", "k"]);
    expect(ttl as number).toBeGreaterThan(50_000);
    expect(ttl as number).toBeLessThanOrEqual(60_000);
    expectBytes((await store.getBytes("k"))!, new TextEncoder().encode(json));
    rig().traffic.take();
    expect(await store.put("k", "other", { ifAbsent: true, ttl: 60 })).toBe(null);
    expect(rig().traffic.commands()).toEqual(["SET"]);
    expectBytes((await store.getBytes("k"))!, new TextEncoder().encode(json));
    await rig().send(["DEL", "k"]);
    rig().traffic.take();
    // Its base64 would be longer by more than two requests.
    await store.put("k", noise(1, 200_000), { ifAbsent: true, ttl: 60 });
    expect(rig().traffic.commands()).toEqual(["EXISTS", "SET", "PEXPIRE", "multi-exec"]);
    expect(await store.put("k", noise(2, 200_000), { ifAbsent: true, ttl: 60 })).toBe(null);
    expect(rig().traffic.commands()).toEqual(["EXISTS"]);
  });

  test("with ifAbsent a large value is not sent where there is one, and its source is read no further", async () => {
    const store = rig().store();
    await rig().send(["SET", "k", "there"]);
    let pulled = 0;
    let cancelled = false;
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(noise(++pulled, 256 * KIB)),
      cancel: () => void (cancelled = true),
    });
    expect(await store.put("k", source, { ifAbsent: true })).toBe(null);
    expect(rig().traffic.commands()).toEqual(["EXISTS"]);
    await until(() => cancelled);
    expect(pulled).toBeLessThan(30);
  });

  test("a large value is created, sent in pieces, renewed and published", async () => {
    const store = rig().store();
    const data = noise(2, 3 * MIB);
    await store.put("k", data, { ttl: 60 });
    const size = (await store.stat("k"))!.storedSize;
    let pieces = 0;
    for (let at = 0; at < size; at += pieceSizeAt(at, { fixed: undefined, first: 64 * KIB })) pieces += 1;
    const seen = rig().traffic.take();
    expect(seen.map(({ command }) => command)).toEqual([
      "SET",
      ...Array.from({ length: pieces }, () => "SETRANGE"),
      "PEXPIRE",
      "multi-exec",
      ...(backend === "embedded" ? ["EVAL_RO", "multi-exec"] : ["EVAL_RO"]),
    ]);
    const sent = seen.filter(({ command }) => command === "SETRANGE").map((one) => one.sent);
    expect(sent.reduce((sum, one) => sum + one, 0)).toBe(size);
    // The header is sent last, when it can say the content size.
    expect(sent.at(-1)).toBe(64 * KIB);
    expectBytes((await store.getBytes("k"))!, data);
  });

  test("pieces have the size that is asked for", async () => {
    const store = rig().store({ pieceSize: 1000, concurrency: 1 });
    await store.put("k", noise(3, 20_000));
    const seen = rig()
      .traffic.take()
      .filter(({ command }) => command === "SETRANGE");
    // The first may be longer by the content size.
    for (const { sent } of seen) expect(sent).toBeLessThanOrEqual(1008);
    expect(seen.length).toBe(21);
    expect(rig().traffic.most).toBeLessThanOrEqual(1);
  });

  test("reading is one GET, and nothing where there is nothing", async () => {
    const store = rig().store();
    await store.put("k", noise(4, 5 * MIB));
    rig().traffic.take();
    await store.getBytes("k");
    expect(rig().traffic.commands()).toEqual(["GET"]);
    await drain(await store.get("k"));
    await store.get("none");
    expect(rig().traffic.commands()).toEqual(["GET", "GET"]);
    // Whether a frame is the only one of a large value shows at its end.
    const probe = backend === "embedded" ? ["EVAL_RO", "multi-exec"] : ["EVAL_RO"];
    await drain(await store.getCompressed("k"));
    expect(rig().traffic.commands()).toEqual(["GET", ...probe]);
    await store.delete("k");
    expect(rig().traffic.commands()).toEqual(["DEL"]);
  });

  test("stat is one small request, and one more for a long table", async () => {
    const store = await rig().warm();
    for (const [layout, requests] of [
      ["ramp", 1],
      [{ frameSize: 65_536 }, 1],
      [{ frameSize: 1000 }, 2],
    ] as const) {
      await store.put("k", noise(5, 900_000), { layout });
      rig().traffic.take();
      const stat = (await store.stat("k"))!;
      const seen = rig().traffic.take();
      expect(seen.map(({ command }) => command)).toEqual(Array.from({ length: requests }, () => slice));
      const received = seen.reduce((sum, one) => sum + one.received, 0);
      expect(received).toBeLessThan(10_000 + 20 * stat.frameCount * (requests - 1));
    }
  });

  test("a range of a seekable value is two requests, and one when its table is known", async () => {
    const store = await rig().warm();
    const data = noise(6, 21 * MIB);
    await store.put("k", data, { layout: { frameSize: 64 * KIB } });
    rig().traffic.take();
    for (const requests of [2, 1, 1]) {
      const start = 13_000_000 + requests * 65_536 * 3;
      expectBytes(
        (await drain(await store.getRange("k", start, start + 1024)))!,
        data.slice(start, start + 1024),
      );
      const seen = rig().traffic.take();
      expect(seen.map(({ command }) => command)).toEqual(Array.from({ length: requests }, () => slice));
      const received = seen.reduce((sum, one) => sum + one.received, 0);
      // MULTI answers in base64.
      expect(received).toBeLessThan((backend === "embedded" ? 4 / 3 : 1) * 130_000);
    }
    // Within one frame, across two, and all of a few.
    for (const [start, end] of [
      [65_530, 65_540],
      [0, 1],
      [300_000, 700_000],
      [data.length - 1, undefined],
    ] as const) {
      expectBytes((await drain(await store.getRange("k", start, end)))!, data.slice(start, end));
    }
  });

  test.runIf(process.env["ZSTASH_LONG"] === "1" && backend !== "embedded")(
    "1 KB out of 100 MB is two requests and less than 130 KB; the upload keeps to 50 requests",
    async () => {
      const store = await rig().warm();
      const data = noise(7, 100 * MIB);
      await store.put("k", data, { layout: { frameSize: 64 * KIB } });
      expect(rig().traffic.take().length).toBeLessThanOrEqual(50);
      const start = 77_777_777;
      expectBytes(
        (await drain(await store.getRange("k", start, start + 1000)))!,
        data.slice(start, start + 1000),
      );
      const seen = rig().traffic.take();
      expect(seen.length).toBe(2);
      expect(seen[0]!.received + seen[1]!.received).toBeLessThan(130_000);
    },
  );

  describe("a value that is replaced", () => {
    const layouts: readonly Layout[] = ["ramp", { frameSize: 10_000 }, { mtu: 1500 }];
    const old = noise(8, 200_000);
    // The same sizes everywhere: nothing but the version tells them apart.
    const fresh = noise(9, 200_000);

    test.each(layouts)("%j: between two ranges, the second is of the new one", async (layout) => {
      const [reader, writer] = [rig().store(), rig().store()];
      await writer.put("k", old, { layout });
      for (const value of [old, fresh, noise(10, 150_000), new TextEncoder().encode(json)]) {
        await writer.put("k", value, { layout });
        expectBytes((await drain(await reader.getRange("k", 90_000, 91_000)))!, value.slice(90_000, 91_000));
      }
      await rig().set("k", old);
      expectBytes((await drain(await reader.getRange("k", 90_000, 91_000)))!, old.slice(90_000, 91_000));
      await writer.delete("k");
      expect(await reader.getRange("k", 90_000, 91_000)).toBe(null);
      // Shorter than the start: misuse, found out anew.
      await writer.put("k", old, { layout });
      await drain(await reader.getRange("k", 90_000));
      await writer.put("k", "short", { layout });
      await expect(reader.getRange("k", 90_000).then(drain)).rejects.toThrow(RangeError);
    });

    /** Replaces the value before request number `at` of the reader. */
    const replaceAt = (at: number, replace: () => Promise<unknown>): void => {
      let number = 0;
      rig().traffic.around = async (_, forward) => {
        if (number++ === at) await replace();
        return forward();
      };
    };
    /** One whose requests are not counted. */
    const silent = () => rig().store({ fetch: (input, init) => fetch(input, init) });

    test.each(layouts)("%j: between finding its table and reading it", async (layout) => {
      for (const value of [fresh, noise(11, 150_000), new TextEncoder().encode(json)]) {
        await silent().put("k", old, { layout });
        const reader = await rig().warm();
        replaceAt(1, () => silent().put("k", value, { layout }));
        expectBytes((await drain(await reader.getRange("k", 90_000, 91_000)))!, value.slice(90_000, 91_000));
        rig().traffic.around = (_, forward) => forward();
      }
    });

    test.each(layouts)("%j: before anything of it was handed on, reading begins anew", async (layout) => {
      for (const at of [0, 1]) {
        await silent().put("k", old, { layout });
        const reader = await rig().warm({ pieceSize: 30_000 });
        replaceAt(at, () => silent().put("k", fresh, { layout }));
        expectBytes((await reader.getBytes("k"))!, fresh);
      }
    });

    test.each(layouts)("%j: later it is VALUE_CHANGED, and never mixed", async (layout) => {
      for (const at of [2, 4, 6]) {
        for (const replace of [
          () => silent().put("k", fresh, { layout }),
          () => silent().put("k", "short"),
          () => silent().delete("k"),
        ]) {
          await silent().put("k", old, { layout });
          const reader = await rig().warm({ pieceSize: 30_000, concurrency: 1 });
          replaceAt(at, replace);
          const stream = (await reader.get("k"))!.getReader();
          let size = 0;
          const read = async (): Promise<void> => {
            for (let next = await stream.read(); !next.done; next = await stream.read()) {
              expectBytes(next.value, old.subarray(size, size + next.value.length));
              size += next.value.length;
            }
          };
          await expect(read()).rejects.toMatchObject({ code: "VALUE_CHANGED", key: "k" });
          rig().traffic.around = (_, forward) => forward();
        }
      }
    });

    test("by itself while it is read whole: the old or the new one", async () => {
      const [reader, writer] = [rig().store(), silent()];
      await writer.put("k", old);
      const reading = reader.getBytes("k");
      await writer.put("k", fresh);
      const read = (await reading)!;
      expectBytes(read, Buffer.compare(read, old) === 0 ? old : fresh);
    });
  });
});

describe.each(backends)("above the limits of responses on %s", (backend) => {
  const rig = useStores(backend, { maxResponseSize: 5 * MIB });
  const slice = backend === "embedded" ? "multi-exec" : "EVAL_RO";

  test("a value is refused once, looked at and read in pieces", async () => {
    const store = await rig().warm();
    const data = noise(12, 13 * MIB);
    await store.put("k", data);
    rig().traffic.take();
    for (let round = 0; round < 2; round++) {
      expectBytes((await drain(await store.get("k")))!, data);
      expect(rig().traffic.commands()).toEqual(["GET", slice, ...Array.from({ length: 4 }, () => slice)]);
    }
    expectBytes(
      (await drain(await store.getRange("k", 9_000_000, 9_001_000)))!,
      data.slice(9_000_000, 9_001_000),
    );
  });

  test("text and plain values too", async () => {
    const data = noise(13, 7 * MIB);
    const text = `zs1:${Buffer.from(zstd.compress(data)).toString("base64")}`;
    await rig().set("text", new TextEncoder().encode(text));
    await rig().set("plain", data);
    const store = rig().store();
    expectBytes((await store.getBytes("text"))!, data);
    // Hashes by a script, or else DIGEST, tell that it was not replaced.
    expectBytes((await store.getBytes("plain"))!, data);
  });
});

describe.each(backends)("above the limits of requests and records on %s", (backend) => {
  const rig = useStores(backend, { maxRequestSize: 300 * KIB, maxRecordSize: 2 * MIB });

  test("pieces of a large value pass where the whole does not", async () => {
    const data = noise(14, MIB + 300 * KIB);
    const store = rig().store({ pieceSize: 200 * KIB });
    await store.put("k", data);
    expectBytes((await store.getBytes("k"))!, data);
  });

  test("a request that is too large is REQUEST_LIMIT, and the old value stays", async () => {
    const store = rig().store();
    await store.put("k", "old");
    await expect(store.put("k", noise(15, MIB - KIB))).rejects.toMatchObject({
      code: "REQUEST_LIMIT",
      key: "k",
    });
    expect(await store.getText("k")).toBe("old");
    expect(await rig().temporary()).toEqual([]);
  });

  test("a record that is too large is RECORD_LIMIT, by the server's limit and by ours", async () => {
    const store = rig().store({ pieceSize: 200 * KIB });
    await store.put("k", "old");
    await expect(store.put("k", noise(16, 3 * MIB))).rejects.toMatchObject({
      code: "RECORD_LIMIT",
      key: "k",
    });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          controller.enqueue(noise(++pulled, 50_000));
        },
      },
      { highWaterMark: 0 },
    );
    const own = rig().store({ maxRecordSize: 500_000, pieceSize: 100_000 });
    await expect(own.put("k", endless)).rejects.toMatchObject({ code: "RECORD_LIMIT", key: "k" });
    // As soon as it is passed: what the codec holds comes on top.
    expect(pulled).toBeLessThan(20);
    expect(await store.getText("k")).toBe("old");
    for (const { ttl } of await rig().temporary()) expect(ttl).toBeLessThanOrEqual(60_000);
  });
});

describe.each(backends)("servers that lack something, before %s", (backend) => {
  const values = (): readonly Uint8Array[] => [
    new TextEncoder().encode(json),
    createRandom(1).bytes(400_000),
  ];

  describe.each([
    ["no RESP2", { noResp2: true }],
    ["no scripts", { noScripts: true }],
    ["neither", { noResp2: true, noScripts: true }],
    ["no sync token", { noSyncToken: true }],
  ])("%s", (_, lacks) => {
    const rig = useStores(backend, lacks);
    test.each<Layout>(["ramp", { frameSize: 20_000 }, { mtu: 1500 }])(
      "everything works with %j",
      async (layout) => {
        for (const data of values()) {
          for (const options of [{}, { pieceSize: 30_000 }]) {
            const store = rig().store(options);
            await rig().send(["DEL", "k"]);
            const result = await store.put("k", data, { layout, ifAbsent: true, ttl: 60 });
            expect(await store.stat("k")).toMatchObject({
              size: data.length,
              frameCount: result!.frameCount,
            });
            expectBytes((await store.getBytes("k"))!, data);
            expectBytes((await drain(await store.getRange("k", 1000, 30_000)))!, data.slice(1000, 30_000));
            // A value of one frame is text, so that one request can say NX and PX.
            const stored = Buffer.from(await rig().stored("k"));
            const isText = stored.subarray(0, 4).toString() === "zs1:";
            if (isText) expect(result!.frameCount).toBe(1);
            const frames = isText ? Buffer.from(stored.subarray(4).toString(), "base64") : stored;
            if (zstdCliAvailable()) expectBytes(zstdDecode(frames), data);
            expect(await store.delete("k")).toBe(true);
          }
        }
      },
    );
  });

  describe("no bodies", () => {
    const rig = useStores(backend, { noRawBody: true });
    test("a small value lies as text and reads back", async () => {
      const store = rig().store();
      for (const options of [{}, { ifAbsent: true }, { layout: { mtu: 1500 } }]) {
        await rig().send(["DEL", "k"]);
        await store.put("k", json, { ...options, ttl: 60 });
        expect(new TextDecoder().decode(await rig().stored("k"))).toMatch(/^zs1:KLUv/);
        expect(await store.getText("k")).toBe(json);
        expect((await store.stat("k"))!).toMatchObject({ form: "text" });
        expect((await drain(await store.getRange("k", 5, 50)))!.length).toBe(45);
      }
    });

    test("a large one is an error, and the old one stays", async () => {
      const store = rig().store({ pieceSize: 10_000 });
      await rig().send(["SET", "k", "old"]);
      await expect(store.put("k", noise(17, 100_000))).rejects.toMatchObject({ code: "REDIS", key: "k" });
      expect(await store.getText("k")).toBe("old");
      for (const { ttl } of await rig().temporary()) expect(ttl).toBeLessThanOrEqual(60_000);
    });
  });
});

describe.each(backends)("store and wrapper on %s", (backend) => {
  const rig = useStores(backend);
  const client = ({ url, token }: StoreRig): Redis => new Redis({ url, token, enableTelemetry: false });
  const wrappers = (): readonly (readonly [string, Redis])[] => {
    const { url, token } = rig();
    return [
      ["text", withCompression(client(rig()))],
      ["raw", new CompressingRedis({ url, token, enableTelemetry: false })],
    ];
  };

  test("the store reads what the wrapper wrote, compressed or not", async () => {
    for (const [carrier, redis] of wrappers()) {
      await redis.set("large", rows);
      await redis.set("small", { a: 1 });
      await redis.set("string", "zs1:KLUv/ is no frame");
      for (const store of [rig().store(), rig().store({ pieceSize: 1000 })]) {
        expect(await store.getText("large"), carrier).toBe(json);
        expect(await store.getText("small")).toBe('{"a":1}');
        expect(await store.getText("string")).toBe("zs1:KLUv/ is no frame");
        expect(await store.stat("large")).toMatchObject({
          size: json.length,
          frameCount: 1,
          form: carrier === "raw" ? "frame" : "text",
        });
        const range = await drain(await store.getRange("large", 1000, 2000));
        expect(new TextDecoder().decode(range!)).toBe(json.slice(1000, 2000));
        expect(zstd.decompressText((await drain(await store.getCompressed("large")))!)).toBe(json);
      }
    }
  });

  test.each<Layout>(["ramp", { flushSize: 500 }, { frameSize: 10_000 }, { mtu: 1500 }])(
    "the wrapper reads what the store wrote with %j",
    async (layout) => {
      const [[, text], [, raw]] = wrappers() as [[string, Redis], [string, Redis]];
      for (const options of [{}, { pieceSize: 1000 }]) {
        const store = rig().store(options);
        for (const source of [json, sourceOf(parts(new TextEncoder().encode(json), 1000))]) {
          await store.put("k", source, { layout });
          expect(await raw.get("k")).toEqual(rows);
          expect(await raw.mget("k", "none", "k")).toEqual([rows, null, rows]);
        }
        await store.put("number", "5");
        expect(await raw.get("number")).toBe(5);
        await store.put("empty", "");
        expect(await raw.get("empty")).toBe("");
        // Bytes do not survive the client that knows text alone: it says so.
        await expect(text.get("k")).rejects.toSatisfy((error) => zstashCode(error) === "UNSUPPORTED");
      }
    },
  );

  test("a streamed value declares its size in one request and in pieces", async () => {
    const data = seededRandom(80).bytes(300_000);
    for (const options of [{}, { pieceSize: 20_000 }]) {
      for (const layout of ["ramp", { flushSize: 2000 }] as const) {
        await rig()
          .store(options)
          .put("k", sourceOf(parts(data, 7777)), { layout });
        const header = readFrameHeader(await rig().stored("k"));
        expect(header).toMatchObject({ contentSize: data.length, checksum: true });
        expect(zstdCliAvailable() ? zstdDecode(await rig().stored("k")).length : data.length).toBe(
          data.length,
        );
      }
    }
  });
});
