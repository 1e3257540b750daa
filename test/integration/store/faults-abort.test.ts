/** A signal ends everything within one piece: no request begins after it, the source and the replies are let go. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Fetch, Layout, PutOptions, Store } from "../../../src/store/index.ts";
import { hookFetch, type Hook, type HookedFetch, type Seen } from "../../support/store/hook.ts";
import { sourceOf, startInProcess, type InProcess } from "../../support/store/in-process.ts";
import { makeValue } from "../../support/store/values.ts";

const KEY = "value";
const OLD = makeValue({ name: "v", version: 1, shape: "noise", size: 90_000 });
const NEW = makeValue({ name: "v", version: 2, shape: "noise", size: 120_000 });
const PIECE = 8192;
const REASON = new Error("enough");
const layouts: readonly Layout[] = ["ramp", { frameSize: 8192 }, { mtu: 1500 }];
/** What removes the temporary key after an abort. */
const cleaning = ["DEL", "SET"];

let rig: InProcess;
/** On sockets: what the platform does with a signal belongs to it. */
let listener: Awaited<ReturnType<InProcess["listen"]>>;
const rejections: unknown[] = [];
const note = (reason: unknown): void => void rejections.push(reason);
beforeAll(async () => {
  process.on("unhandledRejection", note);
  rig = await startInProcess();
  listener = await rig.listen();
});
afterAll(async () => {
  await listener.close();
  await rig.close();
  process.off("unhandledRejection", note);
});

/** Lets everything that was begun come to its end. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

interface Aborting extends HookedFetch {
  readonly signal: AbortSignal;
  abort(): void;
  /** Names of the requests that began after the abort. */
  after(): readonly string[];
}

/** Aborts when a request comes; `hang` leaves it without a reply, as a slow server does. */
function aborting(when: (seen: Seen) => boolean, hang: boolean): Aborting {
  const controller = new AbortController();
  let sent: number | undefined;
  const send: Fetch = (input, init) => fetch(input.replace(/^http:..[^/]*/, listener.url), init);
  const hook: Hook = (seen) => {
    if (sent !== undefined || !when(seen)) return undefined;
    abort();
    if (!hang) return undefined;
    const { signal } = seen.init;
    return new Promise<never>((_, reject) => {
      if (signal!.aborted) reject(signal!.reason);
      signal!.addEventListener("abort", () => reject(signal!.reason));
    });
  };
  const hooked = hookFetch(send, hook, true);
  const abort = (): void => {
    sent = hooked.names.length;
    controller.abort(REASON);
  };
  return { ...hooked, signal: controller.signal, abort, after: () => hooked.names.slice(sent) };
}

const never = (): boolean => false;

describe("put", () => {
  async function check(
    { signal, fetch, after }: Aborting,
    options: PutOptions,
    stream: ReadableStream<Uint8Array>,
  ): Promise<void> {
    await rig.command("FLUSHALL");
    await rig.store().put(KEY, OLD);
    const store = rig.store({ pieceSize: PIECE, concurrency: 3, fetch });
    const error = await store.put(KEY, stream, { ...options, signal }).catch((thrown: unknown) => thrown);
    expect(error).toBe(REASON);
    await settle();
    expect(after().filter((name) => !cleaning.includes(name))).toEqual([]);
    expect(after().length).toBeLessThanOrEqual(1);
    expect(await rig.store().getBytes(KEY)).toEqual(OLD);
    for (const left of (await rig.temporaries()).values()) {
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(60_000);
    }
  }

  test.each(layouts)("aborted before, layout %j", async (layout) => {
    const abort = aborting(never, false);
    abort.abort();
    const source = sourceOf(NEW, 1000);
    await check(abort, { layout }, source.stream);
    expect(abort.names).toEqual([]);
    expect(source.read).toBe(0);
    expect(source.cancelled).toEqual([REASON]);
  });

  test("what was sent is removed at once, also where a piece may still arrive", async () => {
    const abort = aborting(({ name, number }) => name === "SETRANGE" && number === 4, true);
    const store = rig.store({ pieceSize: PIECE, concurrency: 1, fetch: abort.fetch });
    await rig.command("FLUSHALL");
    await expect(store.put(KEY, sourceOf(NEW, 1000).stream, { signal: abort.signal })).rejects.toBe(REASON);
    await settle();
    const temporaries = [...(await rig.temporaries()).keys()];
    expect(temporaries).toHaveLength(1);
    expect(await rig.number("STRLEN", temporaries[0]!)).toBe(0);
  });

  const places = [
    ["the creation", "SET", 0],
    ["the first piece", "SETRANGE", 0],
    ["the fifth piece", "SETRANGE", 4],
    ["the last piece", "SETRANGE", 14],
    ["the renewal", "PEXPIRE", 0],
  ] as const;
  const forms = [false, true].flatMap((hang) =>
    [undefined, ...layouts].map((layout) => [hang, layout] as const),
  );
  describe.each(forms)("hanging request: %s, layout %j", (hang, layout = "ramp") => {
    test.each(places)("aborted at %s", async (_, name, number) => {
      const abort = aborting((seen) => seen.name === name && seen.number === number, hang);
      const source = sourceOf(NEW, 1000);
      await check(abort, { layout }, source.stream);
      // Node 20's TransformStream may give a reason of its own where it is cancelled while it is written to.
      if (source.read < NEW.length) expect(source.cancelled).toHaveLength(1);
      if (number === 0 && name === "SETRANGE") {
        expect(source.read).toBeLessThan(layout === "ramp" ? Infinity : NEW.length);
      }
    });
  });

  test("aborted while the source hangs", async () => {
    const abort = aborting(never, false);
    const cancelled: unknown[] = [];
    let given = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          given += 1;
          if (given <= 40) return controller.enqueue(NEW.subarray(given * 1000, given * 1000 + 1000));
          setTimeout(abort.abort, 10);
          return new Promise(() => undefined);
        },
        cancel: (reason) => void cancelled.push(reason),
      },
      { highWaterMark: 0 },
    );
    await check(abort, {}, stream);
    expect(cancelled).toEqual([REASON]);
  });

  test("aborted while it waits to repeat a request", async () => {
    await rig.command("FLUSHALL");
    const controller = new AbortController();
    const { fetch, names } = hookFetch(rig.fetch, () => {
      setTimeout(() => controller.abort(REASON), 10);
      throw new TypeError("fetch failed");
    });
    const store = rig.store({ fetch, retry: { retries: 5, backoff: () => 100_000 } });
    await expect(store.put(KEY, NEW, { signal: controller.signal })).rejects.toBe(REASON);
    expect(names).toEqual(["SET"]);
  });

  test("aborted after its end", async () => {
    const controller = new AbortController();
    await rig.store({ pieceSize: PIECE }).put(KEY, NEW, { signal: controller.signal });
    controller.abort(REASON);
    await settle();
    expect(await rig.store().getBytes(KEY)).toEqual(NEW);
  });
});

describe("reads", () => {
  type Read = (store: Store, signal: AbortSignal) => Promise<ReadableStream<Uint8Array> | null>;
  const reads: readonly (readonly [string, Layout, number | undefined, Read])[] = [
    ["get", "ramp", undefined, (store, signal) => store.get(KEY, { signal })],
    ["get by pieces", "ramp", PIECE, (store, signal) => store.get(KEY, { signal })],
    ["get by pieces of frames", { frameSize: 8192 }, PIECE, (store, signal) => store.get(KEY, { signal })],
    ["getCompressed by pieces", "ramp", PIECE, (store, signal) => store.getCompressed(KEY, { signal })],
    [
      "getRange of frames",
      { mtu: 1500 },
      undefined,
      (store, signal) => store.getRange(KEY, 10, 80_000, { signal }),
    ],
    ["getRange of a frame", "ramp", PIECE, (store, signal) => store.getRange(KEY, 10, 80_000, { signal })],
  ];

  /** More than arrives in one go: what has arrived needs no request any more, and is given. */
  const LONG = makeValue({ name: "v", version: 3, shape: "noise", size: 3_000_000 });

  async function prepare(layout: Layout, pieceSize: number | undefined): Promise<void> {
    await rig.command("FLUSHALL");
    await rig.store().put(KEY, pieceSize === undefined && layout === "ramp" ? LONG : OLD, { layout });
  }

  test.each(reads)("%s, aborted before", async (_, layout, pieceSize, read) => {
    await prepare(layout, pieceSize);
    const abort = aborting(never, false);
    abort.abort();
    const sizes = pieceSize === undefined ? {} : { pieceSize };
    await expect(read(rig.store({ ...sizes, fetch: abort.fetch }), abort.signal)).rejects.toBe(REASON);
    expect(abort.names).toEqual([]);
  });

  test.each(reads)("%s, aborted after the first chunk", async (_, layout, pieceSize, read) => {
    await prepare(layout, pieceSize);
    const abort = aborting(never, false);
    const sizes = pieceSize === undefined ? {} : { pieceSize };
    const stream = (await read(rig.store({ ...sizes, fetch: abort.fetch }), abort.signal))!;
    const reader = stream.getReader();
    expect((await reader.read()).done).toBe(false);
    abort.abort();
    await expect(
      (async () => {
        for (let next = await reader.read(); !next.done; next = await reader.read());
      })(),
    ).rejects.toBe(REASON);
    await settle();
    expect(abort.after()).toEqual([]);
  });

  test.each(reads)("%s, aborted while a request hangs", async (_, layout, pieceSize, read) => {
    await prepare(layout, pieceSize);
    const sizes = pieceSize === undefined ? {} : { pieceSize };
    const counting = hookFetch(rig.fetch);
    const all = (await read(rig.store({ ...sizes, fetch: counting.fetch }), new AbortController().signal))!;
    for (const reader = all.getReader(); !(await reader.read()).done;);
    for (let number = 0; number < counting.names.length; number++) {
      let count = 0;
      const abort = aborting(() => count++ === number, true);
      const store = rig.store({ ...sizes, fetch: abort.fetch });
      const whole = async (): Promise<void> => {
        const reader = (await read(store, abort.signal))!.getReader();
        while (!(await reader.read()).done);
      };
      await expect(whole()).rejects.toBe(REASON);
      await settle();
      expect(abort.after()).toEqual([]);
    }
  });

  test.each(reads)("%s, cancelled by its reader", async (_, layout, pieceSize, read) => {
    await prepare(layout, pieceSize);
    const { fetch, names } = hookFetch(rig.fetch);
    const sizes = pieceSize === undefined ? {} : { pieceSize };
    const stream = (await read(rig.store({ ...sizes, fetch }), new AbortController().signal))!;
    const reader = stream.getReader();
    await reader.read();
    await reader.cancel();
    const before = names.length;
    await settle();
    expect(names.length).toBe(before);
    expect(rig.zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });

  test("nothing is held after all of it", () => {
    expect(rejections).toEqual([]);
    expect(rig.zstd.stats()).toMatchObject({ live: 0, waiters: 0 });
  });
});
