/** What happens to the temporary key of an upload: removed, expired, evicted and brought back, late and lost pieces. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ZstashError } from "../../../src/errors.ts";
import type { PutOptions, StoreOptions } from "../../../src/store/index.ts";
import { TEMPORARY_TTL } from "../../../src/store/temporary-key.ts";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { broken, hookFetch, type Hook, type Seen } from "../../support/store/hook.ts";
import { startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { identify, makeValue } from "../../support/store/values.ts";

const KEY = "value";
const OLD = makeValue({ name: "v", version: 1, shape: "lines", size: 5000 });
const NEW = makeValue({ name: "v", version: 2, shape: "noise", size: 70_000 });
/** The value that is stored anew has pieces: 5 of 16 KiB. */
const SIZES = { pieceSize: 16_384, concurrency: 2 };
const OLD_TTL = 777;

const backends = redisAvailable() ? (["embedded", "redis-server"] as const) : (["embedded"] as const);

describe.each(backends)("on %s", (backend) => {
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

  interface Put {
    readonly hook: Hook;
    readonly options?: PutOptions;
    readonly store?: Partial<StoreOptions>;
  }

  /** Stores the new value and gives its error, if there is one. */
  async function put({ hook, options = {}, store = {} }: Put): Promise<unknown> {
    const { fetch } = hookFetch(rig.fetch, hook);
    try {
      await rig.store({ ...SIZES, fetch, ...store }).put(KEY, NEW, options);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async function stored(): Promise<number | "absent" | "damaged"> {
    const bytes = await rig
      .store()
      .getBytes(KEY)
      .catch(() => new Uint8Array(0));
    return bytes === null ? "absent" : (identify(bytes)?.version ?? "damaged");
  }

  async function expectOld(error: unknown, text: RegExp): Promise<void> {
    expect(error).toBeInstanceOf(ZstashError);
    expect(error).toMatchObject({ code: "REDIS", key: KEY, message: expect.stringMatching(text) as unknown });
    expect(await stored()).toBe(1);
    const ttl = await rig.number("PTTL", KEY);
    expect(ttl).toBeGreaterThan(0);
    expect(ttl).toBeLessThanOrEqual(OLD_TTL * 1000);
    await expectNoZombies();
  }

  async function expectNoZombies(): Promise<void> {
    const lives = [...(await rig.temporaries()).values()];
    expect(lives.filter((ttl) => ttl === -1 || ttl > TEMPORARY_TTL)).toEqual([]);
  }

  /** Does something before one of the upload's requests. */
  function before(name: string, number: number, act: (temporary: string) => Promise<unknown>): Hook {
    return async (seen) => {
      if (seen.name === name && seen.number === number) {
        const [temporary] = [...(await rig.temporaries()).keys()];
        await act(temporary!);
      }
      return undefined;
    };
  }

  const loss = { DEL: (key: string) => rig.command("DEL", key), expiry: expire };

  async function expire(key: string): Promise<void> {
    await rig.command("PEXPIRE", key, 1);
    // Negative: gone, or brought back meanwhile.
    while ((await rig.number("PTTL", key)) >= 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  describe.each(Object.entries(loss))("the temporary key ends by %s", (_, act) => {
    test.each([0, 1, 2, 4])("before piece %i", async (piece) => {
      const error = await put({ hook: before("SETRANGE", piece, act) });
      await expectOld(error, /temporary key was evicted or removed/);
    });
    test("before it is renewed", async () => {
      await expectOld(await put({ hook: before("PEXPIRE", 0, act) }), /temporary key was evicted or removed/);
    });
    test("before it is published", async () => {
      await expectOld(await put({ hook: before("multi-exec", 0, act) }), /no such key/);
    });
    test("before it is published where there is nothing", async () => {
      const ending = before("multi-exec", 0, act);
      const hook: Hook = async (seen) => {
        if (seen.name !== "EXISTS") return ending(seen);
        // The value comes after the look.
        await rig.command("RENAME", KEY, "aside");
        const response = await seen.send();
        await rig.command("RENAME", "aside", KEY);
        return response;
      };
      await expectOld(await put({ hook, options: { ifAbsent: true } }), /no such key/);
    });
  });

  test("evicted and brought back by the next piece, zero-filled and as long as it should be", async () => {
    let size = 0;
    const evict = before("SETRANGE", 3, (key) => rig.command("DEL", key));
    const error = await put({
      hook: async (seen) => {
        if (seen.name === "PEXPIRE") size = await rig.number("STRLEN", seen.key!);
        return evict(seen);
      },
    });
    // What makes it dangerous: nothing but the missing end of life tells.
    expect(size).toBeGreaterThan(NEW.length - 16_384);
    await expectOld(error, /temporary key was evicted or removed/);
    expect(await rig.temporaries()).toEqual(new Map());
  });

  test("evicted and brought back by a piece whose reply is lost", async () => {
    const error = await put({
      async hook(seen) {
        if (seen.name !== "SETRANGE" || seen.number !== 1) return undefined;
        await rig.command("DEL", seen.key!);
        await seen.send();
        throw broken();
      },
    });
    await expectOld(error, /connection failed/);
  });

  /** The first try of a request breaks and reaches the server later, when it is told to. */
  function late(name: string, number: number): { readonly hook: Hook; deliver(): Promise<void> } {
    let held: Seen | undefined;
    return {
      hook(seen) {
        if (held !== undefined || seen.name !== name || seen.number !== number) return undefined;
        held = seen;
        throw broken();
      },
      async deliver() {
        expect(held).toBeDefined();
        await held!.send();
      },
    };
  }
  const again = { retry: { retries: 2, backoff: () => 0 } };

  test("a piece that comes twice, the second time after the value was published", async () => {
    const { hook, deliver } = late("SETRANGE", 1);
    expect(await put({ hook, store: again })).toBeUndefined();
    await deliver();
    expect(await stored()).toBe(2);
    await expectNoZombies();
  });

  test("a piece that comes after the upload has failed", async () => {
    const { hook, deliver } = late("SETRANGE", 1);
    const error = await put({ hook });
    await expectOld(error, /connection failed/);
    await deliver();
    await expectNoZombies();
  });

  test("a piece that comes after the upload was aborted", async () => {
    const abort = new AbortController();
    let held: Seen | undefined;
    const error = await put({
      options: { signal: abort.signal },
      hook: (seen) => {
        if (seen.name !== "SETRANGE" || held !== undefined) return undefined;
        held = seen;
        queueMicrotask(() => abort.abort(new Error("enough")));
        return new Promise<never>((_, reject) => {
          seen.init.signal!.addEventListener("abort", () => reject(seen.init.signal!.reason));
        });
      },
    });
    expect(error).toEqual(new Error("enough"));
    await held!.send();
    expect(await stored()).toBe(1);
    await expectNoZombies();
  });

  test.each([1, 2, 4])("the creation that comes twice, the second time before piece %i", async (piece) => {
    const { hook, deliver } = late("SET", 0);
    let delivered = false;
    const error = await put({
      store: { ...again, concurrency: 1 },
      async hook(seen) {
        if (seen.name === "SETRANGE" && seen.number === piece && !delivered) {
          delivered = true;
          await deliver();
        }
        return hook(seen);
      },
    });
    expect(delivered).toBe(true);
    // Whether it is noticed or does no harm: a value that lacks pieces is not published.
    expect(await stored()).toBe(error === undefined ? 2 : 1);
    await expectNoZombies();
  });

  test("the publication that comes twice, the second time after another upload", async () => {
    const { hook, deliver } = late("multi-exec", 0);
    expect(await put({ hook, store: again })).toBeUndefined();
    await rig.store().put(KEY, OLD, { ttl: OLD_TTL });
    await deliver();
    expect(await stored()).toBe(1);
    await expectNoZombies();
  });

  describe("what lies there already looks like the new value", () => {
    const layouts = [undefined, { frameSize: 8192 }] as const;
    test.each(layouts)("ifAbsent, layout %j, and the reply is lost", async (layout) => {
      const options = layout === undefined ? {} : { layout };
      // The same bytes in one frame; others of the same size in frames, whose seek tables are the same.
      const there =
        layout === undefined ? NEW : makeValue({ name: "v", version: 3, shape: "noise", size: NEW.length });
      await rig.store(SIZES).put(KEY, there, { ...options, ttl: OLD_TTL });
      const { fetch } = hookFetch(rig.fetch, async (seen) => {
        if (seen.name !== "multi-exec" || seen.number !== 0) return undefined;
        await seen.send();
        throw broken();
      });
      const store = rig.store({ ...SIZES, fetch });
      const result = await store
        .put(KEY, NEW, { ...options, ifAbsent: true })
        .catch((error: unknown) => error);
      expect(await rig.store().getBytes(KEY)).toEqual(there);
      // Null says it, and an error says that nobody knows. That it was stored is not true.
      if (!(result instanceof ZstashError)) expect(result).toBeNull();
      await expectNoZombies();
    });
  });
});
