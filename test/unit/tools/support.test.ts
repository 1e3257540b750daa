/** The helpers of the tests do what the tests rely on. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { nativeAvailable, startNative, useNative } from "../../support/native.ts";
import { createRandom } from "../../support/random.ts";
import { redisAvailable, startRedis, useRedis } from "../../support/redis.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { failures, summaryLine, summarize } from "../../support/summary.mjs";

describe("createRandom", () => {
  test("gives the numbers it always gave", () => {
    const random = createRandom(1);
    expect([random.uint32(), random.uint32(), random.uint32()]).toEqual(FIRST_OF_SEED_1);
  });

  test("below is unbiased and in range", () => {
    const random = createRandom(2);
    const counts = [0, 0, 0, 0, 0, 0, 0];
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]!++;
    // 10,000 expected, standard deviation 93: six of them.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(560);
  });

  test("logUniform keeps its bounds and reaches both", () => {
    const random = createRandom(3);
    const drawn = new Set(Array.from({ length: 1_000 }, () => random.logUniform(2, 5)));
    expect([...drawn].sort()).toEqual([2, 3, 4, 5]);
  });

  test.each([-1, 1.5, 2 ** 32, Number.NaN])("refuses the seed %s", (seed) => {
    expect(() => createRandom(seed)).toThrow(RangeError);
  });

  test.each([0, -1, 1.5, 2 ** 33])("refuses the limit %s", (limit) => {
    expect(() => createRandom(1).below(limit)).toThrow(RangeError);
  });
});

const FIRST_OF_SEED_1 = [52107484, 3520520, 3760476048];

describe("requireOrSkip", () => {
  test("present: run", () => expect(requireOrSkip("x", true, "get it", true)).toBe(true));

  test("missing under CI: a failure that says what and how", () => {
    expect(() => requireOrSkip("x", false, "get it", true)).toThrow(/x is missing.*get it/);
  });

  test("missing locally: one line in the runner's list", () => {
    const folder = mkdtempSync(join(tmpdir(), "zstash-skips-"));
    vi.stubEnv("ZSTASH_SKIPS", join(folder, "list"));
    try {
      expect(requireOrSkip("x", false, "get it", false)).toBe(false);
      expect(readFileSync(join(folder, "list"), "utf8")).toMatch(/^SKIPPED what needs x: .*get it\)\n$/);
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("summarize", () => {
  const file = (name: string, status: string, statuses: string[]): object => ({
    name,
    status,
    assertionResults: statuses.map((each) => ({ status: each })),
  });

  test("counts tests over all files", () => {
    const report = {
      testResults: [
        file("a", "failed", ["passed", "failed", "skipped"]),
        file("b", "passed", ["passed", "pending", "todo"]),
      ],
    };
    expect(summarize(report)).toEqual({ passed: 2, failed: 1, skipped: 3 });
  });

  test("a file that broke before its first test is one failure", () => {
    expect(summarize({ testResults: [file("a", "failed", [])] })).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
    });
  });

  test("a file whose tests passed and whose afterAll failed is one failure", () => {
    const report = { testResults: [file("a", "failed", ["passed"])] };
    expect(summarize(report)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  });

  test("an unknown status is not taken for a pass", () => {
    expect(() => summarize({ testResults: [file("a", "passed", ["odd"])] })).toThrow(/odd/);
  });

  test("what failed is named with its file, its name and the first line of why", () => {
    const test = { status: "failed", fullName: "sums up", failureMessages: ["AssertionError: 1\n    at x"] };
    const of = (name: string, message: string, assertionResults: object[]): object => ({
      name: `/some/where/test/unit/${name}.test.ts`,
      status: "failed",
      message,
      assertionResults,
    });
    expect(
      failures({
        testResults: [
          of("a", "", [{ status: "passed" }, test]),
          of("b", "Cannot find module\n    at y", []),
          { ...of("c", "", [{ status: "passed" }]), status: "passed" },
        ],
      }),
    ).toEqual([
      "test/unit/a.test.ts > sums up: AssertionError: 1",
      "test/unit/b.test.ts: Cannot find module",
    ]);
  });

  test("the closing line", () => {
    expect(summaryLine({ passed: 3, failed: 2, skipped: 1 })).toBe("3 passed, 2 failed, 1 skipped");
  });
});

describe.runIf(redisAvailable())("a real Redis", () => {
  const redis = useRedis();

  const ask = (port: number, command: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
      socket.once("data", (reply) => {
        resolve(reply.toString());
        socket.destroy();
      });
      socket.once("error", reject);
    });

  test("answers on its own port", async () => {
    expect(await ask(redis().port, "SET a b")).toBe("+OK\r\n");
    expect(await ask(redis().port, "GET a")).toBe("$1\r\nb\r\n");
  });

  test("two at once are two, and a stopped one is gone", async () => {
    const other = await startRedis(["--maxmemory", "10mb"]);
    try {
      expect(await ask(other.port, "GET a")).toBe("$-1\r\n");
      expect(await ask(other.port, "CONFIG GET maxmemory")).toContain("10485760");
    } finally {
      await other.stop();
    }
    await expect(ask(other.port, "PING")).rejects.toThrow(/ECONNREFUSED/);
    expect(() => process.kill(other.pid, 0)).toThrow(/ESRCH/);
    await other.stop();
  });

  test("a setting it does not know is an error with its own words", async () => {
    await expect(startRedis(["--nonesuch", "1"])).rejects.toThrow(/Cannot start redis-server[^]*nonesuch/);
  });
});

describe.runIf(nativeAvailable())("native zstd", () => {
  const native = useNative();
  const text = (length: number): Uint8Array => {
    const words = ["frame", "block", "window", "level", "\n"];
    const random = createRandom(length);
    return new TextEncoder()
      .encode(Array.from({ length }, () => random.pick(words)).join(" "))
      .subarray(0, length);
  };
  const bytesOf = async (frame: Uint8Array): Promise<Uint8Array> => {
    const verdict = await native().decompress(frame);
    if (!verdict.ok) throw new Error(verdict.code);
    return verdict.bytes;
  };

  test("is 1.5.7", () => expect(native().version.zstd).toBe("1.5.7"));

  test.each([0, 1, 1000, 300_000, 5_000_000])("round trip of %i bytes", async (length) => {
    const data = text(length);
    expect(Buffer.compare(await bytesOf(await native().compress(data, 3)), data)).toBe(0);
  });

  test("a frame declares its content size, with and without checksum", async () => {
    const data = text(100_000);
    const [plain, summed] = await Promise.all([
      native().compress(data, 1, { checksum: false }),
      native().compress(data, 1),
    ]);
    // Frame_Header_Descriptor: size flag 2 (4 bytes) and single segment; bit 2 says that a checksum follows.
    expect([plain[4], summed[4]]).toEqual([0xa0, 0xa4]);
    expect(new DataView(summed.buffer).getUint32(5, true)).toBe(100_000);
    expect(summed.length).toBe(plain.length + 4);
  });

  test("levels and parameters reach zstd", async () => {
    const data = text(300_000);
    const sizes = await Promise.all(
      [-7, 1, 19].map(async (level) => (await native().compress(data, level)).length),
    );
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
    expect(new Set(sizes).size).toBe(3);
    const small = await native().compress(data, 1, {
      parameters: { ZSTD_c_windowLog: 10, ZSTD_c_contentSizeFlag: 0 },
    });
    // Window_Descriptor 0 is 2^10 bytes.
    expect(small[5]).toBe(0);
    expect(Buffer.compare(await bytesOf(small), data)).toBe(0);
  });

  test("verdicts carry zstd's own codes", async () => {
    const frame = await native().compress(text(2000), 3);
    const damaged = frame.slice();
    damaged[damaged.length - 1]! ^= 1;
    const verdicts = await Promise.all([
      native().decompress(damaged),
      native().decompress(frame.subarray(0, -1)),
      native().decompress(text(100)),
      native().decompress(frame, { maxOutput: 1999 }),
      native().decompress(new Uint8Array([...frame, 1, 2, 3, 4, 5])),
      native().decompress(new Uint8Array(0)),
    ]);
    expect(verdicts.map((verdict) => (verdict.ok ? "ok" : verdict.code))).toEqual([
      "ZSTD_error_checksum_wrong",
      "Z_BUF_ERROR",
      "ZSTD_error_prefix_unknown",
      "ERR_BUFFER_TOO_LARGE",
      "ZSTD_error_prefix_unknown",
      "Z_BUF_ERROR",
    ]);
  });

  test("several frames: all to the exact end, or the first and how long it was", async () => {
    const one = await native().compress(text(500), 1);
    const skippable = new Uint8Array([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 7, 7, 7]);
    const both = new Uint8Array([...skippable, ...one, ...one, ...skippable]);
    expect(await bytesOf(both)).toHaveLength(1000);
    const first = await native().decompress(new Uint8Array([...one, ...one]), { frames: "first" });
    expect(first).toMatchObject({ ok: true, consumed: one.length });
    expect(await native().decompress(both, { maxOutput: 999 })).toMatchObject({
      code: "ERR_BUFFER_TOO_LARGE",
    });
  });

  test("4,000 calls at once come back in order", async () => {
    const frames = await Promise.all(
      Array.from({ length: 4_000 }, (_, i) => native().compress(text(1 + (i % 300)), 1)),
    );
    const again = await Promise.all(frames.map(bytesOf));
    again.forEach((bytes, i) => expect(bytes.length).toBe(1 + (i % 300)));
  });

  test("a call after the end is rejected, not left waiting", async () => {
    const other = await startNative();
    const last = other.compress(text(10), 1);
    await other.close();
    expect((await last).length).toBeGreaterThan(0);
    await expect(other.compress(text(10), 1)).rejects.toThrow(/its process ended/);
  });

  test("a level out of range is an error, and the next call works", async () => {
    await expect(native().compress(text(10), 1, { parameters: { ZSTD_c_windowLog: 99 } })).rejects.toThrow(
      /natively/,
    );
    expect(await native().compress(text(10), 1)).toBeInstanceOf(Uint8Array);
  });
});
