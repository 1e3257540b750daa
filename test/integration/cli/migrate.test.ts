/** `zstash migrate` over real HTTP: what it writes, what it leaves alone, and that every client reads what it read before. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { createRequester } from "../../../src/upstash/requester.ts";
import { withCompression } from "../../../src/upstash/index.ts";
import { createStore } from "../../../src/store/index.ts";
import { temporaryKey, UPLOAD_MARK } from "../../../src/store/temporary-key.ts";
import { encodeValue } from "../../../src/value/value.ts";
import { backends } from "../../support/backends.ts";
import { newer, sessionOf } from "../../support/dictionaries.ts";
import { seededRandom } from "../../support/random.ts";
import { migrate, READER, run, startRig, TOKEN, type Rig } from "./database-rig.ts";

const FAR = 4_102_444_800_123;
const page = (id: number, size = 3000): string =>
  JSON.stringify(
    Array.from({ length: Math.ceil(size / 60) }, (_, at) => ({
      id: id * 1000 + at,
      name: "a page",
      tags: ["x", "y"],
    })),
  );
const isFrame = (bytes: Buffer): boolean => bytes.subarray(0, 4).toString("hex") === "28b52ffd";

describe.each(backends)("zstash migrate on %s", (backend) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ backend });
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.send(["FLUSHDB"]));

  /** Values of many kinds; the text ones are 40 of 3 kB and 20 of less than 1 kB. */
  async function fill(): Promise<void> {
    const random = seededRandom(5);
    await rig.send(
      ...Array.from({ length: 40 }, (_, id) => ["SET", `page:${id}`, page(id), "PXAT", FAR + id]),
      ...Array.from({ length: 20 }, (_, id) => ["SET", `small:${id}`, page(id, 300)]),
      ["SET", "number", 12345],
      ["SET", "empty", ""],
      ["SET", "picture", gzipSync(random.bytes(3000)).toString("base64")],
      ["SET", "noise", String.fromCharCode(...random.bytes(1100).map((byte) => 1 + (byte % 127)))],
      ["SET", "mine", `zs1:KLUv/${page(1)}`],
      ["SET", "bom", `\ufeff${page(2)}`],
      ["SET", "nul", `\0${page(3)}`],
      ["SET", "strange/ key?#%&+\u00e9\n", page(4)],
      ["SET", ".", page(5)],
      ["LPUSH", "list", page(6)],
      ["HSET", "hash", "field", page(7)],
      ["PFADD", "hll", ...Array.from({ length: 500 }, (_, index) => `${index}`)],
      ["SET", temporaryKey("upload"), UPLOAD_MARK + page(8), "PX", 600_000],
    );
    await rig.setBytes("binary", Buffer.concat([random.bytes(4), Buffer.alloc(4000, 200)]));
  }

  test("without --apply nothing is written, and the same is counted as with it", async () => {
    await fill();
    const before = await rig.strings();
    const dry = await migrate(rig);
    expect(await rig.strings()).toEqual(before);
    const applied = await migrate(rig, "--apply");
    expect({ ...dry, applied: true, method: applied.method, seconds: 0 }).toEqual({ ...applied, seconds: 0 });
    expect(dry.written).toEqual({ compressed: 42 });
    expect(dry.failed).toEqual({});
    expect(dry.code).toBe(0);
    expect(dry.types).toEqual({ hash: 1, list: 1 });
    expect(dry.left).toEqual({
      small: 21,
      empty: 1,
      "already-compressed": 1,
      savings: 1,
      reserved: 2,
      binary: 2,
      hyperloglog: 1,
      own: 1,
      "other-type": 2,
    });
    expect(applied.method).toBe(backend === "embedded" ? "digest" : "script");
    const size = (all: Awaited<ReturnType<Rig["strings"]>>): number =>
      [...all.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(dry.bytesBefore).toBe(size(before));
    expect(dry.bytesAfter).toBe(size(await rig.strings()));
  });

  test.each([["--carrier", "text"], ["--carrier", "raw"], []])(
    "every value, its time to live to the millisecond, and back: %s %s",
    async (...carrier) => {
      await fill();
      const before = await rig.strings();
      const { written } = await migrate(rig, "--apply", ...carrier);
      expect(written).toEqual({ compressed: 42 });
      const between = await rig.strings();
      const pages = [...between].filter(([key]) => key.startsWith("page:"));
      for (const [, { bytes }] of pages) {
        if (carrier[1] === "raw") expect(isFrame(bytes)).toBe(true);
        else expect(bytes.toString()).toMatch(/^zs1:KLUv\//);
      }
      for (const [key, { expires }] of before) expect(between.get(key)!.expires, key).toBe(expires);
      // What was compressed is known again, and nothing more is done.
      const again = await migrate(rig, "--apply", ...carrier);
      expect(again.written).toEqual({});
      expect(again.left["zstash"]).toBe(42);
      expect(await rig.strings()).toEqual(between);
      expect((await migrate(rig, "--apply", "--undo")).written).toEqual({ uncompressed: 42 });
      expect(await rig.strings()).toEqual(before);
    },
  );

  test("clients of every kind read what they read before", async () => {
    await fill();
    const stock = new Redis({ url: rig.url, token: TOKEN });
    const clients = [
      withCompression(new Redis({ url: rig.url, token: TOKEN })),
      new Redis(createRequester({ url: rig.url, token: TOKEN })),
    ];
    const keys = [...(await rig.strings()).keys()].filter((key) => !key.includes("zstash"));
    const before = await Promise.all(clients.map((client) => client.mget(keys)));
    const plain = await stock.mget(keys);
    await migrate(rig, "--apply");
    for (const [index, client] of clients.entries()) expect(await client.mget(keys)).toEqual(before[index]);
    await migrate(rig, "--apply", "--carrier", "raw");
    expect(await clients[1]!.mget(keys)).toEqual(before[1]);
    await migrate(rig, "--apply", "--undo");
    expect(await stock.mget(keys)).toEqual(plain);
  });

  test("--carrier moves frames from one carrier to the other, without it they stay", async () => {
    const zstd = await loadZstd();
    await rig.setBytes("raw", encodeValue(zstd, page(1), { carrier: "raw" }));
    await rig.send(["SET", "text", encodeValue(zstd, page(2))]);
    expect((await migrate(rig, "--apply")).left).toEqual({ zstash: 2 });
    expect((await migrate(rig, "--apply", "--carrier", "raw")).written).toEqual({ carrier: 1 });
    expect(isFrame(await rig.bytesOf("text"))).toBe(true);
    expect((await migrate(rig, "--apply", "--carrier", "text")).written).toEqual({ carrier: 2 });
    expect((await rig.bytesOf("raw")).toString()).toBe(encodeValue(zstd, page(1)));
  });

  test("values that the store streamed, or made seekable, stay in both directions; those of the wrapper do not", async () => {
    const store = createStore({ url: rig.url, token: TOKEN });
    const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    await store.put("streamed", new Blob([page(1, 20_000)]).stream());
    await store.put("seekable", page(1, 400_000), { layout: { frameSize: 65_536 } });
    await store.put("frame", page(1, 20_000));
    await client.set("large", page(1, 600_000));
    const before = await rig.strings();
    const forward = await migrate(rig, "--apply", "--carrier", "text");
    expect(forward.left).toEqual({ store: 2 });
    expect(forward.written).toEqual({ carrier: 2 });
    expect(await store.getText("frame")).toBe(page(1, 20_000));
    const back = await migrate(rig, "--apply", "--undo");
    expect(back.left).toEqual({ store: 2 });
    expect(back.written).toEqual({ uncompressed: 2 });
    for (const key of ["streamed", "seekable"])
      expect(await rig.bytesOf(key)).toEqual(before.get(key)!.bytes);
    expect((await rig.bytesOf("large")).toString()).toBe(page(1, 600_000));
    expect(await store.getText("frame")).toBe(page(1, 20_000));
  });

  test("--undo takes the compression out of values that clients streamed, up to the request limit", async () => {
    const raw = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    const text = withCompression(new Redis({ url: rig.url, token: TOKEN }));
    // Up to 2 MiB a client compresses in one call; above that it streams.
    const values = [2 ** 21, 2 ** 21 + 1, 5_000_000].map((size) => page(1, size * 2).slice(0, size));
    for (const [index, value] of values.entries()) {
      await raw.set(`raw:${index}`, value);
      await text.set(`text:${index}`, value);
    }
    const { written, left } = await migrate(rig, "--apply", "--undo");
    expect([written, left]).toEqual([{ uncompressed: 6 }, {}]);
    for (const [index, value] of values.entries())
      for (const name of ["raw", "text"])
        expect((await rig.bytesOf(`${name}:${index}`)).toString() === value, `${name}:${index}`).toBe(true);
  });

  test("a value that no reply of the server holds stays, and the others are migrated", async () => {
    await rig.send(["SET", "page", page(1)]);
    const large = "x".repeat(9_000_000);
    await rig.send(["SET", "large", large]);
    await rig.send(["APPEND", "large", large.slice(0, 3_000_000)]);
    const result = await migrate(rig, "--apply", "--max-value", "64MiB");
    expect([result.written, result.left]).toEqual([{ compressed: 1 }, { large: 1 }]);
  });

  test("--undo leaves what would be taken for a frame, and says so", async () => {
    const client = new Redis(createRequester({ url: rig.url, token: TOKEN }));
    await client.set("mine", "zs1:KLUv/is my own text");
    await client.set("other", page(1));
    const { left, written } = await migrate(rig, "--apply", "--undo");
    expect([left, written]).toEqual([{ reserved: 1 }, { uncompressed: 1 }]);
    expect(await client.get("mine")).toBe("zs1:KLUv/is my own text");
  });

  test("--with-dictionaries and --without-dictionaries", async () => {
    const manager = createDictionaryManager({ url: rig.url, token: TOKEN });
    const { id } = await manager.publish(newer, { pattern: "session:*", share: 1, force: true });
    const keys = Array.from({ length: 30 }, (_, number) => `session:${number}`);
    await rig.send(...keys.map((key, number) => ["SET", key, JSON.stringify(sessionOf(number))]));
    const before = await rig.strings();
    // Some of them hardly shrink without a dictionary.
    const hardly = (await migrate(rig, "--apply", "--min-size", "100")).left["savings"] ?? 0;
    expect(hardly).toBeLessThan(20);
    const without = (await rig.strings()).get(keys[0]!)!.bytes.length;
    const result = await migrate(rig, "--apply", "--with-dictionaries");
    expect(result.written).toEqual({ dictionary: 30 - hardly, compressed: hardly });
    expect(result.left).toEqual({ own: 2 });
    expect((await rig.bytesOf(keys[0]!)).length).toBeLessThan(without * 0.8);
    await manager.retire(id);
    // Not one of them needs it any more, so that it can be removed.
    expect((await migrate(rig, "--apply", "--without-dictionaries")).written).toEqual({ dictionary: 30 });
    for (const key of keys)
      expect((await rig.bytesOf(key)).toString()).toBe(before.get(key)!.bytes.toString());
    await migrate(rig, "--apply", "--with-dictionaries");
    expect((await rig.bytesOf(keys[0]!)).toString()).toBe(before.get(keys[0]!)!.bytes.toString());
  });

  test("--undo and --without-dictionaries tell of a dictionary that is gone, and leave the value", async () => {
    const manager = createDictionaryManager({ url: rig.url, token: TOKEN });
    const { id } = await manager.publish(newer, { pattern: "session:*", share: 1, force: true });
    await rig.send(["SET", "session:1", JSON.stringify(sessionOf(1))]);
    await migrate(rig, "--apply", "--with-dictionaries");
    const stored = await rig.bytesOf("session:1");
    expect(stored.toString()).toMatch(/^zs1:/);
    await rig.send(["DEL", `zstash:dict:${id}`]);
    for (const how of ["--undo", "--without-dictionaries"]) {
      const { code, failed } = await migrate(rig, "--apply", how);
      expect([code, failed]).toEqual([1, { unreadable: 1 }]);
      expect((await run(["migrate", ...rig.here, how])).output).toMatch(
        /unreadable: session:1: .*dictionary/,
      );
    }
    expect(await rig.bytesOf("session:1")).toEqual(stored);
  });

  test("--carrier leaves what is damaged, or only looks like a frame, as it is, and says so", async () => {
    const note = "zs1:KLUv/SQAAQAAmemeUQ==";
    await rig.send(["SET", "note", note]);
    const { code, failed, written } = await migrate(rig, "--apply", "--carrier", "raw");
    expect([code, failed, written]).toEqual([1, { unreadable: 1 }, {}]);
    expect((await rig.bytesOf("note")).toString()).toBe(note);
  });

  test("a manifest that is switched off stops --with-dictionaries", async () => {
    const manager = createDictionaryManager({ url: rig.url, token: TOKEN });
    await manager.setMode("read-only");
    await rig.send(["SET", "page", page(1)]);
    const { code, errors } = await run(["migrate", ...rig.here, "--apply", "--with-dictionaries"]);
    expect(code).toBe(1);
    expect(errors).toMatch(/manifest's mode is "read-only"/);
    expect((await rig.bytesOf("page")).toString()).toBe(page(1));
  });

  test("--from reads other schemes, and leaves what only looks like one", async () => {
    const text = Buffer.from(page(1));
    const zstd = await loadZstd();
    const values: Readonly<Record<string, Uint8Array>> = {
      gzip: gzipSync(text),
      deflate: deflateSync(text),
      brotli: brotliCompressSync(text),
      base64: Buffer.from(gzipSync(text).toString("base64")),
      glide: Buffer.concat([Buffer.from([0, 1, 2, 0, 1]), zstd.compress(text)]),
      // The literals alone: a block of LZ4 without a match.
      lz4: Buffer.concat([Buffer.from([0, 1, 2, 0, 2, 12, 0, 0, 0, 0xc0]), Buffer.from("twelve chars")]),
      short: gzipSync("short"),
      broken: gzipSync(text).subarray(0, 100),
      trailing: Buffer.concat([deflateSync(text), Buffer.from("x")]),
      bits: gzipSync(Buffer.alloc(3000, 255)),
    };
    for (const [key, value] of Object.entries(values)) await rig.setBytes(key, value);
    expect((await migrate(rig, "--apply")).written).toEqual({});
    const all = "gzip,deflate,brotli,base64-gzip,glide";
    const { written, left } = await migrate(rig, "--apply", "--from", all, "--keys", "*");
    expect(written).toEqual({ converted: 7 });
    expect(left).toEqual({ binary: 3 });
    const client = withCompression(
      new Redis({ url: rig.url, token: TOKEN, automaticDeserialization: false }),
    );
    for (const key of ["gzip", "deflate", "brotli", "base64", "glide"])
      expect(await client.get(key), key).toBe(page(1));
    expect(await client.mget("lz4", "short")).toEqual(["twelve chars", "short"]);
    for (const key of ["broken", "trailing", "bits"])
      expect(await rig.bytesOf(key)).toEqual(Buffer.from(values[key]!));
  });

  test("values of --from that grow are warned of, before and after, with what to do", async () => {
    const text = Buffer.from(seededRandom(7).bytes(6000)).toString("hex");
    await rig.setBytes("gzip", gzipSync(text));
    await rig.setBytes("plain", Buffer.from(page(1, 100_000)));
    const of = async (...args: readonly string[]): Promise<string> => {
      const { output } = await run(["migrate", ...rig.here, "--from", "gzip", ...args]);
      for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
      return output.replaceAll("\n", " ");
    };
    expect(await of("--carrier", "raw")).not.toContain("Warning");
    // All values together shrink: the warning is of those that grow.
    expect(await of()).toMatch(
      /% less.*Warning: the values of --from would grow by [\d.]+ \w+: add --carrier raw,/,
    );
    expect(await of("--apply")).toMatch(
      /Warning: the values of --from have grown .*: run it again with --carrier raw,/,
    );
    await of("--apply", "--carrier", "raw");
    expect((await rig.bytesOf("gzip")).length).toBeLessThan(1.02 * gzipSync(text).length);
  });

  test("--keys, --min-size, --max-value and --binary", async () => {
    await fill();
    expect((await migrate(rig, "--keys", "page:1*")).keys).toBe(11);
    expect((await migrate(rig, "--min-size", "100")).written["compressed"]).toBeGreaterThan(42);
    const { left } = await migrate(rig, "--max-value", "1KiB");
    expect(left["large"]).toBeGreaterThanOrEqual(42);
    const before = await rig.bytesOf("binary");
    expect((await migrate(rig, "--apply", "--binary", "--keys", "binary")).written).toEqual({
      compressed: 1,
    });
    expect((await rig.bytesOf("binary")).length).toBeLessThan(200);
    await migrate(rig, "--apply", "--undo");
    expect(await rig.bytesOf("binary")).toEqual(before);
  });

  test("no value above --max-value is fetched", async () => {
    await rig.send(["SET", "huge", "x".repeat(5_000_000)]);
    const { left } = await migrate(rig, "--max-value", "100k");
    expect(left).toEqual({ large: 1 });
  });

  test("a terminal sees how far it is, and words that fit 80 columns", async () => {
    await fill();
    const { code, output, progress } = await run(["migrate", ...rig.here, "--apply"]);
    expect(code).toBe(0);
    expect(progress.at(-1)).toMatch(/^\d+ of \d+ keys, .* → .*\/s/);
    for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(output).toMatch(/^74 keys, strings .* less\), compared by (digest|script)\n\nwritten:\n/);
  });

  test("Ctrl-C ends it between two pages, and another run goes on", async () => {
    await fill();
    const stopped = await run(["migrate", ...rig.here, "--apply"], Promise.resolve());
    expect([stopped.code, stopped.output]).toEqual([
      1,
      expect.stringMatching(/^Stopped before the end. Run it again/),
    ]);
    expect((await migrate(rig, "--apply")).written).toEqual({ compressed: 42 });
  });

  test.each([
    ["another-token", ["--apply"], /Check --token/],
    [READER, [], /NOPERM[^]*Use a token that may read and write/],
  ])("the token %s is exit code 1 and advice", async (token, args, text) => {
    await fill();
    const before = await rig.strings();
    const { code, errors } = await run(["migrate", "--url", rig.url, "--token", token, ...args]);
    expect([code, errors]).toEqual([1, expect.stringMatching(text)]);
    expect(errors).not.toContain(token);
    expect(await rig.strings()).toEqual(before);
  });
});

test.each(backends)(
  "a server that takes no raw bodies gets text where raw is wanted, on %s",
  async (backend) => {
    const rig = await startRig({ backend, noRawBody: true });
    try {
      await rig.send(["SET", "page", page(1)]);
      expect((await migrate(rig, "--apply", "--carrier", "raw")).written).toEqual({ compressed: 1 });
      expect((await rig.bytesOf("page")).toString()).toMatch(/^zs1:KLUv/);
      expect((await migrate(rig, "--apply", "--carrier", "raw")).left).toEqual({ zstash: 1 });
      expect((await migrate(rig, "--apply", "--undo")).written).toEqual({ uncompressed: 1 });
      expect((await rig.bytesOf("page")).toString()).toBe(page(1));
    } finally {
      await rig.close();
    }
  },
);

describe("zstash migrate", () => {
  test.each([
    [["--carrier", "bytes"], /--carrier: it must be text or raw/],
    [["--with-dictionaries", "--without-dictionaries"], /give one of the two/],
    [["--undo", "--carrier", "raw"], /--carrier with --undo/],
    [["--undo", "--from", "gzip"], /--from with --undo/],
    [["--from", "zip"], /--from: it is one or more of gzip,/],
    [["--from", "brotli"], /give --keys/],
    [["--rate", "-1"], /--rate/],
    [["--rate", "fast"], /--rate: a whole number from 0/],
    [["--max-value", "1 TB"], /--max-value: a size in bytes/],
    [["--max-value", "1GiB"], /--max-value: a size in bytes/],
    [["key"], /takes options only, got/],
  ])("%j is exit code 2", async (args, text) => {
    const { code, output, errors } = await run([
      "migrate",
      "--url",
      "http://127.0.0.1:1",
      "--token",
      "x",
      ...args,
    ]);
    expect([code, output]).toEqual([2, ""]);
    expect(errors).toMatch(text);
  });

  test("a server that is not there is exit code 1", async () => {
    const { code, errors } = await run(["migrate", "--url", "http://127.0.0.1:1", "--token", "x"]);
    expect(code).toBe(1);
    expect(errors).toMatch(/refused the connection.*Check --url/);
  });
});
