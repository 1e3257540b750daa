/** The store on a Redis Cluster of three masters: temporary keys lie where their keys do. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededRandom } from "../../support/random.ts";
import { startCluster, type RedisCluster } from "../../support/redis-cluster.ts";
import { redisAvailable } from "../../support/redis.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";

describe.runIf(redisAvailable())("on a Redis Cluster", () => {
  let cluster: RedisCluster;
  let rigs: readonly InProcess[];
  beforeAll(async () => {
    cluster = await startCluster();
    rigs = await Promise.all(cluster.nodes.map(({ url }) => startInProcess({ redis: url })));
  }, 60_000);
  afterAll(async () => {
    await Promise.all((rigs ?? []).map((rig) => rig.close()));
    await cluster?.stop();
  });

  const keys = ["report", "report2", "{user}:report", "a{b", "}{", "{}x", "日本", "tenant:7:page", "x{y}z"];
  const odd = Array.from({ length: 40 }, (_, index) => `key ${index} {`);

  test("values in pieces, and those of ifAbsent, get their keys", async () => {
    const random = seededRandom(3);
    const owners = new Set<number>();
    for (const key of [...keys, ...odd]) {
      const owner = await cluster.ownerOf(key);
      owners.add(owner);
      const rig = rigs[owner]!;
      const value = random.bytes(40_000);
      for (const [options, putOptions] of [
        [{}, {}],
        [{}, { ifAbsent: true, ttl: 60 }],
        [{}, { ifAbsent: true, ttl: 60, layout: { frameSize: 4096 } }],
        [{ pieceSize: 8192 }, {}],
        [{ pieceSize: 8192 }, { ifAbsent: true }],
        [{ pieceSize: 8192 }, { ttl: 60, layout: { frameSize: 4096 } }],
      ] as const) {
        const store = rig.store(options);
        await store.delete(key);
        expect(await store.put(key, value, putOptions), key).not.toBe(null);
        expect(Buffer.compare((await store.getBytes(key))!, value)).toBe(0);
        const part = await store.getRange(key, 20_000, 20_010);
        expect(Buffer.from(await new Response(part as BodyInit).arrayBuffer())).toEqual(
          Buffer.from(value.subarray(20_000, 20_010)),
        );
      }
      expect([...(await rig.temporaries()).keys()]).toEqual([]);
    }
    expect(owners.size).toBe(3);
  }, 120_000);
});
