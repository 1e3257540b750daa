/** `zstash migrate` of many values: its memory stays flat. `ZSTASH_LONG=1` takes 200,000 of them instead of 20,000. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { trainingSet } from "../../../bench/corpus/small-records.mjs";
import { backends } from "../../support/backends.ts";
import { follow, useProgram } from "../../support/cli-program.ts";
import { long, startRig, type Command, type MigrateJson, type Rig } from "./database-rig.ts";

const KEYS = long ? 200_000 : 20_000;
const MIB = 1 << 20;
const program = useProgram();

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ backend: backends.at(-1)! });
  const records = trainingSet(4_000_000);
  for (let at = 0; at < KEYS; at += 500) {
    // Two kilobytes each, some of them different ones.
    const value = (id: number): string =>
      `[${[0, 1, 2, 3, 4].map((index) => records[(id * 7 + index) % records.length]).join()}]`;
    await rig.send(
      ...Array.from({ length: 500 }, (_, index): Command => ["SET", `key:${at + index}`, value(at + index)]),
    );
  }
}, 600_000);
afterAll(() => rig.close());

/** Bytes of memory of a process, by Linux; undefined elsewhere. */
function memoryOf(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
  } catch {
    return undefined;
  }
}

test.each([["text"], ["raw"], ["undo"]])(
  `${KEYS} values, %s`,
  async (how) => {
    const args = how === "undo" ? ["--undo"] : ["--carrier", how];
    const child = spawn(
      process.execPath,
      [program(), "migrate", ...rig.here, "--apply", "--rate", "0", "--json", ...args],
      { env: {} },
    );
    const { ended } = follow(child);
    const memory: number[] = [];
    const timer = setInterval(() => {
      const size = memoryOf(child.pid!);
      if (size !== undefined && size > 0) memory.push(size);
    }, 50);
    const { code, output, errors } = await ended;
    clearInterval(timer);
    expect([code, errors]).toEqual([0, ""]);
    const { written, left, seconds } = JSON.parse(output) as MigrateJson & { seconds: number };
    const sum = (counts: Readonly<Record<string, number>>): number =>
      Object.values(counts).reduce((all, one) => all + one, 0);
    expect(sum(written) + sum(left)).toBe(KEYS);
    expect(sum(written)).toBeGreaterThan(KEYS * 0.9);
    const half = Math.ceil(memory.length / 2);
    const [first, second] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))];
    console.log(
      `${how}: ${Math.round(KEYS / seconds)} values/s, ${Math.round(first / MIB)} MiB, then ${Math.round(second / MIB)} MiB`,
    );
    // A tenth of the values alone would be more.
    expect(second - first).toBeLessThan(48 * MIB);
    expect(Math.max(first, second)).toBeLessThan(400 * MIB);
  },
  600_000,
);
