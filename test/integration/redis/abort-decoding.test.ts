/** A call that is aborted while its large values wait to be decoded rejects at once, and nothing more is decoded. */
import { Redis as Stock } from "@upstash/redis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { loadZstd, type Zstd } from "../../../src/index.ts";
import { Redis, type RedisConfig } from "../../../src/redis.ts";
import { withCompression } from "../../../src/upstash/index.ts";

const COUNT = 24;
const SIZE = 6 << 20;
const keys = Array.from({ length: COUNT }, (_, index) => `large${index}`);

let server: DevServer;
let url: string;
let zstd: Zstd;
let begun = 0;
/** Called when the first value begins to be decoded. */
let onFirst: () => void = () => undefined;

/** A codec that tells when the decoding of a value begins. */
function counting(): Zstd {
  return {
    ...zstd,
    decompressStream(options) {
      if (begun++ === 0) onFirst();
      return zstd.decompressStream(options);
    },
  };
}

const compression = () => ({ zstd: counting(), maxReplySize: COUNT * SIZE * 2 });
const optionsWith = (signal: RedisConfig["signal"]) => ({
  url,
  token: server.token,
  enableAutoPipelining: false,
  automaticDeserialization: false,
  signal: signal!,
});

beforeAll(async () => {
  zstd = await loadZstd();
  server = await createDevServer({ backend: "embedded", maxResponseSize: 1 << 28 });
  ({ url } = await server.listen());
  const redis = new Redis({ url, token: server.token, automaticDeserialization: false });
  const line = Array.from({ length: SIZE / 16 }, (_, id) => `${(id * 7919) % 100_003}`.padStart(16)).join("");
  await Promise.all(keys.map((key) => redis.set(key, key + line)));
}, 120_000);
afterAll(() => server.close());

const reads: readonly (readonly [string, (redis: Redis) => readonly Promise<unknown>[]])[] = [
  ["GETs", (redis) => keys.map((key) => redis.get(key))],
  ["one MGET", (redis) => [redis.mget(...keys)]],
  ["one pipeline", (redis) => [keys.reduce((batch, key) => batch.get(key), redis.pipeline()).exec()]],
];
const own = (signal: RedisConfig["signal"]): Redis =>
  new Redis({ ...optionsWith(signal), retry: false, compression: compression() });
const STOCK = "a value of the SDK's own client";
const signals: readonly (readonly [string, (signal: AbortSignal) => Redis])[] = [
  ["a value", (signal) => own(signal)],
  ["a function", (signal) => own(() => signal)],
  [STOCK, (signal) => withCompression(new Stock(optionsWith(signal)), compression()) as unknown as Redis],
];
const cases = reads
  .flatMap(([name, read]) => signals.map(([kind, client]) => [name, kind, read, client] as const))
  // The SDK resolves those that it was still sending, with null.
  .filter(([name, kind]) => name !== "GETs" || kind !== STOCK);

test.each(cases)("%s with the signal as %s", { timeout: 60_000 }, async (_, __, read, client) => {
  const controller = new AbortController();
  const reason = new Error("no longer wanted");
  begun = 0;
  onFirst = () => controller.abort(reason);
  const redis = client(controller.signal);
  const results = await Promise.allSettled(read(redis));
  // The first value is still being decoded; those that come after it do not begin.
  const begunByThen = begun;
  for (const result of results) expect(result).toEqual({ status: "rejected", reason });
  expect(begunByThen).toBeLessThan(6);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(begun).toBe(begunByThen);

  // Nobody who left stands in the way of others.
  onFirst = () => undefined;
  const other = new Redis({ url, token: server.token, automaticDeserialization: false });
  expect(((await other.get(keys[0]!)) as string).length).toBeGreaterThan(SIZE);
});
