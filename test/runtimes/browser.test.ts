import { expect, test } from "vitest";
import { report } from "./suite.ts";

test("the conformance suite", { timeout: 240_000 }, async () => {
  const result = await report();
  console.log(`zstash-report:${JSON.stringify(result)}`);
  expect(result.failures).toEqual([]);
});
