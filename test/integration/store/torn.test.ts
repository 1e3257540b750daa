/** Many readers of a value that is replaced in a loop: each sees one writing of it, or VALUE_CHANGED. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import type { Layout } from "../../../src/store/index.ts";
import { seededRandom, type Random } from "../../support/random.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { hookFetch } from "../../support/store/hook.ts";
import { collect, startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { identify, identifyLines, LINE, makeValue } from "../../support/store/values.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const READERS = 50;
const READS = long ? 200 : 12;
const KEY = "torn";
const PIECE = 8192;

interface Setting {
  readonly name: string;
  readonly layout: Layout;
  /** True if every writing has the same number of bytes, stored too: only the version tells them apart. */
  readonly sameSize: boolean;
  readonly shape: "lines" | "noise";
}

const settings: readonly Setting[] = [
  { name: "one frame, sizes differ", layout: "ramp", sameSize: false, shape: "lines" },
  { name: "one frame of noise, one size", layout: "ramp", sameSize: true, shape: "noise" },
  { name: "frames, sizes differ", layout: { frameSize: 8192 }, sameSize: false, shape: "lines" },
  {
    name: "frames of noise, one size and one seek table",
    layout: { frameSize: 8192 },
    sameSize: true,
    shape: "noise",
  },
  { name: "small frames", layout: { mtu: 1500 }, sameSize: false, shape: "lines" },
];

/** Requests take different times, so that the pieces of one read lie far apart. */
function jitter(rig: InProcess, random: Random): ReturnType<typeof hookFetch> {
  return hookFetch(rig.fetch, async () => {
    if (random.below(3) === 0) await new Promise((resolve) => setTimeout(resolve, random.below(6)));
    return undefined;
  });
}

describe.each(redisAvailable() ? ["embedded", "redis-server"] : ["embedded"])("on %s", (backend) => {
  const redis = backend === "embedded" ? undefined : useRedis();
  let rig: InProcess;
  beforeAll(async () => {
    rig = await startInProcess(redis === undefined ? {} : { redis: redis().url });
  });
  afterAll(() => rig.close());

  test.each(settings)("$name", async ({ name, layout, sameSize, shape }) => {
    const random = seededRandom(1);
    await rig.command("FLUSHALL");
    const options = { pieceSize: PIECE, concurrency: 3 };
    const writer = rig.store(options);
    let version = 0;
    const write = async (): Promise<void> => {
      version += 1;
      const size = sameSize ? 50_000 : 40_000 + LINE * random.below(600);
      await writer.put(KEY, makeValue({ name: "torn", version, shape, size }), { layout });
    };
    await write();
    let reading = true;
    const counts = { whole: 0, parts: 0, changed: 0, versions: new Set<number>() };
    const writing = (async () => {
      while (reading) {
        await write();
        // Reads run as scripts, on connections of their own, and writes do not: a writer that never rests lets none end.
        const rest = counts.changed > 10 * counts.whole ? 150 : 12;
        await new Promise((resolve) => setTimeout(resolve, random.below(rest)));
      }
    })();
    // Some share a store, so that they share what is remembered of seek tables.
    const stores = Array.from({ length: 5 }, () =>
      rig.store({ ...options, fetch: jitter(rig, random).fetch }),
    );
    const reader = async (index: number): Promise<void> => {
      const store = stores[index % stores.length]!;
      const part = index % 3 === 0;
      for (let read = 0; read < READS; read++) {
        const start = LINE * (2 + random.below(1000));
        const first = version;
        try {
          const stream = part ? await store.getRange(KEY, start, start + 8000) : await store.get(KEY);
          const bytes = await collect(stream!);
          const found = part && shape === "lines" ? identifyLines(bytes, start) : identify(bytes)?.version;
          if (part && shape === "noise") {
            const one = versionOfPart(bytes, start, first, version);
            if (one === undefined) expect.fail(`mixed bytes in [${start}, ${start + 8000})`);
            counts.parts += 1;
            continue;
          }
          if (found === undefined) expect.fail(`mixed bytes: ${bytes.length} from ${part ? start : 0}`);
          expect(found).toBeGreaterThanOrEqual(first - 1);
          counts.versions.add(found);
          if (part) counts.parts += 1;
          else counts.whole += 1;
        } catch (error) {
          if (!(error instanceof ZstashError) || error.code !== "VALUE_CHANGED") throw error;
          expect(error.key).toBe(KEY);
          counts.changed += 1;
        }
      }
    };
    try {
      await Promise.all(Array.from({ length: READERS }, (_, index) => reader(index)));
    } finally {
      reading = false;
      await writing;
    }
    expect(counts.whole).toBeGreaterThan(0);
    expect(counts.whole + counts.parts + counts.changed).toBe(READERS * READS);
    expect(rig.zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
    expect([...(await rig.temporaries()).values()].filter((ttl) => ttl === -1)).toEqual([]);
    console.info(
      `${backend}, ${name}: ${READERS} readers, ${version} writings: ${counts.whole} whole, ${counts.parts} whole parts, ` +
        `${counts.changed} VALUE_CHANGED, 0 mixed`,
    );
  });

  /** Which writing a part of noise is of: one of those that were there meanwhile. */
  function versionOfPart(bytes: Uint8Array, start: number, first: number, last: number): number | undefined {
    for (let version = Math.max(1, first - 1); version <= last; version++) {
      const whole = makeValue({ name: "torn", version, shape: "noise", size: 50_000 });
      if (Buffer.compare(whole.subarray(start, start + 8000), bytes) === 0) return version;
    }
    return undefined;
  }
});
