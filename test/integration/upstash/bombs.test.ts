/** A hostile writer of Redis values: small fields that decode to 31 MiB each stop no reader and fill no memory. */
import type { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { zstashCode } from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { rejection } from "../../support/rejection.ts";
import { useClients } from "./rig.ts";

const MIB = 1 << 20;
const COUNT = 60;
/** Strings of the limit of 128 MiB, copies of them on the way, and what WebAssembly holds; unbounded it is 2 GiB and more. */
const MEMORY = 900 * MIB;
const alone = { enableAutoPipelining: false };
const names = Array.from({ length: COUNT }, (_, index) => `bomb:${index}`);

const bombs: Record<string, string> = {};
beforeAll(async () => {
  const zstd = await loadZstd();
  const zeros = new Uint8Array(31 * MIB);
  bombs["claims its size"] = toTextCarrier(zstd.compress(zeros, { level: 19 }));
  const { readable, writable } = zstd.compressStream({ level: 1 });
  const writer = writable.getWriter();
  void writer.write(zeros).then(() => writer.close());
  bombs["claims nothing"] = toTextCarrier(new Uint8Array(await new Response(readable).arrayBuffer()));
});

describe.each(backends)("sixty values of 31 MiB on %s", (backend) => {
  const clients = useClients(backend);

  test.each(["claims its size", "claims nothing"])("each of which %s", async (kind) => {
    const plain = clients.plain();
    await plain.del("bombs", ...names);
    await plain.hset("bombs", Object.fromEntries(names.map((name) => [name, bombs[kind]])));
    await plain.mset(Object.fromEntries(names.map((name) => [name, bombs[kind]])));
    const before = process.memoryUsage.rss();
    let peak = 0;
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss() - before)), 5);
    // Of a script's strings those count that are whole values, which declare their size.
    const scripts = (redis: Redis): (() => Promise<unknown>)[] =>
      backend === "embedded" || kind === "claims nothing"
        ? []
        : [() => redis.eval("return { redis.call('MGET', unpack(KEYS)) }", names, [])];
    for (const redis of [clients.compressing({}, alone), clients.raw({}, alone)]) {
      for (const read of [
        () => redis.hgetall("bombs"),
        () => redis.hvals("bombs"),
        () => redis.hscan("bombs", 0, { count: 1000 }),
        () => redis.mget(...names),
        ...scripts(redis),
      ]) {
        expect(zstashCode(await rejection(read()))).toBe("SIZE_LIMIT");
        peak = Math.max(peak, process.memoryUsage.rss() - before);
      }
      const pipeline = redis.pipeline();
      for (const name of names) pipeline.get(name);
      pipeline.ping();
      const results = await pipeline.exec<unknown[]>({ keepErrors: true });
      const failed = results.filter(({ error }) => zstashCode(error) === "SIZE_LIMIT");
      expect(failed).toHaveLength(COUNT - 4);
      expect(results.at(-1)).toMatchObject({ result: "PONG" });
    }
    clearInterval(watch);
    expect(peak).toBeLessThan(MEMORY);
    expect(await clients.compressing().ping()).toBe("PONG");
  });
});
