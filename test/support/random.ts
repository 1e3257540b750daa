/** Seeded randomness for tests: reproducible by default, and a failure says which seed it failed with. */
import { onTestFailed } from "vitest";
import { createRandom } from "../../bench/corpus/random.mjs";
import type { Random } from "../../bench/corpus/random.mjs";

export { createRandom };
export type { Random };

/**
 * A random source for the running test. `ZSTASH_SEED` replaces the seed; when the test fails, the seed is printed
 * in the form that repeats the run.
 *
 * @example
 * test("round trip", () => {
 *   const random = seededRandom(1);
 *   expect(decode(encode(random.bytes(100)))).toEqual(...);
 * });
 */
export function seededRandom(defaultSeed: number): Random {
  const random = createRandom(Number(process.env["ZSTASH_SEED"] ?? defaultSeed));
  onTestFailed(() => console.error(`To repeat this failure: ZSTASH_SEED=${random.seed}`));
  return random;
}
