// How the scripts of this folder report: a line for each part with its seconds, and counts that test/run.mjs adds up.

import { appendFileSync } from "node:fs";

const isCI = !["", "0", "false", undefined].includes(process.env.CI);

/**
 * Runs parts in turn. One that needs what the machine lacks is skipped with a line; under CI that is a failure.
 * @param {string} title
 * @param {readonly { name: string, missing?: string, run(): Promise<unknown> }[]} parts
 */
export async function reportParts(title, parts) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  console.log(`\n${title}`);
  for (const { name, missing, run } of parts) {
    const start = performance.now();
    const line = (verdict) =>
      console.log(
        `  ${verdict.padEnd(7)} ${((performance.now() - start) / 1000).toFixed(1).padStart(6)} s  ${name}`,
      );
    if (missing !== undefined) {
      counts[isCI ? "failed" : "skipped"] += 1;
      line(isCI ? "MISSING" : "SKIPPED");
      console.log(`          it is not on this machine (${missing})`);
      continue;
    }
    try {
      await run();
      counts.passed += 1;
      line("passed");
    } catch (error) {
      counts.failed += 1;
      line("FAILED");
      console.log(String(error?.stack ?? error).replace(/^/gm, "          "));
    }
  }
  if (process.env.ZSTASH_COUNTS) appendFileSync(process.env.ZSTASH_COUNTS, `${JSON.stringify(counts)}\n`);
  if (counts.failed > 0) process.exitCode = 1;
  return counts;
}
