/** Every request of an operation fails in turn, in every way, over real HTTP: never a wrong value, never a write twice. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import {
  cutAt,
  FaultyFetch,
  plainFaults,
  silentFaults,
  type Cut,
  type Fault,
} from "../../support/faults/fetch.ts";
import { judgeError, judgeState, leaks, loggedText, type Expected } from "../../support/faults/judge.ts";
import { operations, type Operation } from "../../support/faults/operations.ts";
import { startRig, watchRejections, type FaultRig } from "./rig.ts";

const long = process.env["ZSTASH_LONG"] === "1";
const ATTEMPTS = 2;
/** Milliseconds; only where a fault is silence. */
const SILENCE = 25;
const faults: readonly Fault[] = [...plainFaults, ...silentFaults];
const counts = { operations: 0, awaits: 0, cases: 0, results: 0, errors: 0, unknown: 0 };

let rig: FaultRig;
const platformFetch = globalThis.fetch;
const rejections = watchRejections();
beforeAll(async () => {
  rig = await startRig();
});
afterEach(() => {
  vi.unstubAllGlobals();
});
afterAll(async () => {
  await rig.close();
  rejections.stop();
  console.info(
    `faults: ${counts.operations} operations with ${counts.awaits} awaited steps, ${counts.cases} failed in turn: ` +
      `${counts.results} right results, ${counts.errors} named errors, ${counts.unknown} of unknown effect`,
  );
});

/** Where a client stands when the fault comes. */
interface Way {
  readonly autoPipelining: boolean;
  readonly warm: boolean;
}
const ways: readonly Way[] = [
  { autoPipelining: true, warm: true },
  { autoPipelining: false, warm: true },
  { autoPipelining: false, warm: false },
];

/** One run of an operation with a fault in its requests from the first of `requests` to the last. */
async function inject(
  operation: Operation,
  way: Way,
  expected: Expected,
  fault: Fault | undefined,
  requests: readonly [first: number, last: number] = [0, 0],
): Promise<{ wrong: string[]; faulty: FaultyFetch }> {
  const faulty = new FaultyFetch(platformFetch);
  const client = await rig.client({
    ...way,
    transport: {
      fetch: faulty.fetch,
      retry: { retries: ATTEMPTS, backoff: () => 0 },
      timeout: fault?.silent === true ? SILENCE : 0,
    },
  });
  const key = rig.key();
  await rig.prepare(operation, key);
  faulty.arm(fault, ...requests);
  const { outcome, state } = await rig.run(operation, client, key);
  counts.cases += 1;
  const wrong = judgeState(outcome, state, expected);
  if ("result" in outcome) counts.results += 1;
  else {
    counts.errors += 1;
    const mayHaveRun = fault!.status === undefined || fault!.status >= 500 || fault!.status === 200;
    wrong.push(...judgeError(outcome.error, !operation.repeatable && mayHaveRun));
    if (outcome.error instanceof ZstashError) wrong.push(...judgeFault(outcome.error, fault!));
    if (!operation.repeatable && mayHaveRun) counts.unknown += 1;
  }
  // After 425 and 429 nothing has run: every command is repeated.
  const noEffect = fault?.status === 425 || fault?.status === 429;
  const most = operation.repeatable || noEffect ? ATTEMPTS + 1 : 1;
  // Which form of a reply or of a request a server takes is found out by a request more.
  if (faulty.sent > most + (way.warm ? 0 : 1)) wrong.push(`sent ${faulty.sent} times`);
  if (!operation.repeatable && faulty.ran > 1) wrong.push(`ran ${faulty.ran} times`);
  const where = `${operation.name}, ${fault?.name}, request ${requests[0]}, ${JSON.stringify(way)}`;
  return { wrong: wrong.map((what) => `${where}: ${what}`), faulty };
}

/** Lists what the error says wrongly about the fault. */
function judgeFault({ code, status }: ZstashError, fault: Fault): string[] {
  const wanted = fault.silent === true ? ["TIMEOUT"] : ["REDIS", "TRUNCATED"];
  const said = fault.status === undefined || fault.status === 200 ? undefined : fault.status;
  return [
    ...(wanted.includes(code) ? [] : [`code ${code}`]),
    ...(status === said ? [] : [`status ${status} for ${said}`]),
  ];
}

/** What is wrong, without a hundred lines that say the same. */
function shown(wrong: readonly string[]): readonly string[] {
  return wrong.length <= 8 ? wrong : [...wrong.slice(0, 8), `and ${wrong.length - 8} more`];
}

/** The requests of an operation that meets no fault. */
async function cleanRun(operation: Operation, way: Way, expected: Expected): Promise<FaultyFetch> {
  const { wrong, faulty } = await inject(operation, way, expected, undefined);
  expect(wrong).toEqual([]);
  return faulty;
}

describe("the raw carrier", () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s",
    async (_, operation) => {
      const expected = await rig.expected(operation);
      const wrong: string[] = [];
      counts.operations += 1;
      for (const way of ways) {
        const { sent, sizes } = await cleanRun(operation, way, expected);
        // A request's awaits are its head, each chunk and the end: cuts are made in each of them below.
        counts.awaits += sent * 3;
        expect(sizes.length).toBe(sent);
        for (const fault of faults) {
          if (fault.silent === true && !way.warm && !long) continue;
          // In turn, and from one on to the last.
          for (let number = 0; number < sent; number++) {
            wrong.push(...(await inject(operation, way, expected, fault, [number, number])).wrong);
          }
          if (fault.silent !== true)
            wrong.push(...(await inject(operation, way, expected, fault, [0, Infinity])).wrong);
        }
      }
      expect(shown(wrong)).toEqual([]);
    },
  );

  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s, its reply cut at every byte",
    async (_, operation) => {
      const expected = await rig.expected(operation);
      const wrong: string[] = [];
      for (const way of long ? ways : ways.slice(1, 2)) {
        const { sizes } = await cleanRun(operation, way, expected);
        for (const [number, size] of sizes.entries()) {
          // Every byte of a small reply; of a large one the first and the last, and some between.
          const step = size <= 60 || long ? Math.ceil(size / 3000) : Math.ceil(size / 24);
          for (let at = 0; at < size; at += at < 12 || at >= size - 6 ? 1 : step) {
            for (const how of ["reset", "end"] satisfies Cut[]) {
              wrong.push(...(await inject(operation, way, expected, cutAt(at, how), [number, number])).wrong);
            }
          }
          for (const at of long ? [1, size >> 1, size - 1] : [size >> 1]) {
            wrong.push(
              ...(await inject(operation, way, expected, cutAt(at, "silence"), [number, number])).wrong,
            );
          }
        }
      }
      expect(shown(wrong)).toEqual([]);
    },
  );
});

describe("the text carrier, which the client itself sends", () => {
  const cuts = [0, 1, 5, 11, 12, 13, 14, 20, 40, 100].flatMap((at) => [cutAt(at, "reset"), cutAt(at, "end")]);

  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s",
    async (_, operation) => {
      const expected = await rig.expected(operation);
      const wrong: string[] = [];
      for (const autoPipelining of [true, false]) {
        for (const fault of [...plainFaults, ...cuts]) {
          const faulty = new FaultyFetch(platformFetch);
          let left = 0;
          const client = rig.textClient(autoPipelining, () => (left += 1));
          const key = rig.key();
          await rig.prepare(operation, key);
          vi.stubGlobal("fetch", faulty.fetch);
          faulty.arm(fault);
          const { outcome, state } = await rig.run(operation, client, key);
          vi.unstubAllGlobals();
          counts.cases += 1;
          const found = judgeState(outcome, state, expected);
          if ("error" in outcome) {
            counts.errors += 1;
            const { error } = outcome;
            // What the client itself says repeats commands; what we say does not.
            if (error instanceof ZstashError)
              found.push(...leaks(loggedText(error)).map((leak) => `leaks ${leak}`));
            if (!(error instanceof Error)) found.push("no Error");
          } else counts.results += 1;
          if (left !== 1) found.push(`left the middleware ${left} times`);
          wrong.push(...found.map((what) => `${operation.name}, ${fault.name}, ${autoPipelining}: ${what}`));
        }
      }
      expect(shown(wrong)).toEqual([]);
    },
  );
});

test("nothing was rejected without being handled", async () => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(rejections.seen).toEqual([]);
});
