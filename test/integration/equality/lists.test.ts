/**
 * Lists whose elements are compressed give what a plain client gives: random commands, pipelines and transactions on
 * clients of several policies and modes that share their lists, to which a client without zstash adds too. `ZSTASH_SEED=n`
 * runs the sequence of that seed alone, `ZSTASH_LONG=1` twenty times as many.
 */
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { readDictionary } from "../../../src/format/dictionary.ts";
import type { CompressionOptions, ZstashEvent } from "../../../src/upstash/index.ts";
import { backends } from "../../support/backends.ts";
import { newer, older } from "../../support/dictionaries.ts";
import { Draw, lists } from "../../support/equality/draw.ts";
import { ListOperations } from "../../support/equality/list-operations.ts";
import {
  carriers,
  clientKinds,
  noCounts,
  startServers,
  type Carrier,
  type ClientKind,
  type Servers,
} from "../../support/equality/servers.ts";
import { Values } from "../../support/equality/values.ts";
import { createRandom } from "../../support/random.ts";
import { answered, compareDatabases, compareStep, describeStep, drawStep, type Step } from "./rig.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const chosen = process.env["ZSTASH_SEED"];
const SEQUENCES = long ? 80 : 4;
const STEPS = 150;

const dictionaries = [readDictionary(newer), readDictionary(older)];
/** Each kind of client opts lists in by a way of its own; the client for Cloudflare changes its mode from step to step. */
const compressions: Readonly<Record<ClientKind, CompressionOptions>> = {
  "auto-pipelining": { policy: { lists: true } },
  "no auto-pipelining": { policy: { lists: true, minSize: 0, minSavings: 0 }, dictionaries },
  "JSON replies": { policy: ({ size }) => size > 100 && { lists: true, level: 3, minSize: 0 } },
  "no deserialization": { policy: { lists: true, minSize: 64 }, dictionaries },
  cloudflare: { policy: { lists: true }, dictionaries },
  "cloudflare, bare": { policy: { lists: "read-only" } },
};

/** Values of commands on lists by what was done to them. */
const done = { compressed: 0, escaped: 0, decoded: 0 };
const onEvent = (event: ZstashEvent): void => {
  if (!("command" in event) || !/^[LR](PUSH|SET|RANGE|POP|INDEX|M)/.test(event.command)) return;
  if (event.type in done) done[event.type as keyof typeof done] += 1;
};

describe.each(backends)("on %s", (backend) => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers(backend, {});
  });
  afterAll(() => servers?.close());

  const runSequence = async (seed: number, carrier: Carrier): Promise<void> => {
    const progress = { step: 0 };
    const pairs = await servers.connect(carrier, noCounts(), progress, (kind) => ({
      dictionaries,
      ...compressions[kind],
      onEvent,
    }));
    const stock = new Redis({ ...servers.wrapped, enableTelemetry: false });
    const random = createRandom(seed);
    const values = new Values(random, await loadZstd());
    const operations = new ListOperations(new Draw(random, values));
    const steps: string[] = [];
    try {
      for (; progress.step < STEPS; progress.step++) {
        const pair = pairs.get(random.pick(clientKinds))!;
        if (random.below(10) === 0) {
          // An element that is there already, or that a client without zstash writes.
          const [key, old] = [random.pick(lists), values.records(random.logUniform(1, 100))];
          await Promise.all([pair.plain.rpush(key, old), stock.rpush(key, old)]);
        }
        const step: Step = drawStep(random, operations);
        steps.push(`${pair.name}: ${describeStep(step)}`);
        await compareStep(step, pair);
      }
      for (const pair of pairs.values()) await compareDatabases(pair);
    } catch (error) {
      const { message } = error as Error;
      (error as Error).message =
        `ZSTASH_SEED=${seed}, step ${progress.step}: ${message}\nthe last steps:\n${steps.slice(-6).join("\n")}`;
      throw error;
    }
  };

  test.each(carriers)(
    "the %s carrier gives what a plain client gives",
    { timeout: long ? 3_600_000 : 300_000 },
    async (carrier) => {
      const before = { ...done };
      const first = 100 * (2 * backends.indexOf(backend) + carriers.indexOf(carrier)) + 1;
      const seeds =
        chosen === undefined ? Array.from({ length: SEQUENCES }, (_, at) => first + at) : [Number(chosen)];
      for (const seed of seeds) await runSequence(seed, carrier);
      // Otherwise two plain clients have been compared.
      for (const outcome of ["compressed", "escaped", "decoded"] as const)
        expect(done[outcome]).toBeGreaterThan(before[outcome]);
    },
  );
});

test.runIf(chosen === undefined)("every command with elements was run and gave something", () => {
  const names = "LPUSH RPUSH LPUSHX RPUSHX LSET LRANGE LINDEX LPOP RPOP LMOVE RPOPLPUSH LMPOP";
  for (const name of names.split(" "))
    expect([name, answered.get(name) ?? 0]).toEqual([name, expect.toSatisfy((count) => count > 0)]);
  console.log(
    `lists: ${done.compressed} elements compressed, ${done.escaped} wrapped, ${done.decoded} decoded`,
  );
});
