/** Thousands of puts and gets while connections are reset, cut and delayed and the server goes away and comes back. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { listen, type Listener } from "../../../src/dev/listen.ts";
import { createStore } from "../../../src/store/index.ts";
import { TEMPORARY_TTL } from "../../../src/store/temporary-key.ts";
import { seededRandom } from "../../support/random.ts";
import { redisAvailable, startRedis, type RedisServer } from "../../support/redis.ts";
import { judgeKeys, runChaos } from "../../support/store/chaos.ts";
import { startStoreProxy } from "../../support/store/proxy.ts";
import { startInProcess, TOKEN, type InProcess } from "../../support/store/in-process.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const BASE = long ? 10 : 1;
const KEYS = 24;
/** Operations between two times that the server goes away. */
const RESTART_EVERY = 150;
/** What the heap may grow by from the first quarter of the run to its end, in bytes. */
const GROWTH_MAX = 48 << 20;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

async function heap(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

interface Setting {
  readonly name: string;
  readonly backend: "embedded" | "redis-server";
  readonly puts: number;
  readonly gets: number;
  readonly late: boolean;
  /** Redis itself is killed too, with all it holds. */
  readonly loses: boolean;
}

const real = redisAvailable();
const settings: readonly Setting[] = [
  {
    name: "redis-server",
    backend: "redis-server",
    puts: 1400 * BASE,
    gets: 1400 * BASE,
    late: false,
    loses: false,
  },
  { name: "embedded", backend: "embedded", puts: 600 * BASE, gets: 600 * BASE, late: false, loses: false },
  {
    name: "requests that come late",
    backend: "embedded",
    puts: 200 * BASE,
    gets: 200 * BASE,
    late: true,
    loses: false,
  },
  ...(long
    ? [
        {
          name: "redis-server that is killed",
          backend: "redis-server" as const,
          puts: 2000,
          gets: 2000,
          late: false,
          loses: true,
        },
      ]
    : []),
];

test.each(settings.filter(({ backend }) => real || backend === "embedded"))(
  "$name: $puts puts and $gets gets",
  async ({ name, backend, puts, gets, late, loses }) => {
    const random = seededRandom(20_261_124);
    const rejections: unknown[] = [];
    const note = (reason: unknown): void => void rejections.push(reason);
    process.on("unhandledRejection", note);
    let redis: RedisServer | undefined = backend === "embedded" ? undefined : await startRedis();
    const startRig = (): Promise<InProcess> =>
      startInProcess(redis === undefined ? {} : { redis: redis.url });
    let rig = await startRig();
    let listener: Listener = await listen((request) => rig.server.fetch(request), 0);
    const proxy = await startStoreProxy(random, listener.address.port);
    const { zstd } = rig;
    const base = { url: proxy.url, token: TOKEN, zstd, timeout: 5000 };
    const retry = { retries: 4, backoff: () => 1 + random.below(8) };
    const stores = [
      createStore({ ...base, retry, pieceSize: 4096, concurrency: 6 }),
      createStore({ ...base, retry, pieceSize: 20_000, concurrency: 3 }),
      createStore({ ...base, retry, pieceSize: 65_536, concurrency: 1 }),
      createStore({ ...base, retry }),
      createStore({ ...base, retry: false, pieceSize: 16_384 }),
    ];
    let models: Awaited<ReturnType<typeof runChaos>>["models"] = [];
    let restarts = 0;
    let restarting: Promise<void> | undefined;
    const memory: number[] = [];

    async function restart(): Promise<void> {
      restarts += 1;
      proxy.move(undefined);
      const loss = loses && restarts % 3 === 0;
      await listener.close();
      if (redis !== undefined) await rig.close();
      if (loss && redis !== undefined) {
        process.kill(redis.pid, "SIGKILL");
        await redis.stop();
        redis = await startRedis();
        for (const model of models) model.lost();
      }
      if (redis !== undefined) rig = await startRig();
      await new Promise((resolve) => setTimeout(resolve, random.below(40)));
      listener = await listen((request) => rig.server.fetch(request), 0);
      proxy.move(listener.address.port);
    }

    const started = Date.now();
    try {
      proxy.weather = { every: 120_000, late };
      const result = await runChaos({
        random,
        stores,
        keys: KEYS,
        puts,
        gets,
        workers: 8,
        late,
        onModels: (all) => void (models = all),
        async onOperation(count) {
          if (count % RESTART_EVERY === 0) restarting ??= restart().finally(() => (restarting = undefined));
          if (count === Math.floor((puts + gets) / 4)) memory.push(await heap());
        },
      });
      await restarting;
      proxy.weather = undefined;
      await proxy.quiet();
      await new Promise((resolve) => setTimeout(resolve, 100));
      memory.push(await heap());

      const clean = rig.store();
      const read = async (
        key: string,
      ): Promise<{ readonly bytes: Uint8Array | null; readonly ttl: number }> => ({
        bytes: await clean.getBytes(key),
        ttl: await rig.number("PTTL", key),
      });
      const wrong = [...result.wrong, ...(await judgeKeys(result.models, read, Date.now() - started + 1000))];
      const lives = [...(await rig.temporaries()).values()];
      const zombies = lives.filter((ttl) => ttl === -1 || ttl > TEMPORARY_TTL).length;
      const outcomes = [...result.counts].sort(([a], [b]) => (a < b ? -1 : 1));
      console.info(
        `${name}: ${puts} puts, ${gets} gets in ${Math.round((Date.now() - started) / 1000)} s; ` +
          `${outcomes.map(([what, count]) => `${what} ${count}`).join(", ")}; ` +
          `${Object.entries(proxy.counts)
            .map(([what, count]) => `${what} ${count}`)
            .join(", ")}, restarts ${restarts}; ` +
          `${lives.length} temporary keys with an end, ${zombies} without; ` +
          `heap ${memory.map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`).join(" → ")}`,
      );
      expect(wrong).toEqual([]);
      expect(rejections).toEqual([]);
      expect(zombies).toBe(0);
      expect(zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
      expect(result.counts.get("get whole")).toBeGreaterThan(gets / 4);
      expect(result.counts.get("put stored")).toBeGreaterThan(puts / 4);
      expect(memory.at(-1)! - memory[0]!).toBeLessThan(GROWTH_MAX);
    } finally {
      await restarting;
      await proxy.close();
      await listener.close();
      await rig.close();
      await redis?.stop();
      process.off("unhandledRejection", note);
    }
  },
  long ? 3_600_000 : 300_000,
);
