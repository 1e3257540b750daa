/** What a store tells its listener of values: one event for each that was stored or read, and what metrics make of many. */
import { beforeAll, describe, expect, test } from "vitest";
import { pacing } from "../../../src/codec/pacing.ts";
import { bokuweb } from "../../../src/engine/bokuweb.ts";
import { loadZstd, readDictionary, type Zstd } from "../../../src/index.ts";
import { createMetrics, type Metrics, type ZstashEvent } from "../../../src/metrics/index.ts";
import type { Layout, StoreOptions, ValueSource } from "../../../src/store/index.ts";
import { backends } from "../../support/backends.ts";
import { NEWER, newer, sessionOf } from "../../support/dictionaries.ts";
import { seededRandom } from "../../support/random.ts";
import { drain, until, useStores } from "./rig.ts";

const encoder = new TextEncoder();
const text = JSON.stringify(Array.from({ length: 3000 }, (_, id) => ({ id, name: `user ${id % 50}` })));
const size = text.length;
const LAYOUTS: Readonly<Record<string, Layout>> = {
  ramp: "ramp",
  flushed: { flushSize: 4096 },
  seekable: { frameSize: 16_384 },
  mtu: { mtu: 1500 },
};

/** The value of a series, by the whole of its name and labels. */
function sample(metrics: Metrics, series: string): number {
  const line = metrics
    .toPrometheus()
    .split("\n")
    .find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1));
}

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

describe.each(backends)("on %s", (backend) => {
  const rig = useStores(backend);
  /** A store, and the events of its values. */
  const watched = (options: Partial<StoreOptions> = {}) => {
    const events: ZstashEvent[] = [];
    const of = new Set(["compressed", "uncompressed", "decoded", "decode-failed"]);
    const store = rig().store({ ...options, onEvent: (event) => of.has(event.type) && events.push(event) });
    return { store, take: (): ZstashEvent[] => events.splice(0) };
  };

  test.each(Object.entries(LAYOUTS))(
    "each way to put and read a value of layout %s is one event",
    async (_, layout) => {
      const { store, take } = watched();
      const { storedSize } = (await store.put("k", text, { layout, kind: "json" }))!;
      const stored = { command: "PUT", key: "k", size, storedSize, kind: "json", level: 1, written: true };
      expect(take()).toEqual([
        { type: "compressed", ...stored, ms: expect.any(Number), dictionaryId: undefined },
      ]);
      const decoded = { type: "decoded", command: "GET", key: "k", size, storedSize, ms: expect.any(Number) };
      expect(await store.getText("k")).toBe(text);
      expect(take()).toEqual([decoded]);
      expect((await store.getBytes("k"))?.length).toBe(size);
      expect(take()).toEqual([decoded]);
      expect((await drain(await store.get("k")))?.length).toBe(size);
      expect(take()).toEqual([decoded]);
      expect((await drain(await store.getRange("k", 20_000, 21_000)))?.length).toBe(1000);
      const [range, ...others] = take();
      expect(others).toEqual([]);
      expect(range).toMatchObject({ type: "decoded", command: "GETRANGE", key: "k", size: 1000 });
      const { storedSize: read, ms } = range as Extract<ZstashEvent, { type: "decoded" }>;
      expect(read).toBeGreaterThan(0);
      expect(read).toBeLessThanOrEqual(storedSize);
      expect(ms).toBeGreaterThan(0);
      // One frame is handed on as it lies; several are decoded on the way.
      await drain(await store.getCompressed("k"));
      const several = typeof layout === "object" && !("flushSize" in layout);
      expect(take()).toEqual(several ? [decoded] : []);
    },
  );

  test("a value in many pieces, both ways", async () => {
    const { store, take } = watched({ pieceSize: 65_536 });
    const bytes = seededRandom(3).bytes(900_000);
    const { storedSize } = (await store.put("k", new Blob([bytes as BlobPart]).stream()))!;
    expect(take()).toMatchObject([
      { type: "compressed", size: bytes.length, storedSize, kind: "binary", level: 3 },
    ]);
    expect(await drain(await store.get("k"))).toEqual(bytes);
    expect(take()).toMatchObject([{ type: "decoded", size: bytes.length, storedSize }]);
  });

  test.each<readonly [name: string, source: () => ValueSource, kind: string, level: number]>([
    ["a string", () => "abc", "text", 1],
    ["bytes", () => encoder.encode("abc"), "binary", 3],
    ["a stream", () => new Blob(["abc"]).stream(), "binary", 3],
    ["a Blob without a type", () => new Blob(["abc"]), "binary", 3],
    ["a Response of JSON", () => Response.json({}), "json", 1],
    [
      "a Response of a page",
      () => new Response("<p>", { headers: { "content-type": "text/html" } }),
      "text",
      1,
    ],
    [
      "a Response of protobuf",
      () => new Response("abc", { headers: { "content-type": "application/x-protobuf" } }),
      "protobuf",
      3,
    ],
    [
      "a Response of a picture",
      () => new Response("abc", { headers: { "content-type": "image/svg" } }),
      "binary",
      3,
    ],
  ])("the kind and the level of %s", async (_, source, kind, level) => {
    const { store, take } = watched();
    await store.put("k", source());
    expect(take()).toMatchObject([{ type: "compressed", kind, level }]);
  });

  test("a kind and a level that are given, and the dictionary", async () => {
    const dictionaries = [readDictionary(newer)];
    const { store, take } = watched({ dictionaries, level: 5 });
    const session = JSON.stringify(sessionOf(1));
    await store.put("k", session, { kind: "protobuf" });
    expect(take()).toMatchObject([{ kind: "protobuf", level: 5, dictionaryId: NEWER }]);
    await store.put("k", session, { level: 7, dictionary: false });
    expect(take()).toMatchObject([{ kind: "text", level: 7, dictionaryId: undefined }]);
    const other = watched();
    await store.put("k", session);
    await expect(other.store.getText("k")).rejects.toMatchObject({ code: "DICTIONARY_UNKNOWN" });
    expect(other.take()).toMatchObject([{ type: "decode-failed", key: "k", code: "DICTIONARY_UNKNOWN" }]);
  });

  test("a damaged value is told once, by its code, however it is read", async () => {
    const { store, take } = watched();
    await store.put("k", text);
    take();
    const whole = await rig().stored("k");
    const damaged = whole.slice();
    damaged[damaged.length - 1]! ^= 1;
    for (const [bytes, code] of [
      [damaged, "CHECKSUM_MISMATCH"],
      [whole.subarray(0, whole.length - 9), "TRUNCATED"],
    ] as const) {
      await rig().set("k", bytes);
      await expect(store.getText("k")).rejects.toMatchObject({ code });
      expect(take()).toMatchObject([{ type: "decode-failed", command: "GET", key: "k", code }]);
      await expect(drain(await store.get("k"))).rejects.toMatchObject({ code });
      expect(take()).toMatchObject([{ type: "decode-failed", command: "GET", key: "k", code }]);
      const range = (async () => drain(await store.getRange("k", 0)))();
      await expect(range).rejects.toMatchObject({ code });
      expect(take()).toMatchObject([{ type: "decode-failed", command: "GETRANGE", key: "k", code }]);
    }
  });

  test("what the caller's limits and forms refuse is a failure, and no decoded value beside it", async () => {
    const { store, take } = watched();
    await store.put("k", text);
    take();
    await expect(store.getText("k", { maxSize: 100 })).rejects.toMatchObject({ code: "SIZE_LIMIT" });
    expect(take()).toMatchObject([{ type: "decode-failed", code: "SIZE_LIMIT" }]);
    await store.put("k", Uint8Array.of(0xff, 0xfe, 0x00));
    take();
    await expect(store.getText("k")).rejects.toMatchObject({ code: "NOT_TEXT" });
    expect(take()).toMatchObject([{ type: "decode-failed", code: "NOT_TEXT" }]);
  });

  test("nothing is told of what says nothing of a value", async () => {
    const { store, take } = watched();
    await store.put("k", text);
    take();
    expect(await store.put("k", "another", { ifAbsent: true })).toBeNull();
    expect(await store.getText("missing")).toBeNull();
    await rig().send(["SET", "plain", "as it is"], ["SADD", "set", "member"]);
    expect(await store.getText("plain")).toBe("as it is");
    await expect(store.getText("set")).rejects.toMatchObject({ code: "REDIS" });
    // Left before its end, and ended by a signal.
    const stream = (await store.get("k"))!;
    await stream.cancel();
    const ended = new AbortController();
    const aborted = (await store.get("k", { signal: ended.signal }))!;
    ended.abort();
    await expect(drain(aborted)).rejects.toThrow("aborted");
    // The connection breaks in the middle.
    rig().traffic.around = async (_seen, forward) => {
      const response = await forward();
      const bytes = new Uint8Array(await response.arrayBuffer());
      return new Response(bytes.subarray(0, bytes.length - 20), response);
    };
    const once = watched({ retry: false });
    await expect(once.store.getText("k")).rejects.toMatchObject({ code: "TRUNCATED" });
    expect(once.take()).toEqual([]);
    await expect(once.store.put("k", text)).rejects.toMatchObject({ key: "k" });
    expect(once.take()).toEqual([]);
    expect(take()).toEqual([]);
  });

  test("a value stored without a codec has the size that it turned out to have", async () => {
    const broken = watched({ zstd: () => Promise.reject(new Error("no WebAssembly")) });
    await broken.store.put("k", new Blob([text]).stream());
    expect(broken.take()).toMatchObject([{ type: "uncompressed", command: "PUT", key: "k", size }]);
    const whole = watched({ zstd: await loadZstd({ engine: bokuweb }) });
    await whole.store.put("k", text);
    expect(whole.take()).toMatchObject([{ type: "uncompressed", size, error: { code: "UNSUPPORTED" } }]);
    await rig().store().put("k", text);
    await expect(broken.store.getText("k")).rejects.toMatchObject({ code: "WASM_UNAVAILABLE" });
    expect(broken.take()).toMatchObject([{ type: "decode-failed", code: "WASM_UNAVAILABLE" }]);
  });

  test("a listener that throws or rejects has no say", async () => {
    for (const onEvent of [() => Promise.reject(new Error("no")), () => void JSON.parse("{")]) {
      const store = rig().store({ onEvent });
      await store.put("k", text);
      expect(await store.getText("k")).toBe(text);
    }
  });

  test("many at once: every value is counted once, and the sums are exact", async () => {
    const metrics = createMetrics();
    const told: string[] = [];
    const store = rig().store({
      onEvent(event) {
        if ("key" in event) told.push(`${event.type} ${event.command} ${event.key}`);
        metrics.onEvent(event);
      },
    });
    const layouts = Object.values(LAYOUTS);
    const keys = Array.from({ length: 40 }, (_, index) => `key:${index}`);
    const sums = { original: 0, stored: 0 };
    await Promise.all(
      keys.map(async (key, index) => {
        const value = text.slice(0, 1000 + index * 997);
        const layout = layouts[index % layouts.length]!;
        const { storedSize } = (await store.put(key, value, { layout }))!;
        sums.original += value.length;
        sums.stored += storedSize;
        expect(await store.getText(key)).toBe(value);
        expect((await drain(await store.get(key)))?.length).toBe(value.length);
      }),
    );
    const wanted = keys.flatMap((key) => [
      `compressed PUT ${key}`,
      `decoded GET ${key}`,
      `decoded GET ${key}`,
    ]);
    expect(told.toSorted()).toEqual(wanted.toSorted());
    const bytes = (direction: string, state: string): number =>
      sample(metrics, `zstash_bytes_total{direction="${direction}",state="${state}"}`);
    expect([bytes("write", "original"), bytes("write", "stored")]).toEqual([sums.original, sums.stored]);
    expect([bytes("read", "original"), bytes("read", "stored")]).toEqual([
      2 * sums.original,
      2 * sums.stored,
    ]);
    expect(sample(metrics, 'zstash_values_total{outcome="compressed",reason=""}')).toBe(40);
    expect(sample(metrics, 'zstash_values_total{outcome="decoded",reason=""}')).toBe(80);
    expect(sample(metrics, 'zstash_compression_ratio_count{kind="text"}')).toBe(40);
    for (const operation of ["compress", "decompress"])
      expect(sample(metrics, `zstash_codec_seconds_total{operation="${operation}"}`)).toBeGreaterThan(0);
  });

  test("the time is that of the codec, not of a reader who rests", async () => {
    const { store, take } = watched();
    const slow = (async function* () {
      for (let at = 0; at < 5; at++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        yield encoder.encode(text);
      }
    })();
    const before = performance.now();
    await store.put("k", slow);
    const taken = performance.now() - before;
    const [stored] = take() as [Extract<ZstashEvent, { type: "compressed" }>];
    expect(stored.ms).toBeGreaterThan(0);
    expect(stored.ms! + 900).toBeLessThan(taken);
  });

  test("without a listener no time is taken and no stream is laid over another", async () => {
    const seen: unknown[] = [];
    const see = (options: object | undefined): void => {
      for (const name of Object.getOwnPropertySymbols(options ?? {})) {
        if (name !== pacing) seen.push(Reflect.get(options!, name));
      }
    };
    const codec: Zstd = {
      ...zstd,
      compressStream: (options) => (see(options), zstd.compressStream(options)),
      compressFrames: (options) => (see(options), zstd.compressFrames(options)),
      decompressStream: (options) => (see(options), zstd.decompressStream(options)),
      decompressRange: (source, from, to, options) => (
        see(options),
        zstd.decompressRange(source, from, to, options)
      ),
    };
    const use = async (options: Partial<StoreOptions>): Promise<unknown[]> => {
      const store = rig().store({ ...options, zstd: codec });
      for (const layout of Object.values(LAYOUTS)) {
        await store.put("k", text.repeat(10), { layout });
        await store.getText("k");
        await drain(await store.getRange("k", 0, 5));
      }
      return seen.splice(0);
    };
    expect((await use({})).filter((value) => value !== undefined)).toEqual([]);
    const timed = await use({ onEvent: () => undefined });
    await until(() => timed.length > 0);
    expect(timed.every((value) => typeof (value as { ms?: unknown }).ms === "number")).toBe(true);
  });
});
