/** Callbacks that are async or broken: an event, of a policy once an error, at the call that shows it; never an unhandled rejection. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import type { ZstashEvent } from "../../../src/metrics/events.ts";
import { compressionMiddleware, type CompressionOptions } from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { rejection } from "../../support/rejection.ts";

const text = JSON.stringify(Array.from({ length: 150 }, (_, id) => ({ id, name: `name ${id % 7}` })));
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(() => void process.off("unhandledRejection", note));

async function set(options: CompressionOptions) {
  const events: ZstashEvent[] = [];
  const bodies: unknown[][] = [];
  const middleware = compressionMiddleware({ zstd, onEvent: (event) => events.push(event), ...options });
  const send = (...body: unknown[]) =>
    middleware<unknown>({ body }, async (request) => {
      bodies.push(request.body as unknown[]);
      return { result: "OK" as never };
    });
  expect(await send("set", "k", text)).toEqual({ result: "OK" });
  await later();
  return { events, stored: bodies[0]![2], send };
}

const broken: Readonly<Record<string, () => unknown>> = {
  rejects: async () => {
    throw new Error("the look-up failed");
  },
  "is async": async () => ({}),
  "gives a thenable that throws": () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    then() {
      throw new Error("then");
    },
  }),
  "gives a getter that throws": () => ({
    // oxlint-disable-next-line unicorn/no-thenable
    get then() {
      throw new Error("then");
    },
  }),
  throws: () => {
    throw new Error("broken");
  },
  "gives undefined": () => undefined,
  "gives null": () => null,
  "gives a number": () => 5,
};

describe.each(Object.entries(broken))("a callback that %s", (_, callback) => {
  test("as policy is the error of the call that shows it, once, and an event each time", async () => {
    const events: ZstashEvent[] = [];
    const sent: unknown[] = [];
    const policy = (): never => callback() as never;
    const write = (key: string, options: CompressionOptions = {}): Promise<unknown> =>
      compressionMiddleware({ zstd, policy, onEvent: (event) => events.push(event), ...options })(
        { body: ["set", key, text] },
        async ({ body }) => (sent.push((body as unknown[])[2]), { result: "OK" as never }),
      );
    // In shadow mode nothing is refused.
    expect(await write("shadow", { mode: "shadow" })).toEqual({ result: "OK" });
    expect(events.splice(0)).toMatchObject([{ type: "policy-failed" }, { type: "uncompressed" }]);
    const error = await rejection(write("k"));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(/^Cannot write "k" \(SET\): /);
    expect((error as Error).message).not.toContain("look-up");
    expect(events.splice(0)).toMatchObject([{ type: "policy-failed", command: "SET", key: "k" }]);
    expect(sent.splice(0)).toEqual([text]);
    // Another client with the same function, too.
    expect(await write("later")).toEqual({ result: "OK" });
    expect(sent).toEqual([text]);
    expect(events).toMatchObject([
      { type: "policy-failed", key: "later", error: expect.any(Error) },
      { type: "uncompressed", key: "later" },
    ]);
    await later();
    expect(unhandled).toEqual([]);
  });

  test("as policy refuses nothing for guard", async () => {
    const policy = (): never => callback() as never;
    const middleware = compressionMiddleware({ zstd, policy, guard: true });
    const answer = middleware({ body: ["append", "k", "x"] }, async () => ({ result: "OK" as never }));
    expect(await answer).toEqual({ result: "OK" });
    await later();
    expect(unhandled).toEqual([]);
  });

  test("as mode means read-only, with an event", async () => {
    const { events, stored } = await set({ mode: callback as never });
    expect(stored).toBe(text);
    expect(events).toMatchObject([{ type: "mode-failed", error: expect.any(Error) }]);
    expect(unhandled).toEqual([]);
  });

  test("as listener breaks nothing", async () => {
    const { stored } = await set({ onEvent: callback });
    expect(stored).toMatch(/^zs1:/);
    expect(unhandled).toEqual([]);
  });
});

test("a promise given as an option is refused, and its rejection taken", async () => {
  for (const name of ["policy", "mode"] as const) {
    expect(() => compressionMiddleware({ [name]: Promise.reject(new Error("late")) })).toThrow(TypeError);
  }
  await later();
  expect(unhandled).toEqual([]);
});

test("an async codec is an event on the way in and an error on the way out", async () => {
  const fail = async (): Promise<never> => {
    throw new Error("async");
  };
  const { stored, events } = await set({ zstd: { ...zstd, compress: fail as never } });
  expect(stored).toBe(text);
  expect(events).toMatchObject([{ type: "uncompressed" }]);
  const middleware = compressionMiddleware({ zstd: { ...zstd, decompressText: fail as never } });
  const result = toTextCarrier(zstd.compress(text));
  const error = await rejection(
    middleware({ body: ["get", "k"] }, async () => ({ result: result as never })),
  );
  expect(error).toMatchObject({ code: "INTERNAL", key: "k" });
  await later();
  expect(unhandled).toEqual([]);
});
