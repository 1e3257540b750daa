/** The parts of the local server's page without a server: sessions, the log of requests, layouts, previews, shown names. */
import { beforeAll, describe, expect, test } from "vitest";
import { Activity } from "../../../src/dev/page/activity.ts";
import { bytes, duration, ratio, ttl, visible, visibleText } from "../../../src/dev/page/client/format.ts";
import { decodeContent, previewOf } from "../../../src/dev/page/content.ts";
import { describeString } from "../../../src/dev/page/facts.ts";
import { readLayout } from "../../../src/dev/page/layout.ts";
import { keyOf } from "../../../src/dev/page/keys.ts";
import { Sessions } from "../../../src/dev/page/sessions.ts";
import type { RequestRecord } from "../../../src/dev/request-record.ts";
import { loadZstd, writeSeekTable, type Zstd } from "../../../src/index.ts";
import { createVersionFrame } from "../../../src/format/version-frame.ts";
import { concatenate } from "../../../src/bytes.ts";
import { importsOf, parse, readSources, resolve } from "../../support/import-graph.mjs";
import { root } from "../../support/repository.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";

const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

describe("sessions", () => {
  const cookieOf = (header: string | undefined): string => header!.split(";")[0]!;

  test("tickets and sessions end with their time", () => {
    let now = 0;
    const sessions = new Sessions(() => now);
    const [early, late] = [sessions.createTicket(), sessions.createTicket()];
    now = 15 * 60_000 - 1;
    const cookie = cookieOf(sessions.redeem(early));
    expect(sessions.has(`a=1; ${cookie}; b=2`)).toBe(true);
    now += 1;
    expect(sessions.redeem(late)).toBeUndefined();
    now += 12 * 3_600_000 - 2;
    expect(sessions.has(cookie)).toBe(true);
    now += 1;
    expect(sessions.has(cookie)).toBe(false);
    expect(sessions.counts).toEqual({ tickets: 0, sessions: 0 });
  });

  test("are bounded: the oldest makes room", () => {
    const sessions = new Sessions();
    const tickets = Array.from({ length: 33 }, () => sessions.createTicket());
    expect(sessions.redeem(tickets[0]!)).toBeUndefined();
    expect(sessions.redeem(tickets[1]!)).toBeDefined();
    const cookies = Array.from({ length: 1_000 }, () => cookieOf(sessions.open()));
    expect(sessions.counts).toEqual({ tickets: 31, sessions: 32 });
    expect(cookies.filter((cookie) => sessions.has(cookie))).toEqual(cookies.slice(-32));
  });

  test("know neither the cookie of another server nor what only looks like theirs", () => {
    const [one, other] = [new Sessions(), new Sessions()];
    const cookie = cookieOf(one.open());
    expect(other.has(cookie)).toBe(false);
    const [name, id] = cookie.split("=") as [string, string];
    for (const text of [null, "", "=", name, `${name}=`, id, `x${cookie}`, `${cookie}x`, `other=${id}`])
      expect(one.has(text), `${text}`).toBe(false);
  });
});

describe("the log of requests", () => {
  const record = (at: number, took: number, status = 200): RequestRecord => ({
    at,
    duration: took,
    method: "GET",
    commands: ["GET"],
    count: 1,
    key: "k",
    status,
    requestSize: 0,
    responseSize: 10,
    error: undefined,
  });

  test("keeps the latest 500, and says how many were missed", () => {
    const activity = new Activity();
    for (let index = 0; index < 1_234; index++) activity.add(record(1_000, index));
    const page = activity.read(100, 0);
    expect([page.next, page.missed, page.records.length]).toEqual([1_234, 634, 500]);
    expect([page.records[0]!.duration, page.records.at(-1)!.duration]).toEqual([734, 1_233]);
    expect(activity.read(1_233, 0).records.map(({ id }) => id)).toEqual([1_233]);
    expect(activity.read(9_999, 0)).toMatchObject({ records: [], missed: 0 });
  });

  test("tells a second's percentiles, and keeps a quarter of an hour", () => {
    const activity = new Activity();
    for (let took = 1; took <= 100; took++) activity.add(record(5_000, took, took > 98 ? 502 : 200));
    expect(activity.read(0, 0).seconds).toEqual([{ at: 5_000, count: 100, errors: 2, p50: 51, p95: 96 }]);
    for (let second = 6; second < 1_006; second++) activity.add(record(second * 1_000, 1));
    const { seconds } = activity.read(0, 0);
    expect([seconds.length, seconds[0]!.at, seconds.at(-1)!.at]).toEqual([901, 105_000, 1_005_000]);
    expect(activity.read(0, 1_004_000).seconds.map(({ at }) => at)).toEqual([1_004_000, 1_005_000]);
  });

  test("keeps 512 times of a second with a million requests, of its whole", () => {
    const activity = new Activity();
    for (let index = 0; index < 100_000; index++)
      activity.add(record(1_000, index < 50_000 ? 1 : 9 * (index & 1) + 1));
    const [second] = activity.read(0, 0).seconds;
    expect(second).toMatchObject({ count: 100_000, p50: 1, p95: 10 });
  });
});

describe("a stored string", () => {
  let zstd: Zstd;
  const content = utf8(
    JSON.stringify(Array.from({ length: 400 }, (_, id) => ({ id, text: `row ${id % 7}` }))),
  );
  beforeAll(async () => {
    zstd = await loadZstd();
  });
  /** Frames, the version frame and the seek table, as the store writes them. */
  const seekable = (): Uint8Array => {
    const size = 3_000;
    const entries: { compressedSize: number; decompressedSize: number }[] = [];
    const parts: Uint8Array[] = [];
    for (let at = 0; at < content.length; at += size) {
      const slice = content.subarray(at, at + size);
      const frame = zstd.compress(slice);
      parts.push(frame);
      entries.push({ compressedSize: frame.length, decompressedSize: slice.length });
    }
    const version = createVersionFrame();
    entries.push({ compressedSize: version.length, decompressedSize: 0 });
    return concatenate([...parts, version, writeSeekTable(entries)]);
  };
  const factsOf = (stored: Uint8Array) =>
    describeString(stored.length, stored.subarray(0, 48), stored.subarray(-4096));

  test("has the facts of its frames, in both carriers", () => {
    const frame = zstd.compress(content);
    const text = utf8(toTextCarrier(frame));
    const common = { size: content.length, kind: "frame", dictionaryId: 0, fault: null };
    expect(factsOf(frame)).toMatchObject({ ...common, carrier: "raw", storedSize: frame.length });
    expect(factsOf(text)).toMatchObject({ ...common, carrier: "text", storedSize: text.length });
    for (const length of [0, 1, 2, 3, 47, 48, 49, 4095, 4096, 4097, 9_000]) {
      const random = crypto.getRandomValues(new Uint8Array(length));
      const made = zstd.compress(random);
      expect(factsOf(made), `${length}`).toMatchObject({ size: length, carrier: "raw", fault: null });
      expect(factsOf(utf8(toTextCarrier(made))), `${length}`).toMatchObject({
        size: length,
        carrier: "text",
        fault: null,
      });
    }
    expect(factsOf(utf8("plain"))).toMatchObject({ kind: "plain", carrier: null, size: 5, storedSize: 5 });
    expect(factsOf(new Uint8Array(0))).toMatchObject({ kind: "plain", size: 0 });
    const file = seekable();
    expect(factsOf(file)).toMatchObject({ kind: "seekable", size: content.length, carrier: "raw" });
    expect(factsOf(utf8(toTextCarrier(file)))).toMatchObject({
      kind: "seekable",
      size: content.length,
      carrier: "text",
    });
    expect(factsOf(concatenate([frame, frame]))).toMatchObject({ kind: "frames", size: 2 * content.length });
  });

  test("that is damaged has a fault, never an exception", () => {
    const text = toTextCarrier(zstd.compress(content));
    for (const stored of ["zs1:KLUv/R", text.slice(0, -1), `${text.slice(0, 20)}!${text.slice(21)}`])
      expect(factsOf(utf8(stored)).fault, stored.slice(0, 30)).toEqual(expect.any(String));
    const file = seekable();
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at]! ^= 0xff;
      expect(() => [
        factsOf(damaged),
        readLayout(damaged),
        readLayout(damaged.subarray(0, at)),
      ]).not.toThrow();
    }
  });

  test("has a layout that accounts for every byte", () => {
    const file = seekable();
    const { frames, frameCount, fault } = readLayout(file);
    expect(fault).toBe(null);
    expect(frames.map(({ role }) => role).slice(-2)).toEqual(["version", "seek table"]);
    expect(frameCount).toBe(frames.length);
    let at = 0;
    for (const { start, end, role, headerSize, blocks, checksum } of frames) {
      expect(start).toBe(at);
      if (role === "frame") {
        const sum = blocks.reduce((total, { storedSize }) => total + storedSize, 0);
        expect(start + headerSize + sum + (checksum ? 4 : 0)).toBe(end);
      }
      at = end;
    }
    expect(at).toBe(file.length);
  });

  test("has a layout of bounded length", () => {
    const small = zstd.compress(utf8("x"));
    const many = readLayout(concatenate(Array.from({ length: 5_000 }, () => small)));
    expect([many.frameCount, many.frames.length, many.frames.at(-1)!.start]).toEqual([
      5_000,
      65,
      4_999 * small.length,
    ]);
    const large = readLayout(zstd.compress(new Uint8Array(20 << 20)));
    expect([large.frames[0]!.blockCount, large.frames[0]!.blocks.length]).toEqual([160, 64]);
  });

  test("is decoded, and told not to decode", async () => {
    const frame = zstd.compress(content);
    expect(await decodeContent(frame, false)).toMatchObject({
      verdict: "whole",
      size: content.length,
      preview: { kind: "json" },
    });
    expect(await decodeContent(utf8(toTextCarrier(seekable())), false)).toMatchObject({ verdict: "whole" });
    expect(await decodeContent(frame.subarray(0, 60), false)).toMatchObject({
      verdict: { fault: expect.stringContaining("ends inside") },
    });
    const damaged = frame.slice();
    damaged[damaged.length - 1]! ^= 1;
    expect(await decodeContent(damaged, false)).toMatchObject({
      verdict: { fault: expect.any(String) },
      preview: { kind: "none" },
    });
    const large = zstd.compress(new Uint8Array(40 << 20).fill(97));
    expect(await decodeContent(large, false)).toMatchObject({
      verdict: "beginning",
      preview: { kind: "text", cut: true },
    });
  });
});

describe("a preview", () => {
  test("keeps every token of JSON", () => {
    const text = '{"n":12345678901234567890,"n":1.0,"s":"a\\"{,:}[ b","empty":{ },"list":[1,[ ],null]}';
    const { kind, text: shown } = previewOf(utf8(text), false);
    expect(kind).toBe("json");
    expect(shown).toBe(
      '{\n  "n": 12345678901234567890,\n  "n": 1.0,\n  "s": "a\\"{,:}[ b",\n  "empty": {},\n  "list": [\n    1,\n    [],\n    null\n  ]\n}',
    );
    expect(previewOf(utf8(text), false, false).text).toBe(text);
  });

  test("of deep JSON is not much longer than that", () => {
    const text = `${"[".repeat(5_000)}1${"]".repeat(5_000)}`;
    expect(previewOf(utf8(text), false).text.length).toBeLessThan(34 * text.length);
  });

  test("tells text from bytes, and does not split a character", () => {
    expect(previewOf(utf8("häß"), false)).toEqual({ kind: "text", text: "häß", cut: false });
    expect(previewOf(utf8("{no json"), false).kind).toBe("text");
    expect(previewOf(Uint8Array.of(0xc3), false).kind).toBe("hex");
    expect(previewOf(utf8("a\0b"), false)).toMatchObject({
      kind: "hex",
      text: expect.stringMatching(/^000000 {2}61 00 62 +a·b$/),
    });
    const long = previewOf(utf8(`a${"€".repeat(60_000)}`), false);
    expect([long.kind, long.cut, long.text.length]).toEqual(["text", true, 1 + Math.floor(65_535 / 3)]);
  });
});

describe("ids of keys", () => {
  test.each([
    ["=k", "k"],
    ["=", ""],
    ["==a", "=a"],
    [":a2V5", "key"],
  ])("%s", (id, key) => {
    expect(keyOf(id)).toEqual(utf8(key));
  });
  test.each([undefined, null, 7, "", "k", ":a", [], {}])("%j is none", (id) =>
    expect(keyOf(id)).toBeUndefined(),
  );
});

describe("the page's code", () => {
  const files = new Map(readSources(`${root}src/`).map((file) => [file.path, file]));
  /** What is loaded with a file: what it imports, and so on, but nothing that import() or a type names. */
  const loadedWith = (path: string, seen: Set<string> = new Set()): Set<string> => {
    const file = files.get(path);
    if (file === undefined || seen.has(path)) return seen;
    seen.add(path);
    for (const { specifier = "", kind } of importsOf(parse(path, file.text)))
      if (kind === "static" && specifier.startsWith(".")) loadedWith(resolve(path, specifier) ?? "", seen);
    return seen;
  };

  test("is loaded when somebody opens the page", () => {
    const loaded = [...loadedWith("dev/index.ts")].filter((path) => path.startsWith("dev/page/"));
    expect(loaded.toSorted()).toEqual(
      ["activity.ts", "door.ts", "sessions.ts"].map((name) => `dev/page/${name}`),
    );
    expect(loadedWith("dev/page/index.ts").size).toBeGreaterThan(20);
  });

  test("in the browser imports nothing of the server but types", () => {
    const loaded = [...loadedWith("dev/page/client/main.ts")];
    expect(loaded.length).toBeGreaterThan(8);
    expect(loaded.filter((path) => !path.startsWith("dev/page/client/"))).toEqual([]);
  });
});

describe("what is written for people", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [10_240, "10.0 KiB"],
    [102_400, "100 KiB"],
    [1_048_200, "1.00 MiB"],
    [5 << 20, "5.00 MiB"],
    [3 * 2 ** 40, "3.00 TiB"],
    [null, "–"],
  ])("%s bytes: %s", (size, text) => expect(bytes(size)).toBe(text));

  test.each([
    [0.0123, "0.012 ms"],
    [0.42, "0.42 ms"],
    [12.34, "12.3 ms"],
    [999.4, "999 ms"],
    [1_500, "1.50 s"],
  ])("%s ms: %s", (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [null, "none"],
    [1, "1 s"],
    [59_000, "59 s"],
    [61_000, "1 min 1 s"],
    [7_200_000, "2 h"],
    [90_000_000, "1 d 1 h"],
  ])("%s ms to live: %s", (ms, text) => expect(ttl(ms)).toBe(text));

  test("ratios", () => expect([ratio(100, 25), ratio(0, 0), ratio(null, 3)]).toEqual(["4.00×", "–", "–"]));

  test("names hide nothing", () => {
    expect(visible("a\u202eb\u2066c\u200dd\ufeffe\u0000f\u0085g\u2028h\u{e0041}i")).toBe(
      "a\\u{202e}b\\u{2066}c\\u{200d}d\\u{feff}e\\u{0}f\\u{85}g\\u{2028}h\\u{e0041}i",
    );
    expect(visible("Ünïcode ключ 鍵 🔑 \ufffd")).toBe("Ünïcode ключ 鍵 🔑 \ufffd");
    expect(visibleText("a\tb\n\u202ec\r\n")).toBe("a\tb\n\\u{202e}c\\u{d}\n");
  });
});
