/**
 * What stands in URLs, which proxies and monitors write down: of every command of the table, with odd arguments too, the
 * name, the key, one field and options, never a value and never more than 2,000 bytes; and what is stored is what the
 * stock client stores.
 */
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/index.ts";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { listen, type Listener } from "../../../src/dev/listen.ts";
import { findCommand, valuePositions } from "../../../src/upstash/commands.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import { read } from "../../support/repository.ts";
import { seededRandom, type Random } from "../../support/random.ts";

const TOKEN = "token";
const URL_MAX = 2000;
const zstd = await loadZstd();

interface Backend {
  readonly url: string;
  readonly server: DevServer;
  readonly listener: Listener;
}

async function start(): Promise<Backend> {
  const server = await createDevServer({ backend: "embedded", token: TOKEN });
  const listener = await listen((incoming) => server.fetch(incoming), 0);
  return { url: listener.address.url, server, listener };
}

let stockBackend: Backend;
let rawBackend: Backend;
beforeAll(async () => {
  [stockBackend, rawBackend] = await Promise.all([start(), start()]);
});
afterAll(async () => {
  for (const { listener, server } of [stockBackend, rawBackend]) {
    await listener.close();
    await server.close();
  }
});

/** A client of each kind, without automatic pipelines, and the paths that the raw one asks for. */
function clients(rawUrl = rawBackend.url, stockUrl = stockBackend.url) {
  const options = {
    token: TOKEN,
    enableTelemetry: false,
    enableAutoPipelining: false,
    retry: false,
  } as const;
  const paths: string[] = [];
  const stock = new Redis({ ...options, url: stockUrl });
  const raw = new CompressingRedis({
    ...options,
    url: rawUrl,
    fetch: (url, init) => {
      paths.push(url.slice(rawUrl.length));
      return fetch(url, init);
    },
    compression: { zstd },
  });
  return { stock, raw, paths };
}

async function outcome(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { result: await run() };
  } catch (error) {
    return { error: (error as Error).message.replace(/, command was: [^]*/, "") };
  }
}

/** Sends a command as it is: `exec` makes texts of all arguments first. */
function send(redis: Redis, body: readonly unknown[]): Promise<unknown> {
  const { client } = redis as unknown as { client: { request(request: object): Promise<unknown> } };
  return client.request({ body });
}

/** Everything that lies there, as a client reads it. */
async function contents(redis: Redis): Promise<unknown> {
  const keys = (await redis.keys("*")).sort();
  return Promise.all(
    keys.map(async (key) => {
      const type = await redis.type(key);
      const value = type === "hash" ? await redis.hgetall(key) : await redis.get(key);
      return [key, type, value];
    }),
  );
}

/** The names of the table, as the source has them: a row that is added is tested. */
const names = [...read("src/upstash/commands.ts").matchAll(/^ {2}([A-Z]+): \{/gm)]
  .map(([, name]) => name!)
  .filter((name) => findCommand([name]) !== undefined);

let marks = 0;
const mark = (what: string): string => `${what}${++marks}`;
const large = (): string => `${mark("VALUE")} ${"compressible text, again and again. ".repeat(60)}`;

/** Arguments that programs hand over by mistake. */
const odd = (random: Random): unknown =>
  random.pick([
    undefined,
    null,
    Number.NaN,
    Infinity,
    1.5,
    1e21,
    true,
    "",
    ".",
    "..",
    "a/../b",
    "\uD800",
    "%2e%2e",
    [1, mark("VALUE")],
    { a: mark("VALUE") },
    "k".repeat(1990),
    "k".repeat(20_000),
    "é".repeat(400),
    new Uint8Array([1, 2, 3]),
  ]);

/** A call of the command, most arguments right; values, second fields and texts in the places of numbers are marked. */
function callOf(name: string, random: Random): unknown[] {
  const key = (): unknown => (random.below(4) === 0 ? odd(random) : `key${random.below(5)}`);
  const value = (): unknown =>
    random.below(5) === 0 ? odd(random) : random.below(3) === 0 ? mark("VALUE") : large();
  const number = (): unknown =>
    random.below(5) === 0
      ? random.pick([odd(random), mark("OPTION"), "9".repeat(30)])
      : 1_000_000 + random.below(100);
  const field = (index: number): string => (index === 0 ? `field${random.below(3)}` : mark("SECOND"));
  const pairs = (of: (index: number) => unknown): unknown[] =>
    Array.from({ length: 1 + random.below(3) }, (_, index) => [of(index), value()]).flat();
  const options = (): unknown[] =>
    random.pick<() => unknown[]>([
      () => [],
      () => [random.pick(["EX", "px", "EXAT", "PXAT"]), number()],
      () => ["NX"],
      () => ["KEEPTTL"],
      () => ["EX", number(), "GET"],
      () => [mark("OPTION")],
      () => ["EX", number(), mark("OPTION"), mark("OPTION")],
    ])();
  const spelled = random.below(2) === 0 ? name : name.toLowerCase();
  switch (name) {
    case "SET":
      return [spelled, key(), value(), ...options()];
    case "SETEX":
    case "PSETEX":
      return [spelled, key(), number(), value()];
    case "MSET":
    case "MSETNX":
      return [spelled, ...pairs((index) => (index === 0 ? `key${random.below(5)}` : mark("SECOND")))];
    case "HSET":
    case "HMSET":
      return [spelled, key(), ...pairs(field)];
    case "HSETNX":
      return [spelled, key(), random.below(4) === 0 ? odd(random) : field(0), value()];
    case "HSETEX": {
      const fields = pairs(field);
      const given = random.pick<unknown[]>([[], ["EX", number()], ["FXX"], ["KEEPTTL"], [mark("OPTION")]]);
      return [spelled, key(), ...given, "FIELDS", fields.length / 2, ...fields];
    }
    case "MGET":
      return [spelled, key(), key()];
    default: {
      // A row with one value, or one that only reads.
      const places = valuePositions([name, "k", "v"], findCommand([name])!.row);
      return places.length > 0 ? [spelled, key(), value()] : [spelled, key(), field(0)];
    }
  }
}

test("the table has been read", () => {
  expect(names.length).toBeGreaterThanOrEqual(23);
  expect(names).toContain("HSETEX");
});

test.each(names)(
  "%s: no value, second field or long key is in a URL, and the same is stored",
  async (name) => {
    const random = seededRandom(name.length * 1000 + name.charCodeAt(0));
    for (let round = 0; round < 60; round++) {
      const { stock, raw, paths } = clients();
      const command = callOf(name, random);
      const run = (redis: Redis) => outcome(() => send(redis, command));
      const [wanted, got] = [await run(stock), await run(raw)];
      for (const path of paths) {
        expect(path, JSON.stringify(command).slice(0, 300)).not.toMatch(
          /VALUE|SECOND|OPTION|undefined|null|NaN|object/,
        );
        expect(path.length).toBeLessThanOrEqual(URL_MAX);
      }
      // An option that the server does not know, it may quote: we do not repeat it.
      const shown = (one: unknown): string => JSON.stringify(one).slice(0, 3000);
      if (!shown(wanted).includes("error")) expect(shown(got)).toBe(shown(wanted));
      else expect(shown(got)).toContain("error");
    }
    const { stock, raw } = clients();
    expect(await contents(raw)).toEqual(await contents(stock));
  },
);

test("a value for an undefined key is refused or stored as the stock client's is", async () => {
  const { stock, raw, paths } = clients();
  for (const redis of [stock, raw]) await redis.flushall();
  const calls: readonly ((redis: Redis) => Promise<unknown>)[] = [
    (redis) => redis.set(undefined as unknown as string, "x".repeat(5000)),
    (redis) => redis.setex(undefined as unknown as string, 100, "x".repeat(5000)),
    (redis) => redis.hset(undefined as unknown as string, { f: "x".repeat(5000) }),
    (redis) => redis.set("nan", "x".repeat(5000), { ex: Number.NaN }),
    (redis) => redis.hset("h", { a: undefined, b: Number.NaN, profile: "x".repeat(5000) }),
  ];
  for (const call of calls) expect(await outcome(() => call(raw))).toEqual(await outcome(() => call(stock)));
  expect(await contents(raw)).toEqual(await contents(stock));
  expect(paths.filter((path) => /undefined|NaN|null/.test(path))).toEqual([]);
});

describe("behind a plain Node proxy with its default limits", () => {
  let proxy: Server;
  let url: string;
  const urls: string[] = [];
  beforeAll(async () => {
    proxy = createServer((incoming, outgoing) => {
      urls.push(incoming.url!);
      const { method, headers } = incoming;
      const up = request(rawBackend.url + incoming.url, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(outgoing);
      });
      up.on("error", () => outgoing.destroy());
      incoming.pipe(up);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    proxy.closeAllConnections();
    proxy.close();
  });

  test("everything that the stock client can write is written, and reads back", async () => {
    const { stock, raw } = clients(url, stockBackend.url);
    for (const redis of [stock, raw]) await redis.flushall();
    const text = "a value that compresses. ".repeat(200);
    const fields = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`f${index}`, "ordinary text, below a kilobyte. ".repeat(15)]),
    );
    const writes: readonly ((redis: Redis) => Promise<unknown>)[] = [
      ...[1, 1900, 2000, 4000, 15_000, 20_000, 32_000].flatMap((size) => [
        (redis: Redis) => redis.set("k".repeat(size), text),
        (redis: Redis) => redis.set("é".repeat(size >> 1), text, { ex: 1000 }),
        (redis: Redis) => redis.hset(`h${size}`, { ["f".repeat(size)]: text }),
      ]),
      (redis) => redis.hset("many", { ...fields, last: text }),
      (redis) => redis.mset({ first: "small", doc: text }),
      (redis) => redis.set("k", text, { ex: 60, nx: true }),
    ];
    for (const write of writes)
      expect(await outcome(() => write(raw))).toEqual(await outcome(() => write(stock)));
    expect(await contents(raw)).toEqual(await contents(stock));
    expect(Math.max(...urls.map((one) => one.length))).toBeLessThanOrEqual(URL_MAX);
    // The raw form was used where it can be.
    expect(urls.filter((one) => one !== "/").length).toBeGreaterThan(2);
  });
});
