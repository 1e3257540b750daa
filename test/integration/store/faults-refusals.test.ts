/** Servers that refuse and servers that lack something: a clear error each, and nothing is damaged. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Backend } from "../../../src/dev/backend.ts";
import type { Layout, PutOptions, Store } from "../../../src/store/index.ts";
import { TEMPORARY_TTL } from "../../../src/store/temporary-key.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { broken, hookFetch, refusal } from "../../support/store/hook.ts";
import {
  collect,
  READ_ONLY_TOKEN,
  sourceOf,
  startInProcess,
  type InProcess,
} from "../../support/store/in-process.ts";
import { identify, makeValue } from "../../support/store/values.ts";

const KEY = "value";
const OLD = makeValue({ name: "v", version: 1, shape: "lines", size: 5000 });
const SMALL = makeValue({ name: "v", version: 2, shape: "noise", size: 3000 });
const LARGE = makeValue({ name: "v", version: 2, shape: "noise", size: 70_000 });
const SIZES = { pieceSize: 16_384, concurrency: 3 };
const OLD_TTL = 777;
const layouts: readonly Layout[] = ["ramp", { flushSize: 4000 }, { frameSize: 8192 }, { mtu: 1500 }];
const values = [
  ["small", SMALL],
  ["large", LARGE],
] as const;

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => expect.fail(`was to fail, gave ${String(value).slice(0, 60)}`),
    (error: unknown) => error,
  );

async function expectOld(rig: InProcess, ttl: number = OLD_TTL): Promise<void> {
  expect(await rig.store().getBytes(KEY)).toEqual(OLD);
  const left = await rig.number("PTTL", KEY);
  expect(left).toBeGreaterThan(ttl * 1000 - 60_000);
  expect(left).toBeLessThanOrEqual(ttl * 1000);
  await expectNoZombies(rig);
}

/** Pieces that were on their way may still come: their temporary key is given a minute. */
async function expectEnding(rig: InProcess): Promise<void> {
  for (const left of (await rig.temporaries()).values()) expect(left).toBeLessThanOrEqual(60_000);
  await expectNoZombies(rig);
}

async function expectNoZombies(rig: InProcess): Promise<void> {
  const lives = [...(await rig.temporaries()).values()];
  expect(lives.filter((left) => left === -1 || left > TEMPORARY_TTL)).toEqual([]);
}

describe.runIf(redisAvailable())("memory is full", () => {
  const redis = useRedis();
  let rig: InProcess;
  let direct: Backend;
  /** What the server in front of it does not pass. */
  const configure = (...words: readonly (string | number)[]): Promise<unknown> =>
    direct.execute(["CONFIG", "SET", ...words].map((word) => new TextEncoder().encode(`${word}`)));
  beforeAll(async () => {
    rig = await startInProcess({ redis: redis().url });
    direct = await connectRedis(redis().url);
    await rig.store().put(KEY, OLD, { ttl: OLD_TTL });
  });
  afterAll(async () => {
    await rig.close();
    await direct.close();
  });

  const cases: readonly (readonly [string, PutOptions])[] = [
    ["put", {}],
    ["put if absent", { ifAbsent: true }],
  ];
  test.each(
    values.flatMap(([size, value]) =>
      cases.map(([name, options]) => [`${name}, ${size}`, value, options] as const),
    ),
  )("before %s", async (_, value, options) => {
    await configure("maxmemory", 1);
    // It looks first whether there is a value.
    if (options.ifAbsent === true && value === LARGE) {
      expect(await rig.store(SIZES).put(KEY, value, options)).toBeNull();
      await configure("maxmemory", 0);
      return expectOld(rig);
    }
    const error = await errorOf(rig.store(SIZES).put(KEY, value, options));
    expect(error).toMatchObject({
      code: "REDIS",
      key: KEY,
      message: expect.stringContaining("OOM") as unknown,
    });
    expect(await rig.temporaries()).toEqual(new Map());
    await configure("maxmemory", 0);
    await expectOld(rig);
  });
  test.each([0, 1, 3, 4])("from piece %i on", async (piece) => {
    const { fetch } = hookFetch(rig.fetch, async ({ name, number }) => {
      if (name === "SETRANGE" && number === piece) await configure("maxmemory", 1);
      return undefined;
    });
    const error = await errorOf(rig.store({ ...SIZES, fetch }).put(KEY, LARGE));
    expect(error).toMatchObject({
      code: "REDIS",
      key: KEY,
      message: expect.stringContaining("OOM") as unknown,
    });
    await configure("maxmemory", 0);
    await expectEnding(rig);
    await expectOld(rig);
  });
  test("what evicts temporary keys while they are written", async () => {
    const info = await direct.execute(["INFO", "memory"].map((word) => new TextEncoder().encode(word)));
    const text = info.kind === "bulk" ? new TextDecoder().decode(info.bytes!) : "";
    const used = /used_memory:(\d+)/.exec(text)![1]!;
    await configure("maxmemory-policy", "volatile-ttl", "maxmemory", Number(used) + (3 << 20));
    const results = new Map<string, number>();
    try {
      await Promise.all(
        Array.from({ length: 12 }, async (_, index) => {
          const value = makeValue({ name: `e${index}`, version: 1, shape: "noise", size: 600_000 });
          const outcome = await rig
            .store({ pieceSize: 50_000 })
            .put(`evicted:${index}`, value)
            .then(
              () => "stored",
              (error: unknown) => {
                expect(error).toMatchObject({ code: "REDIS", key: `evicted:${index}` });
                return "refused";
              },
            );
          const bytes = await rig.store().getBytes(`evicted:${index}`);
          if (bytes !== null) expect(identify(bytes)?.name).toBe(`e${index}`);
          results.set(outcome, (results.get(outcome) ?? 0) + 1);
        }),
      );
    } finally {
      await configure("maxmemory-policy", "noeviction", "maxmemory", 0);
    }
    expect(results.get("refused")).toBeGreaterThan(0);
    await expectNoZombies(rig);
    console.info(
      `12 uploads in memory for 5: ${[...results].map(([name, count]) => `${count} ${name}`).join(", ")}`,
    );
  });
});

describe.each(redisAvailable() ? ["embedded", "redis-server"] : ["embedded"])("on %s", (backend) => {
  const redis = backend === "embedded" ? undefined : useRedis();
  let rig: InProcess;
  beforeAll(async () => {
    rig = await startInProcess(redis === undefined ? {} : { redis: redis().url });
  });
  afterAll(() => rig.close());
  beforeEach(async () => {
    await rig.command("FLUSHALL");
    await rig.store().put(KEY, OLD, { ttl: OLD_TTL });
  });

  describe("a token that may only read", () => {
    const reader = (): Store => rig.store({ ...SIZES, token: READ_ONLY_TOKEN });
    test.each(values)("put %s", async (_, value) => {
      for (const options of [{}, { ifAbsent: true }, { layout: { frameSize: 8192 } }]) {
        if ("ifAbsent" in options && value === LARGE) {
          expect(await reader().put(KEY, value, options)).toBeNull();
          continue;
        }
        const error = await errorOf(reader().put(KEY, value, options));
        expect(error).toMatchObject({
          code: "REDIS",
          key: KEY,
          message: expect.stringContaining("NOPERM") as unknown,
        });
        await expectOld(rig);
      }
      expect(await rig.temporaries()).toEqual(new Map());
    });
    test("delete", async () => {
      expect(await errorOf(reader().delete(KEY))).toMatchObject({
        code: "REDIS",
        key: KEY,
        message: expect.stringContaining("NOPERM") as unknown,
      });
      await expectOld(rig);
    });
    test("reads", async () => {
      expect(await reader().getBytes(KEY)).toEqual(OLD);
      expect(await collect((await reader().getRange(KEY, 100, 200))!)).toEqual(
        Buffer.from(OLD.subarray(100, 200)),
      );
      expect(await reader().stat(KEY)).toMatchObject({ size: OLD.length });
    });
  });

  test.each(values)("a wrong token, %s", async (_, value) => {
    const store = rig.store({ ...SIZES, token: "wrong-secret" });
    const works = [
      () => store.put(KEY, value),
      () => store.getBytes(KEY),
      () => store.stat(KEY),
      () => store.getRange(KEY, 0, 1),
      () => store.delete(KEY),
    ];
    for (const work of works) {
      const error = await errorOf(work());
      expect(error).toMatchObject({ code: "REDIS", key: KEY, status: 401 });
      expect(String(error)).not.toContain("wrong-secret");
    }
    await expectOld(rig);
  });

  describe("records over the limit", () => {
    test.each(values.flatMap(([size, value]) => layouts.map((layout) => [size, layout, value] as const)))(
      "by option, %s, %j",
      async (_, layout, value) => {
        const { fetch, names } = hookFetch(rig.fetch);
        const maxRecordSize = value.length >> 1;
        for (const options of [{ layout }, { layout, ifAbsent: true }]) {
          const put = rig.store({ ...SIZES, fetch, maxRecordSize }).put(KEY, value, options);
          if ("ifAbsent" in options && value === LARGE) {
            expect(await put).toBeNull();
            continue;
          }
          const error = await errorOf(put);
          expect(error).toMatchObject({ code: "RECORD_LIMIT", key: KEY });
          await expectOld(rig);
        }
        await expectEnding(rig);
        // As soon as it is passed: no more was sent than fits.
        expect(names.filter((name) => name === "SETRANGE").length).toBeLessThanOrEqual(
          (2 * maxRecordSize) / SIZES.pieceSize,
        );
      },
    );
    test("a source stops to be read", async () => {
      const { stream, cancelled, ...source } = sourceOf(LARGE, 1000);
      const error = await errorOf(rig.store({ ...SIZES, maxRecordSize: 20_000 }).put(KEY, stream));
      expect(error).toMatchObject({ code: "RECORD_LIMIT" });
      expect(cancelled).toHaveLength(1);
      expect(source.read).toBeLessThanOrEqual(LARGE.length);
    });
  });

  describe("a server that takes no bytes for SETRANGE", () => {
    test.each(layouts.flatMap((layout) => [false, true].map((known) => [layout, known] as const)))(
      "layout %j, size known: %s",
      async (layout, known) => {
        const { fetch, names } = hookFetch(rig.fetch, ({ name }) =>
          name === "SETRANGE" ? refusal("ERR syntax error") : undefined,
        );
        await rig
          .store({ ...SIZES, fetch })
          .put(KEY, known ? LARGE : sourceOf(LARGE).stream, { layout, ttl: 99 });
        expect(names).toContain("APPEND");
        expect(await rig.store().getBytes(KEY)).toEqual(LARGE);
        expect(await rig.number("PTTL", KEY)).toBeGreaterThan(90_000);
        const { size } = (await rig.store().stat(KEY))!;
        expect(size).toBe(
          typeof layout === "object" && !("flushSize" in layout)
            ? LARGE.length
            : known
              ? LARGE.length
              : undefined,
        );
        expect(await rig.temporaries()).toEqual(new Map());
      },
    );
    test.each(["before", "after"] as const)(
      "replies of APPEND are lost %s it has run, each in its turn",
      async (when) => {
        let lost = 0;
        for (let number = 0; number < 5; number++) {
          const { fetch } = hookFetch(rig.fetch, async (seen) => {
            if (seen.name === "SETRANGE") return refusal("ERR syntax error");
            if (seen.name !== "APPEND" || seen.number !== number) return undefined;
            if (when === "after") await seen.send();
            lost += 1;
            throw broken();
          });
          const key = `append:${number}`;
          await rig.store({ ...SIZES, fetch }).put(key, sourceOf(LARGE).stream);
          expect(await rig.store().getBytes(key)).toEqual(LARGE);
        }
        expect(lost).toBe(5);
      },
    );
    test("beside a piece that was lost: it might arrive in what is appended", async () => {
      const { fetch, names } = hookFetch(rig.fetch, async ({ name, number }) => {
        if (name !== "SETRANGE") return undefined;
        if (number === 0) throw broken();
        await new Promise((resolve) => setTimeout(resolve, 20));
        return refusal("ERR syntax error");
      });
      const error = await errorOf(
        rig.store({ ...SIZES, fetch, retry: { retries: 1, backoff: () => 0 } }).put(KEY, LARGE),
      );
      expect(error).toMatchObject({ code: "REDIS", key: KEY });
      expect(names).not.toContain("APPEND");
      await expectOld(rig);
    });
    test("and none for APPEND", async () => {
      const { fetch } = hookFetch(rig.fetch, ({ name }) =>
        ["SETRANGE", "APPEND"].includes(name) ? refusal(`ERR no ${name}`) : undefined,
      );
      const error = await errorOf(rig.store({ ...SIZES, fetch }).put(KEY, LARGE));
      expect(error).toMatchObject({
        code: "REDIS",
        key: KEY,
        message: expect.stringContaining("no SETRANGE") as unknown,
      });
      await expectOld(rig);
      expect(await rig.temporaries()).toEqual(new Map());
    });
  });
});

test.each([2000, 30_000])("a server with records of %i bytes at most", async (maxRecordSize) => {
  const rig = await startInProcess({ maxRecordSize });
  try {
    await rig.command("SET", KEY, "old", "EX", OLD_TTL);
    const value = maxRecordSize < SMALL.length ? SMALL : LARGE;
    for (const options of [{}, { ifAbsent: true }, { layout: { frameSize: 8192 } }]) {
      if ("ifAbsent" in options && value === LARGE) {
        expect(await rig.store(SIZES).put(KEY, value, options)).toBeNull();
        continue;
      }
      const error = await errorOf(rig.store(SIZES).put(KEY, value, options));
      expect(error).toMatchObject({ code: "RECORD_LIMIT", key: KEY });
      expect(await rig.store().getText(KEY)).toBe("old");
      await expectEnding(rig);
    }
  } finally {
    await rig.close();
  }
});

describe("servers that lack something", () => {
  const switches = ["noResp2", "noRawBody", "noScripts", "noSyncToken", "all"] as const;
  test.each(
    switches.flatMap((lack) =>
      (redisAvailable() ? ["embedded", "redis-server"] : ["embedded"]).map(
        (backend) => [lack, backend] as const,
      ),
    ),
  )("%s, on %s", async (lack, backend) => {
    const lacking =
      lack === "all"
        ? { noResp2: true, noRawBody: true, noScripts: true, noSyncToken: true }
        : { [lack]: true };
    const rig = await startInProcess({ ...lacking, backend: backend as "embedded" | "redis-server" });
    const raw = lack !== "noRawBody" && lack !== "all";
    try {
      for (const layout of layouts) {
        for (const [name, value] of values) {
          const key = `${name}:${JSON.stringify(layout)}`;
          const store = rig.store(SIZES);
          const work = (): Promise<unknown> => store.put(key, value, { layout, ttl: 100 });
          if (!raw && value === LARGE) {
            expect(await errorOf(work())).toMatchObject({ code: "REDIS", key });
            expect(await store.stat(key)).toBeNull();
            continue;
          }
          await work();
          expect(await store.getBytes(key)).toEqual(value);
          expect(await rig.store().getBytes(key)).toEqual(value);
          expect(Buffer.from(await collect((await store.getRange(key, 1000, 1100))!))).toEqual(
            Buffer.from(value.subarray(1000, 1100)),
          );
          expect(await store.stat(key)).toMatchObject({ size: value.length });
          expect(await store.put(key, OLD, { layout, ifAbsent: true })).toBeNull();
          expect(await store.getBytes(key)).toEqual(value);
          expect(await store.delete(key)).toBe(true);
          expect(await store.get(key)).toBeNull();
          expect(await store.put(key, SMALL, { ifAbsent: true })).not.toBeNull();
        }
      }
      expect(await rig.temporaries()).toEqual(new Map());
    } finally {
      await rig.close();
    }
  });
});
