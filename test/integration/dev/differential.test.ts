/** The embedded keyspace against redis-server: seeded sequences of commands, and replies compared byte for byte. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Backend } from "../../../src/dev/backend.ts";
import { createEmbeddedBackend } from "../../../src/dev/embedded/index.ts";
import { startRedisServer } from "../../../src/dev/redis/redis-server.ts";
import { equal, FIXED_ARGUMENTS, show } from "../../support/differential/compare.ts";
import { bytesOf, Draw } from "../../support/differential/draw.ts";
import type { Make } from "../../support/differential/draw.ts";
import { PLACES } from "../../support/differential/places.ts";
import { SORTED_SETS } from "../../support/differential/sorted-sets.ts";
import {
  COLLECTIONS,
  GENERIC,
  HASHES,
  HYPERLOGLOGS,
  STREAM_GROUPS,
  STREAMS,
  STRINGS,
} from "../../support/differential/tables.ts";

/** Commands of one sequence, sequences per group, and the seed of the first. */
const LENGTH = 400;
const SEQUENCES = 12;
const SEED = 20_261_124;

const real = await startRedisServer();
if (real === undefined) {
  if (process.env["CI"] !== undefined)
    throw new Error("no redis-server on the PATH: the differential test needs it");
  console.warn(
    "skipped: the embedded keyspace is not compared with a real Redis, there is no redis-server on the PATH",
  );
}

describe.skipIf(real === undefined)("the embedded keyspace replies as Redis does", () => {
  let redis: Backend;
  let embedded: Backend;
  beforeAll(() => {
    redis = real as Backend;
    embedded = createEmbeddedBackend();
  });
  afterAll(async () => {
    await embedded.close();
    await redis.close();
  });

  const GROUPS: Readonly<Record<string, readonly Readonly<Record<string, Make>>[]>> = {
    strings: [STRINGS, GENERIC],
    hashes: [HASHES, GENERIC],
    "lists and sets": [COLLECTIONS, GENERIC],
    "sorted sets": [SORTED_SETS],
    places: [PLACES],
    HyperLogLogs: [HYPERLOGLOGS],
    streams: [STREAMS],
    "groups of consumers": [STREAMS, STREAM_GROUPS, STREAM_GROUPS],
    "all types": [STRINGS, HASHES, COLLECTIONS, SORTED_SETS, GENERIC],
  };

  test.each(Object.entries(GROUPS))("%s", async (_, tables) => {
    for (let sequence = 0; sequence < SEQUENCES; sequence++) {
      const seed = SEED + sequence;
      const draw = new Draw(seed);
      for (const backend of [redis, embedded]) await backend.execute([bytesOf("FLUSHALL")]);
      const history: string[] = [];
      for (let index = 0; index < LENGTH; index++) {
        const table = draw.of(tables);
        const name = draw.of(Object.keys(table));
        const args = table[name]?.(draw) ?? [];
        // Now and then an argument too few or too many.
        const change = FIXED_ARGUMENTS.has(name) ? 0 : draw.below(40);
        if (change === 1) args.pop();
        else if (change === 2) args.push(draw.value());
        const command = [draw.spelled(name), ...args];
        const wire = command.map(bytesOf);
        const [theirs, ours] = [await redis.execute(wire), await embedded.execute(wire)];
        history.push(
          `${wire.map((bytes) => JSON.stringify(Buffer.from(bytes).toString("latin1"))).join(" ")} → ${show(theirs)}`,
        );
        if (!equal(command, theirs, ours)) {
          expect.fail(`seed ${seed}:\n${history.slice(-12).join("\n")}\nembedded: ${show(ours)}`);
        }
      }
    }
  });

  test("sorted sets of thousands of members, and scores of every size", async () => {
    const draw = new Draw(SEED + 2_000);
    const both = async (...command: string[]): Promise<void> => {
      const wire = command.map(bytesOf);
      const [theirs, ours] = await Promise.all([redis.execute(wire), embedded.execute(wire)]);
      if (show(theirs) !== show(ours)) expect.fail(`${command.join(" ")}: ${show(theirs)}, ${show(ours)}`);
    };
    await both("FLUSHALL");
    const score = (): string =>
      draw.of([
        () => `${draw.below(50)}`,
        () => `${draw.below(1e9) / 7}e${draw.below(600) - 300}`,
        () => `-${draw.below(1e9) / 2 ** draw.below(60)}`,
      ])();
    for (let round = 0; round < 3_000; round++) {
      const members = Array.from({ length: 4 }, () => [score(), `m${draw.below(4_000)}`]).flat();
      await both("ZADD", "large", "CH", ...members);
      if (round % 3 === 0) await both("ZREM", "large", `m${draw.below(4_000)}`, `m${draw.below(4_000)}`);
      if (round % 50 > 0) continue;
      const member = `m${draw.below(4_000)}`;
      await both("ZRANK", "large", member);
      await both("ZSCORE", "large", member);
      await both("ZRANGE", "large", `${draw.below(4_000)}`, `${draw.below(4_000)}`, "WITHSCORES");
      await both("ZRANGEBYSCORE", "large", score(), "(40", "WITHSCORES", "LIMIT", `${draw.below(50)}`, "200");
      await both("ZREVRANGEBYSCORE", "large", score(), score(), "LIMIT", `${draw.below(50)}`, "20");
      await both("ZCOUNT", "large", score(), score());
    }
    await both("ZRANGESTORE", "copy", "large", "100", "2000");
    await both("ZUNIONSTORE", "sum", "2", "large", "copy", "WEIGHTS", "0.1", "3");
    await both("ZRANGE", "sum", "0", "-1", "WITHSCORES");
    await both("ZREMRANGEBYRANK", "large", "300", "1500");
    await both("ZREMRANGEBYSCORE", "large", "-1", "1e10");
    await both("ZPOPMAX", "large", "300");
    await both("ZRANGE", "large", "0", "-1", "WITHSCORES");
  });

  test("transactions", async () => {
    for (let sequence = 0; sequence < SEQUENCES; sequence++) {
      const draw = new Draw(SEED + 1_000 + sequence);
      for (const backend of [redis, embedded]) await backend.execute([bytesOf("FLUSHALL")]);
      for (let index = 0; index < 40; index++) {
        const commands = Array.from({ length: 1 + draw.below(5) }, () => {
          const table = draw.of([STRINGS, HASHES, COLLECTIONS, SORTED_SETS]);
          const name = draw.of(Object.keys(table));
          return [draw.below(30) === 0 ? "NOSUCH" : name, ...(table[name]?.(draw) ?? [])];
        });
        const wire = commands.map((command) => command.map(bytesOf));
        const [theirs, ours] = [await redis.transaction(wire), await embedded.transaction(wire)];
        if (theirs.kind !== "array" || ours.kind !== "array") {
          expect(show(ours)).toBe(show(theirs));
          continue;
        }
        expect(ours.items?.length).toBe(theirs.items?.length);
        commands.forEach((command, at) => {
          const [a, b] = [theirs.items?.[at], ours.items?.[at]];
          if (a === undefined || b === undefined) throw new Error("a transaction replies to each command");
          if (!equal(command, a, b)) expect.fail(`${command.join(" ")}: ${show(a)}, embedded: ${show(b)}`);
        });
      }
    }
  });
});
