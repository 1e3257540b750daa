/** Every request of every operation fails once, in every way in which requests fail. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import { TEMPORARY_TTL } from "../../../src/store/temporary-key.ts";
import { cutAt, FaultyFetch, plainFaults, silentFaults, type Fault } from "../../support/faults/fetch.ts";
import { identityOf, NEW, OLD, operations, type StoreOperation } from "../../support/store/operations.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { identify, makeValue } from "../../support/store/values.ts";

const long = process.env["ZSTASH_LONG"] === "1";
/** What the operations of many requests meet in the short form. */
const common: readonly string[] = [
  "reset",
  "reset, after it has run",
  "401",
  "429",
  "429 Retry-After 1 h",
  "500 page",
  "500 page, after it has run",
  "200 page, after it has run",
  "empty 200, after it has run",
  "silence",
  "body cut at 0 (reset)",
  "body cut at 5 (end)",
  "body cut at 40 (end)",
];
/** Milliseconds to wait where nothing comes. */
const SILENCE = 60;
const counts = { cases: 0, succeeded: 0, failed: 0 };
const rejections: unknown[] = [];
const note = (reason: unknown): void => void rejections.push(reason);
let rig: InProcess;
let keys = 0;

beforeAll(async () => {
  process.on("unhandledRejection", note);
  rig = await startInProcess();
});
afterAll(async () => {
  process.off("unhandledRejection", note);
  await rig.close();
  console.info(
    `store requests failed: ${counts.cases} (each of ${operations.length} operations' requests in every way), ` +
      `${counts.succeeded} operations succeeded, ${counts.failed} gave a named error`,
  );
});

interface Case {
  readonly faulty: FaultyFetch;
  readonly result?: string;
  readonly error?: unknown;
  /** What lies under the key, and its milliseconds to live. */
  readonly state: number | "absent" | "damaged";
  readonly ttl: number;
  readonly temporaries: readonly number[];
}

async function run(operation: StoreOperation, fault?: Fault, request = 0): Promise<Case> {
  const key = `fault:${++keys}`;
  const { pieceSize, layout, before } = operation;
  const sizes = pieceSize === undefined ? {} : { pieceSize };
  if (before === "old") {
    const options = layout === undefined ? {} : { layout };
    await rig.store(sizes).put(key, makeValue(identityOf(operation, OLD)), options);
  }
  const faulty = new FaultyFetch(rig.fetch);
  const store = rig.store({
    ...sizes,
    concurrency: 3,
    fetch: faulty.fetch,
    retry: { retries: 2, backoff: () => 0 },
    timeout: fault?.silent === true ? SILENCE : 0,
  });
  if (fault !== undefined) faulty.arm(fault, request);
  let outcome: { readonly result: string } | { readonly error: unknown };
  try {
    outcome = { result: await operation.run(store, key) };
  } catch (error) {
    outcome = { error };
  }
  const bytes = await rig.store().getBytes(key);
  const found = bytes === null ? undefined : identify(bytes);
  const state =
    bytes === null ? "absent" : found?.name === identityOf(operation, 0).name ? found.version : "damaged";
  const ttl = await rig.number("PTTL", key);
  const all = await rig.temporaries();
  const temporaries = [...all].filter(([name]) => name.startsWith(`${key}:`)).map(([, left]) => left);
  await rig.command("DEL", key, ...all.keys());
  return { faulty, ...outcome, state, ttl, temporaries };
}

/** True if the same request may succeed later. */
function passes(fault: Fault): boolean {
  return (
    fault.silent !== true &&
    ![401, 403].includes(fault.status ?? 200) &&
    !fault.name.includes("Retry-After 1 h")
  );
}

function rightTtl(ttl: number, expected: number | undefined): boolean {
  return expected === undefined ? ttl === -1 : ttl > expected - 60_000 && ttl <= expected;
}

function judge(operation: StoreOperation, fault: Fault, expected: Case, got: Case): string[] {
  const wrong: string[] = [];
  const before = operation.before === "old" ? OLD : "absent";
  const { error, result, state } = got;
  if (result !== undefined) {
    if (result !== expected.result) wrong.push(`result ${result.slice(0, 80)}`);
    if (state !== operation.after) wrong.push(`after a success: ${state}`);
  } else {
    if (operation.repeatable && passes(fault)) wrong.push(`was not repeated: ${String(error)}`);
    if (!(error instanceof ZstashError) || error.key === undefined)
      wrong.push(`no named error: ${String(error)}`);
    else if (error.message.includes("store-token")) wrong.push("the token is in the message");
    if (state !== before && !(fault.runs && state === operation.after))
      wrong.push(`after an error: ${state}`);
  }
  if (state !== "absent" && !rightTtl(got.ttl, state === NEW ? operation.ttl : undefined))
    wrong.push(`TTL ${got.ttl}`);
  for (const left of got.temporaries) {
    if (!(left > 0 && left <= TEMPORARY_TTL)) wrong.push(`a temporary key with TTL ${left}`);
  }
  return wrong;
}

describe.each([
  ["plain", plainFaults],
  ["silent", silentFaults],
  ["cut", (["reset", "end"] as const).flatMap((how) => [0, 1, 5, 40].map((at) => cutAt(at, how)))],
] as const)("%s faults", (_, faults) => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s",
    async (name, operation) => {
      const expected = await run(operation);
      expect(expected.error).toBeUndefined();
      expect(expected.state).toBe(operation.after);
      const wrong: string[] = [];
      const all = long || expected.faulty.sent < 4;
      for (const fault of faults.filter((one) => all || common.includes(one.name))) {
        for (let request = 0; request < expected.faulty.sent; request++) {
          const got = await run(operation, fault, request);
          counts.cases += 1;
          counts[got.result === undefined ? "failed" : "succeeded"] += 1;
          const context = `request ${request} of ${expected.faulty.sent}, ${fault.name}: `;
          // A stream that has begun is not begun again: its reader has bytes of it.
          // Nor is a refusal without its text taken for anything else than a refusal.
          const begun =
            /^get|^stat/.test(name) && fault.name.startsWith("body cut") && got.error instanceof ZstashError;
          for (const what of judge(operation, fault, expected, got)) {
            if (!(begun && what.startsWith("was not repeated"))) wrong.push(context + what);
          }
        }
      }
      expect(wrong).toEqual([]);
      expect(rejections).toEqual([]);
    },
  );
});
