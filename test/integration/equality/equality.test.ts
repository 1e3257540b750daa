/**
 * A compressing client gives what a plain client gives: random commands, pipelines and transactions run on both, each
 * on a database of its own. `ZSTASH_SEED=n` runs the sequence of that seed alone, `ZSTASH_LONG=1` twenty times as many.
 *
 * What may differ, and is therefore not drawn: commands that work on stored bytes (APPEND, STRLEN, GETRANGE …) on keys
 * that hold compressed values; strings that start with a byte order mark, which plain clients lose; bytes that are no
 * UTF-8, which plain clients destroy.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import type { DevServerSwitches } from "../../../src/dev/index.ts";
import { findCommand } from "../../../src/upstash/commands.ts";
import { createRandom } from "../../support/random.ts";
import { Operations } from "../../support/equality/operations.ts";
import { answered, compareDatabases, compareStep, describeStep, drawStep } from "./rig.ts";
import {
  carriers,
  clientKinds,
  noCounts,
  startServers,
  type Carrier,
  type Counts,
  type Servers,
} from "../../support/equality/servers.ts";
import { Values } from "../../support/equality/values.ts";
import { backends, type Backend } from "../../support/backends.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const chosen = process.env["ZSTASH_SEED"];
const HISTORY = 6;

interface Row {
  readonly name: string;
  readonly switches: DevServerSwitches;
  readonly backends: typeof backends;
  readonly sequences: number;
  readonly steps: number;
}
const rows: readonly Row[] = [
  { name: "everything", switches: {}, backends, sequences: 4, steps: 150 },
  { name: "no RESP2", switches: { noResp2: true }, backends, sequences: 1, steps: 100 },
  { name: "no raw bodies", switches: { noRawBody: true }, backends, sequences: 1, steps: 100 },
  { name: "no scripts", switches: { noScripts: true }, backends, sequences: 1, steps: 100 },
  { name: "no sync token", switches: { noSyncToken: true }, backends, sequences: 1, steps: 100 },
];

const total = { sequences: 0, steps: 0, commands: 0, keys: 0 };
const counts: Counts = noCounts();
afterAll(() => {
  console.log(
    `equality: ${total.sequences} sequences, ${total.steps} steps, ${total.commands} commands, ${total.keys} keys at the end; ` +
      `${counts.compressed} values compressed, ${counts.escaped} wrapped, ${counts.bytes} sent as bytes; on ${backends.join(", ")} with ${carriers.join(", ")}`,
  );
});

/** Sequences of different rows have different seeds. */
function firstSeed(row: Row, backend: Backend, carrier: Carrier): number {
  return 1000 * (4 * rows.indexOf(row) + 2 * backends.indexOf(backend) + carriers.indexOf(carrier)) + 1;
}

/** Runs one sequence, every step on a pair drawn anew, and compares the databases at its end. */
async function runSequence(
  seed: number,
  steps: number,
  servers: Servers,
  backend: Backend,
  carrier: Carrier,
): Promise<void> {
  const progress = { step: 0 };
  const pairs = await servers.connect(carrier, counts, progress);
  const random = createRandom(seed);
  const operations = new Operations(random, new Values(random, await loadZstd()), backend === "redis-server");
  const history: (() => string)[] = [];
  try {
    for (; progress.step < steps; progress.step++) {
      const pair = pairs.get(random.pick(clientKinds))!;
      const step = drawStep(random, operations);
      history.push(() => `${pair.name}: ${describeStep(step)}`);
      await compareStep(step, pair);
      total.steps += 1;
      total.commands += step.operations.length;
    }
    for (const pair of pairs.values()) {
      history.push(() => `${pair.name}: the databases at the end`);
      total.keys += await compareDatabases(pair);
    }
    total.sequences += 1;
  } catch (error) {
    const { message } = error as Error;
    const before = history
      .slice(-HISTORY)
      .map((describe) => describe())
      .join("\n");
    (error as Error).message =
      `ZSTASH_SEED=${seed}, step ${progress.step}: ${message}\nthe last steps:\n${before}`;
    throw error;
  }
}

describe.each(rows)("with $name", (row) => {
  const { switches, steps } = row;
  describe.each(row.backends)("on %s", (backend) => {
    let servers: Servers;
    beforeAll(async () => {
      servers = await startServers(backend, switches);
    });
    afterAll(() => servers?.close());

    test.each(carriers)(
      "the %s carrier gives what a plain client gives",
      { timeout: long ? 3_600_000 : 300_000 },
      async (carrier) => {
        const before = { ...counts };
        const sequences = chosen === undefined ? row.sequences * (long ? 20 : 1) : 1;
        const first = chosen === undefined ? firstSeed(row, backend, carrier) : Number(chosen);
        for (let seed = first; seed < first + sequences; seed++) {
          await runSequence(seed, steps, servers, backend, carrier);
        }
        // Otherwise two plain clients have been compared.
        expect(counts.compressed).toBeGreaterThan(before.compressed);
        expect(counts.escaped).toBeGreaterThan(before.escaped);
        if (carrier === "raw") expect(counts.bytes).toBeGreaterThan(before.bytes);
      },
    );
  });
});

const withValues =
  "SET SETEX PSETEX SETNX GETSET MSET MSETNX GET GETEX GETDEL MGET HSET HMSET HSETNX HSETEX HGET HMGET HGETALL HVALS " +
  "HGETEX HGETDEL HRANDFIELD HSCAN";

test.runIf(chosen === undefined)("every command with values was run and gave something", () => {
  for (const name of withValues.split(" ")) {
    expect(findCommand([name])).toBeDefined();
    expect([name, answered.get(name) ?? 0]).toEqual([name, expect.toSatisfy((count) => count > 0)]);
  }
});
