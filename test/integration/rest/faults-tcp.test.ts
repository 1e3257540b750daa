/** Connections that end in the middle of a request or of a reply, at every byte, through a TCP proxy. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { judgeError, judgeState, type Expected } from "../../support/faults/judge.ts";
import { operations, type Operation } from "../../support/faults/operations.ts";
import { startFaultProxy, type CutPoint, type FaultProxy } from "../../support/faults/proxy.ts";
import { startRig, watchRejections, type FaultRig } from "./rig.ts";
import type { Redis } from "@upstash/redis";

const long = process.env["ZSTASH_LONG"] === "1";
const ATTEMPTS = 1;
/** Cut at every byte; the others at every 23rd or so. */
const dense: readonly string[] = ["get small", "incr", "getdel large"];
const counts = { cases: 0, results: 0, errors: 0 };

let rig: FaultRig;
let proxy: FaultProxy;
const rejections = watchRejections();
beforeAll(async () => {
  rig = await startRig();
  proxy = await startFaultProxy(rig.port);
});
afterAll(async () => {
  await proxy.close();
  await rig.close();
  rejections.stop();
  console.info(
    `connections cut: ${counts.cases}, ${counts.results} right results, ${counts.errors} named errors`,
  );
});

function client(): Promise<Redis> {
  return rig.client({
    url: proxy.url,
    autoPipelining: false,
    warm: true,
    transport: { retry: { retries: ATTEMPTS, backoff: () => 0 }, timeout: 0 },
  });
}

async function cut(
  operation: Operation,
  redis: Redis,
  expected: Expected,
  point?: CutPoint,
): Promise<string[]> {
  const key = rig.key();
  await rig.prepare(operation, key);
  proxy.arm(point);
  const before = rig.ran;
  const { outcome, state } = await rig.run(operation, redis, key);
  const ran = rig.ran - before;
  counts.cases += 1;
  const wrong = judgeState(outcome, state, expected);
  if (point !== undefined && !proxy.cut) wrong.push("was not cut");
  if ("result" in outcome) counts.results += 1;
  else {
    counts.errors += 1;
    wrong.push(...judgeError(outcome.error, !operation.repeatable));
    const code = outcome.error instanceof ZstashError ? outcome.error.code : "none";
    if (!["REDIS", "TRUNCATED"].includes(code)) wrong.push(`code ${code}`);
    if (operation.repeatable) wrong.push("was not repeated");
  }
  if (!operation.repeatable && ran > 1) wrong.push(`ran ${ran} times`);
  return wrong.map((what) => `${operation.name}, ${JSON.stringify(point)}: ${what}`);
}

describe.each(["reply", "request"] as const)("a cut %s", (side) => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s",
    async (name, operation) => {
      const expected = await rig.expected(operation);
      const redis = await client();
      expect(await cut(operation, redis, expected)).toEqual([]);
      const size = proxy.counts[side];
      const wrong: string[] = [];
      const every =
        long || (dense.includes(name) && side === "reply") ? 1 : Math.max(23, Math.ceil(size / 20));
      for (let at = side === "reply" ? 0 : 1; at <= size; at += at >= size - 4 ? 1 : every) {
        for (const how of ["reset", "end"] as const) {
          // A whole reply is a reply, whatever comes after it.
          if (side === "reply" && at === size) continue;
          wrong.push(...(await cut(operation, redis, expected, { side, at, how })));
          if (!long && dense.includes(name) && side === "reply" && at % 8 > 0) break;
        }
      }
      expect(wrong.length > 8 ? [...wrong.slice(0, 8), `and ${wrong.length - 8} more`] : wrong).toEqual([]);
    },
  );
});

test("nothing was rejected without being handled", async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(rejections.seen).toEqual([]);
});
