/** The conformance suite inside a browser, which reports to the runner outside. */
import { expect, inject, test } from "vitest";
import { report } from "./suite.ts";

declare module "vitest" {
  interface ProvidedContext {
    server: Parameters<typeof report>[0];
  }
}

test("the conformance suite", { timeout: 240_000 }, async () => {
  const result = await report(inject("server"));
  console.log(`zstash-report:${JSON.stringify(result)}`);
  expect(result.failures).toEqual([]);
});
