/** Tests that need something a machine may lack: skipped where they must be, never silently, and never under CI. */
import { appendFileSync } from "node:fs";

/** Under CI everything is installed, so that whatever is missing is a failure. */
export const isCI: boolean = !["", "0", "false", undefined].includes(process.env["CI"]);

/**
 * Says whether tests that need `thing` can run here.
 *
 * Present: true. Missing locally: false, and one line says what to do (the runner prints it after the tests).
 * Missing under CI: throws, which fails the test file that asked.
 *
 * @example
 * describe.runIf(requireOrSkip("redis-server", redisPath() !== undefined, "apt-get install redis-server"))(…)
 */
export function requireOrSkip(thing: string, present: boolean, remedy: string, ci: boolean = isCI): boolean {
  if (present) return true;
  if (ci) throw new Error(`Cannot test: ${thing} is missing, and under CI nothing is skipped (${remedy})`);
  const line = `SKIPPED what needs ${thing}: it is not on this machine (${remedy})`;
  const list = process.env["ZSTASH_SKIPS"];
  if (list) appendFileSync(list, `${line}\n`);
  else console.warn(line);
  return false;
}
