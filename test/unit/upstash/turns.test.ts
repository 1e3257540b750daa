/** Texts of a megabyte are coded at once, and one after the other: no two in one turn of the event loop. */
import { beforeAll, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { compressionMiddleware, type SendRequest } from "../../../src/upstash/index.ts";
import { turnsDuring } from "../../support/event-loop.ts";

const COUNT = 10;
const text = JSON.stringify(
  Array.from({ length: 30_000 }, (_, id) => ({ id, name: `name ${(id * 7919) % 1009}` })),
)
  .slice(0, 1 << 20)
  .padEnd(1 << 20, "x");
const values = new Map<unknown, unknown>();
const next: SendRequest = async ({ body }) => {
  const [command, key, value] = body as readonly unknown[];
  if (command === "set") values.set(key, value);
  return { result: command === "set" ? "OK" : values.get(key) } as never;
};

let zstd: Zstd;
beforeAll(async () => {
  zstd = await loadZstd();
});

test("writes and reads that begin together take turns", async () => {
  const middleware = compressionMiddleware({ zstd });
  const all = (command: string, ...rest: string[]): Promise<unknown[]> =>
    Promise.all(
      Array.from({ length: COUNT }, (_, index) =>
        middleware({ body: [command, `k${index}`, ...rest] }, next),
      ),
    );
  // What is loaded on demand is there.
  await middleware({ body: ["set", "warm", text] }, next);
  await middleware({ body: ["get", "warm"] }, next);

  expect(await turnsDuring(() => all("set", text))).toBeGreaterThanOrEqual(COUNT - 1);
  expect(String(values.get("k0")).length).toBeLessThan(text.length / 2);
  let replies: unknown[] = [];
  expect(await turnsDuring(async () => (replies = await all("get")))).toBeGreaterThanOrEqual(COUNT - 1);
  expect(replies).toEqual(Array.from({ length: COUNT }, () => ({ result: text })));
});
