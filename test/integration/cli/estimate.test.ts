/**
 * `zstash estimate` against what `zstash migrate` then finds: the truth lies in the interval in 19 of 20 seeded runs, on three
 * kinds of data. `ZSTASH_LONG=1` takes 20 runs on larger databases.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Estimate } from "../../../src/cli/estimate/estimate.ts";
import { trainingSet } from "../../../bench/corpus/small-records.mjs";
import { backends } from "../../support/backends.ts";
import { createRandom } from "../../support/random.ts";
import { long, migrate, READER, run, startRig, TOKEN, type Command, type Rig } from "./database-rig.ts";

const KEYS = long ? 6_000 : 3_000;
const RUNS = long ? 20 : 5;
/**
 * Runs whose interval may miss the truth where all lengths are known, as by default; and with a third of them: of 20 intervals that
 * are right in 95 of 100 samples, more than three miss once in 60 times.
 */
const MISSES = 1;
const MISSES_BY_A_THIRD = long ? 3 : 1;

const words =
  "user session name email created updated value status active none many things in the world".split(" ");

/** JSON of about so many bytes, of which a share is noise. */
function json(random: ReturnType<typeof createRandom>, size: number, noise: number): string {
  const items: object[] = [];
  for (let length = 0; length < size;) {
    const item = {
      id: random.below(1e6),
      name: `${random.pick(words)} ${random.pick(words)}`,
      hash: Buffer.from(random.bytes(noise)).toString("base64"),
      tags: [random.pick(words), random.pick(words)],
    };
    items.push(item);
    length += JSON.stringify(item).length;
  }
  return JSON.stringify(items);
}

const recordsOf = (size: number): string[] => trainingSet(size).map((record) => record ?? "");

/** Three kinds of databases. */
const sets: Readonly<Record<string, () => Command[]>> = {
  // Small records of two kinds, most of which gain nothing without a dictionary.
  records() {
    const records = recordsOf(KEYS * 700).slice(0, KEYS);
    return records.map((record, index) => ["SET", `${index % 3 ? "event" : "session"}:${index}`, record]);
  },
  // Pages whose sizes spread over three powers of ten, and some pictures.
  pages() {
    const random = createRandom(21);
    return Array.from({ length: KEYS }, (_, index): Command => {
      const size = random.logUniform(50, 30_000);
      if (index % 17 === 0)
        return [
          "SET",
          `img/${index}`,
          `data:image/png;base64,iVBORw0KGgo${Buffer.from(random.bytes(size)).toString("base64")}`,
        ];
      return [
        "SET",
        `page/${index % 5}/${index}`,
        json(random, size, random.below(40)),
        "PX",
        10_000_000 + index,
      ];
    });
  },
  // A few values hold most of the bytes, and other types lie between.
  tail() {
    const random = createRandom(22);
    return Array.from({ length: KEYS }, (_, index): Command => {
      if (index % 11 === 0) return ["RPUSH", `list:${index}`, "x"];
      const share = random.uint32() / 2 ** 32;
      // Pareto with a shape of 1.2: its variance is infinite.
      const size = Math.min(400_000, Math.floor(300 * (1 - share) ** (-1 / 1.2)));
      return ["SET", `blob:${index}`, json(random, size, index % 4 === 0 ? 60 : 3)];
    });
  },
};

async function estimate(
  rig: Rig,
  ...args: readonly string[]
): Promise<Estimate & { readonly costs: object }> {
  const { code, output, errors } = await run(["estimate", ...rig.here, "--json", "--rate", "0", ...args]);
  if (code !== 0) throw new Error(errors);
  return JSON.parse(output) as Estimate & { readonly costs: object };
}

const fill = async (rig: Rig, commands: readonly Command[]): Promise<void> => {
  let [batch, held]: [Command[], number] = [[], 0];
  for (const command of commands) {
    batch.push(command);
    held += String(command[2]).length;
    if (held < 1_000_000 && batch.length < 500) continue;
    await rig.send(...batch);
    [batch, held] = [[], 0];
  }
  if (batch.length > 0) await rig.send(...batch);
};

/** Each set with the lengths of all its keys, and with a third of them. */
const cases: (readonly [name: string, lengths: number])[] = [
  ["records", KEYS],
  ["pages", KEYS],
  ["tail", KEYS],
  ["records", KEYS / 3],
  ["pages", KEYS / 3],
  ["tail", KEYS / 3],
];

describe.each(cases)(
  "the truth of %s lies in the interval, or the program says that it may not, by %i lengths",
  (name, lengths) => {
    /** From a third of the lengths nobody can tell where the sum of a heavy tail is: then it has to be said, each time. */
    const most = lengths < KEYS ? MISSES_BY_A_THIRD : MISSES;
    const isTold = name === "tail" && lengths < KEYS;
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ backend: "embedded" });
      await fill(rig, sets[name]!());
    });
    afterAll(() => rig.close());

    test(`in all of ${RUNS} runs but few`, async () => {
      const truths = { text: await migrate(rig), raw: await migrate(rig, "--carrier", "raw") };
      const misses = { now: 0, text: 0, raw: 0, share: 0 };
      const widths: number[] = [];
      for (let seed = 1; seed <= RUNS; seed++) {
        const sizes = ["--lengths", `${lengths}`, "--sample", `${KEYS / 10}`, "--no-dictionary"];
        const { total, keys, lengthsSuffice } = await estimate(rig, "--seed", `${seed}`, ...sizes);
        expect(lengthsSuffice).toBe(!isTold);
        expect(keys).toBe(truths.text.keys);
        const misses1 = (interval: { low: number; high: number }, truth: number): number =>
          truth < interval.low || truth > interval.high ? 1 : 0;
        misses.now += misses1(total.now, truths.text.bytesBefore);
        misses.text += misses1(total.after.text, truths.text.bytesAfter);
        misses.raw += misses1(total.after.raw, truths.raw.bytesAfter);
        misses.share += misses1(total.share.raw, truths.raw.bytesAfter / truths.raw.bytesBefore);
        widths.push((total.after.raw.high - total.after.raw.low) / total.after.raw.estimate);
      }
      console.log(name, JSON.stringify(misses), `width ${(Math.max(...widths) * 100).toFixed(1)} %`);
      if (isTold) return;
      for (const number of Object.values(misses))
        expect(number, JSON.stringify(misses)).toBeLessThanOrEqual(most);
      // An interval that holds everything says nothing.
      expect(Math.max(...widths)).toBeLessThan(1);
    }, 900_000);
  },
);

describe.each(backends)("zstash estimate on %s", (backend) => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ backend });
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.send(["FLUSHDB"]));

  test("of a database that is smaller than the sample, the sizes are exact", async () => {
    const random = createRandom(3);
    await fill(
      rig,
      Array.from({ length: 120 }, (_, id): Command => [
        "SET",
        `${id % 2 ? "a" : "b"}:${id}`,
        json(random, 10 + id * 40, 2),
      ]),
    );
    await rig.send(["LPUSH", "list", "x"], ["SET", "empty", ""], ["SET", "huge", "x".repeat(2_000_000)]);
    const before = await rig.strings();
    const { total, rows, left, otherTypes, types, sampled } = await estimate(rig);
    const [text, raw] = [
      await migrate(rig, "--max-value", "1MiB"),
      await migrate(rig, "--max-value", "1MiB", "--carrier", "raw"),
    ];
    const exact = (value: number): object => ({ estimate: value, low: value, high: value });
    expect(total.now).toEqual(exact(text.bytesBefore));
    expect(total.after.text).toEqual(exact(text.bytesAfter));
    expect(total.after.raw).toEqual(exact(raw.bytesAfter));
    expect(rows.map(({ prefix, values }) => [prefix, values]).sort()).toEqual([
      ["(other)", 2],
      ["a:", 60],
      ["b:", 60],
    ]);
    expect(left).toEqual(text.left);
    expect(otherTypes).toBe(1);
    expect(types).toEqual({ list: 1 });
    // The huge one was not read.
    expect(sampled.bytes).toBeLessThan(2_000_000);
    const after = await rig.strings();
    // To compare two megabytes byte by byte takes the test runner ten seconds.
    for (const all of [before, after]) all.delete("huge");
    expect(after).toEqual(before);
  });

  test("a dictionary is measured on what it was not trained on", async () => {
    await fill(
      rig,
      recordsOf(800_000).map((record, id) => ["SET", `record:${id}`, record]),
    );
    const { total } = await estimate(rig);
    expect(total.share.dictionary.estimate).toBeLessThan(total.share.raw.estimate * 0.9);
    expect(total.after.dictionary.high).toBeGreaterThan(total.after.dictionary.low);
  });

  test("words that fit 80 columns, a picture, and the money", async () => {
    const random = createRandom(4);
    const odd = `<&"\u001b[2J${"long".repeat(20)}`;
    await fill(
      rig,
      Array.from({ length: 300 }, (_, id): Command => [
        "SET",
        `${id % 3 ? "page" : odd}:${id}`,
        json(random, 3000, 2),
      ]),
    );
    const folder = await mkdtemp(join(tmpdir(), "zstash-estimate-"));
    try {
      const file = join(folder, "plot.svg");
      const args = ["--commands", "5000000", "--bandwidth", "300GiB", "--plot", file];
      const { code, output, progress } = await run(["estimate", ...rig.here, ...args]);
      expect(code).toBe(0);
      for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
      expect(output).not.toContain("\u001b");
      expect(output).toMatch(/page: +200 +[\d.]+ KiB/);
      expect(output).toMatch(/now +5 GB \(\$100\) +\$13\.00\n/);
      expect(output).toMatch(/raw +1 GB \(\$20\)/);
      expect(progress).toContain("300 keys listed");
      const svg = await readFile(file, "utf8");
      expect(svg).toContain("prefers-color-scheme:dark");
      expect(svg).not.toContain("\u001b");
      expect(svg).not.toContain('<&"');
      expect((svg.match(/<rect/g) ?? []).length).toBe(1 + 4 + 3 * 4);
      const failed = await run(["estimate", ...rig.here, "--plot", join(folder, "none", "x.svg")]);
      expect([failed.code, failed.errors]).toEqual([
        1,
        expect.stringMatching(/Cannot write the picture .*ENOENT. See --plot/),
      ]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("says what is in no figure, and where the intervals cannot be trusted", async () => {
    await fill(
      rig,
      Array.from({ length: 400 }, (_, id): Command => [
        "SET",
        `k:${id}`,
        "x".repeat(id === 7 ? 900_000 : 50),
      ]),
    );
    await rig.send(["HSET", "h", "f", "x"], ["HSET", "i", "f", "x"], ["RPUSH", "l", "x"]);
    const seen = new Set<boolean>();
    for (let seed = 1; seed <= 20 && seen.size < 2; seed++) {
      const args = ["estimate", ...rig.here, "--lengths", "200", "--seed", `${seed}`, "--no-dictionary"];
      const { output } = await run(args);
      for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
      seen.add(/sums may lie outside of 95 %. See --lengths \(200 of 403 keys\)/.test(output));
    }
    expect([...seen].sort()).toEqual([false, true]);
    const { output } = await run(["estimate", ...rig.here, "--no-dictionary"]);
    expect(output).toMatch(/Not in the table, no strings: 2 hash, 1 list\nSee zstash migrate --hashes/);
    expect(output).not.toContain("may lie outside");
  });

  test("a database that shrinks meanwhile: what cannot be known is not told as certain, and it says why", async () => {
    const random = createRandom(5);
    await fill(
      rig,
      Array.from({ length: 600 }, (_, id): Command => [
        "SET",
        `k:${id}`,
        json(random, 2000 + id, (id * 7) % 60),
      ]),
    );
    // At this rate the lengths take three seconds, and then the values as long.
    const going = run(["estimate", ...rig.here, "--rate", "200", "--no-dictionary"]);
    await new Promise((resolve) => setTimeout(resolve, 4500));
    await rig.send(["FLUSHDB"]);
    const { code, output } = await going;
    expect(code).toBe(0);
    const [, gone, all] = /(\d+) of (\d+) values were gone when they were to be read. Run it again/.exec(
      output,
    )!;
    expect(Number(gone)).toBeGreaterThan(0);
    // Fewer on a slow machine, where some lengths are asked for too late.
    expect(Number(all)).toBeLessThanOrEqual(600);
    expect(output).not.toMatch(/left of it +\S+ ±0\.0 %/);
  });

  test("small values that gain by a dictionary alone: it is to be trained first, and no time was measured", async () => {
    const records = recordsOf(600_000).filter((record) => record.length > 300 && record.length < 1000);
    await fill(
      rig,
      records.map((record, id) => ["SET", `user:${id}`, record]),
    );
    const { output } = await run(["estimate", ...rig.here]);
    expect(output.replaceAll("\n", " ")).toContain(
      "make a dictionary first, zstash train --keys 'user:*', see",
    );
    expect(output).not.toContain("shadow");
    expect(output).toContain("Processor time here: not measured");
    expect(output).not.toContain("µs");
    for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect((await estimate(rig)).processor).toBeNull();
  });

  test("values that others have compressed are named with what converts them", async () => {
    const random = createRandom(9);
    const gzip = (): Buffer => gzipSync(json(random, 4000, 8));
    await fill(
      rig,
      Array.from({ length: 20 }, (_, id): Command => ["SET", `page:${id}`, gzip().toString("base64")]),
    );
    for (let id = 0; id < 5; id++) await rig.setBytes(`raw:${id}`, gzip());
    const { output } = await run(["estimate", ...rig.here]);
    expect(output).toContain("Compressed by others: 20 base64-gzip, 5 gzip\n");
    expect(output.replaceAll("\n", " ")).toMatch(
      /compressed by others: zstash migrate --from base64-gzip,gzip --carrier raw/,
    );
    for (const line of output.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
  });

  test("nothing to estimate, and keys by a pattern", async () => {
    const empty = await run(["estimate", ...rig.here]);
    expect([empty.code, empty.output]).toEqual([0, expect.stringMatching(/^There are no keys: run this/)]);
    await rig.send(["SET", "a", "1"], ["SET", "b", "2"]);
    const { output } = await run(["estimate", ...rig.here]);
    expect(output.replaceAll("\n", " ")).toMatch(
      /2 values are too few to predict from: .* next to nothing here/,
    );
    for (const line of output.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    expect((await estimate(rig, "--keys", "a*")).keys).toBe(1);
  });

  test("a read-only token may not list keys", async () => {
    const { code, errors } = await run(["estimate", "--url", rig.url, "--token", READER]);
    expect([code, errors]).toEqual([1, expect.stringMatching(/list the keys.*NOPERM/)]);
    expect(errors).not.toContain(READER);
    expect(TOKEN).not.toBe(READER);
  });
});

describe("zstash estimate", () => {
  test.each([
    [["--sample", "1"], /--sample: a whole number from 10/],
    [["--max-value", "9MiB"], /--max-value: a size in bytes/],
    [["--bandwidth", "much"], /--bandwidth: a size in bytes/],
    [["--commands", "-1"], /--commands/],
  ])("%j is exit code 2", async (args, text) => {
    const { code, errors } = await run(["estimate", "--url", "http://127.0.0.1:1", "--token", "x", ...args]);
    expect([code, errors]).toEqual([2, expect.stringMatching(text)]);
  });
});
