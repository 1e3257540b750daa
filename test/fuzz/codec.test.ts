/** The differential fuzzer of the codec, fixed in executions: `ZSTASH_LONG=1` runs twenty times as many. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { nativeAvailable, nativePath } from "../support/native.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const EXECUTIONS = long ? 2_000_000 : 100_000;
/** One for each core of the machines that run this. */
const PROCESSES = 2;
const firstSeed = Number(process.env["ZSTASH_SEED"] ?? (long ? Date.now() % 2 ** 31 : 1));

interface Result {
  readonly seed: number;
  readonly executions: number;
  readonly counts: Readonly<Record<string, number>>;
  readonly verdicts: Readonly<Record<string, number>>;
}

function run(seed: number, executions: number): Promise<Result> {
  const [preload, program] = ["./sources.mjs", "./codec.ts"].map((path) => new URL(path, import.meta.url));
  const findings = join(tmpdir(), "zstash-findings");
  const child = spawn(
    nativePath()!,
    [
      "--disable-warning=ExperimentalWarning",
      "--import",
      preload!.href,
      fileURLToPath(program!),
      `${seed}`,
      `${executions}`,
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ZSTASH_FINDINGS: findings } },
  );
  let output = "";
  let errors = "";
  child.stdout.on("data", (text: Buffer) => (output += text.toString()));
  child.stderr.on("data", (text: Buffer) => (errors += text.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(JSON.parse(output.trim().split("\n").at(-1)!) as Result);
      else reject(new Error(`seed ${seed} ended with ${code}\n${errors}`));
    });
  });
}

describe.runIf(nativeAvailable())("fuzz", () => {
  test(
    `${EXECUTIONS} executions from seed ${firstSeed}`,
    { timeout: long ? 14_400_000 : 600_000 },
    async () => {
      const each = EXECUTIONS / PROCESSES;
      const results = await Promise.all(
        Array.from({ length: PROCESSES }, (_, index) => run(firstSeed + index, each)),
      );
      const counts: Record<string, number> = {};
      for (const result of results) {
        expect(result.executions).toBeGreaterThanOrEqual(each);
        for (const [name, count] of Object.entries(result.counts)) counts[name] = (counts[name] ?? 0) + count;
      }
      const seeds = results.map(({ seed, executions }) => `seed ${seed}: ${executions} executions`);
      console.log(
        [...seeds, ...Object.entries(counts).map(([name, count]) => `${count} ${name}`)].join("\n"),
      );
      // It has looked at every property, and neither everything nor nothing was damaged.
      expect(counts["compressed as native"]).toBeGreaterThan(EXECUTIONS / 50);
      expect(counts["stream to native"]).toBeGreaterThan(EXECUTIONS / 50);
      expect(counts["range with its table"]).toBeGreaterThan(EXECUTIONS / 50);
      expect(counts["range with a cached table"]).toBeGreaterThan(EXECUTIONS / 50);
      expect(counts["range without a table"]).toBeGreaterThan(EXECUTIONS / 200);
      expect(counts["bounded frames to native"]).toBeGreaterThan(EXECUTIONS / 200);
      expect(counts["corrupt, native in one pass: both refuse"]).toBeGreaterThan(EXECUTIONS / 20);
      expect(counts["corrupt, native in one pass: same bytes"]).toBeGreaterThan(EXECUTIONS / 200);
    },
  );
});
