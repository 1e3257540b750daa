/** Temporary keys are renewed while an upload runs; a renewal that fails ends no upload; no timer outlives an upload. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { readPutOptions, readStoreOptions } from "../../../src/store/options.ts";
import { put, type PutResult } from "../../../src/store/put.ts";
import { RENEWAL, TEMPORARY_TTL } from "../../../src/store/temporary-key.ts";
import { createRandom } from "../../support/random.ts";
import { broken, hookFetch, refusal, type Hook } from "../../support/store/hook.ts";
import { startInProcess, TOKEN, type InProcess } from "../../support/store/in-process.ts";

let rig: InProcess;
beforeAll(async () => {
  rig = await startInProcess();
});
afterAll(() => rig.close());
afterEach(() => rig.command("FLUSHALL"));

const INTERVAL = 20;
const bytes = createRandom(1).bytes(60_000);
const until = async (probe: () => boolean): Promise<void> => {
  while (!probe()) await new Promise((resolve) => setTimeout(resolve, 5));
};

/** An upload whose source rests after its first half until it is let go, renewed every 20 ms. */
function upload(
  hook: Hook,
  { signal, fails = false }: { readonly signal?: AbortSignal; readonly fails?: boolean } = {},
): { readonly result: Promise<PutResult | null>; readonly renewals: () => number; goOn(): void } {
  const { fetch, names } = hookFetch(rig.fetch, hook);
  const settings = readStoreOptions({
    url: "http://127.0.0.1:9",
    token: TOKEN,
    zstd: rig.zstd,
    fetch,
    retry: false,
    pieceSize: 4000,
  });
  let goOn = (): void => undefined;
  const rest = new Promise<void>((resolve) => (goOn = resolve));
  const source = (async function* parts() {
    yield bytes.subarray(0, 40_000);
    await rest;
    if (fails) throw new Error("the source failed");
    yield bytes.subarray(40_000);
  })();
  const renewal = { interval: INTERVAL, pause: 5 };
  const result = put(
    { ...settings, renewal },
    "v",
    source,
    readPutOptions({ level: -1, ...(signal === undefined ? {} : { signal }) }),
  );
  result.catch(() => undefined);
  return { result, goOn, renewals: () => names.filter((name) => name === "PEXPIRE").length };
}

/** No renewal comes any more. */
async function expectStopped(renewals: () => number): Promise<void> {
  const count = renewals();
  await new Promise((resolve) => setTimeout(resolve, INTERVAL * 5));
  expect(renewals()).toBe(count);
}

test("they are five minutes apart, and there is time for two that fail", () => {
  expect(RENEWAL).toEqual({ interval: 300_000, pause: 30_000 });
  expect(RENEWAL.interval * 2).toBeLessThan(TEMPORARY_TTL);
});

test("a key whose source rests is renewed again and again, and by nothing after the upload", async () => {
  const { result, goOn, renewals } = upload(() => undefined);
  await until(() => renewals() >= 3);
  const [[key, ttl]] = [...(await rig.temporaries())] as [[string, number]];
  expect(ttl).toBeGreaterThan(TEMPORARY_TTL - 10_000);
  // One that was about to expire lives on.
  await rig.command("PEXPIRE", key, 60_000);
  const before = renewals();
  await until(() => renewals() > before + 1);
  expect(await rig.number("PTTL", key)).toBeGreaterThan(60_000);
  goOn();
  expect(await result).toMatchObject({ size: bytes.length });
  await expectStopped(renewals);
});

test.each<[string, () => Response]>([
  [
    "a broken connection",
    () => {
      throw broken();
    },
  ],
  ["429", () => refusal("slow down", 429)],
  ["503", () => refusal("down", 503)],
  ["an error of Redis", () => refusal("LOADING Redis is loading the dataset in memory")],
])("a renewal that fails ends no upload, and is repeated: %s", async (_, fail) => {
  const failing = new Set([0, 1, 2, 5]);
  const { result, goOn, renewals } = upload(({ name, number }) =>
    name === "PEXPIRE" && failing.has(number) ? fail() : undefined,
  );
  await until(() => renewals() >= 8);
  goOn();
  expect(await result).toMatchObject({ size: bytes.length });
  expect(Buffer.from((await rig.store().getBytes("v"))!).equals(bytes)).toBe(true);
  await expectStopped(renewals);
});

test("a key that is gone ends the upload with an error that says so", async () => {
  const { result, goOn, renewals } = upload(() => undefined);
  await until(() => renewals() >= 1);
  for (const key of (await rig.temporaries()).keys()) await rig.command("DEL", key);
  const before = renewals();
  await until(() => renewals() > before);
  goOn();
  await expect(result).rejects.toThrow("its temporary key was evicted or removed");
  await expectStopped(renewals);
});

test("no renewal comes after an abort, a failed source, a failed piece or a failed publication", async () => {
  const ended = new AbortController();
  const aborted = upload(() => undefined, { signal: ended.signal });
  await until(() => aborted.renewals() >= 1);
  ended.abort(new Error("enough"));
  await expect(aborted.result).rejects.toThrow("enough");
  await expectStopped(aborted.renewals);

  const failed = upload(() => undefined, { fails: true });
  await until(() => failed.renewals() >= 1);
  failed.goOn();
  await expect(failed.result).rejects.toThrow("the source failed");
  await expectStopped(failed.renewals);

  for (const command of ["SETRANGE", "multi-exec"]) {
    let refuses = false;
    const one = upload(({ name }) => (refuses && name === command ? refusal("OOM no memory") : undefined));
    await until(() => one.renewals() >= 1);
    refuses = true;
    one.goOn();
    await expect(one.result).rejects.toMatchObject({ code: "REDIS", key: "v" });
    await expectStopped(one.renewals);
  }
});
