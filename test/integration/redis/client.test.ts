/** `zstash/redis` and `createRequester` by themselves: what they take, what they refuse, and that nothing is compressed twice. */
import { Redis as StockRedis, type Requester, type UpstashRequest } from "@upstash/redis";
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import { build } from "esbuild";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { Redis, type RedisConfig } from "../../../src/redis.ts";
import * as upstash from "../../../src/upstash/index.ts";
import { root } from "../../support/repository.ts";
import { rejection } from "../../support/rejection.ts";
import { rows } from "../../support/sdk-calls.ts";

const { createRequester, withCompression, zstashCode } = upstash;

let server: DevServer;
let address: { url: string; token: string };
beforeAll(async () => {
  server = await createDevServer({ backend: "embedded" });
  address = { url: (await server.listen()).url, token: server.token };
});
afterAll(() => server.close());

const stock = (): StockRedis => new StockRedis({ ...address, enableTelemetry: false });
const bytesOf = async (key: string): Promise<Buffer> => {
  const headers = { authorization: `Bearer ${address.token}`, "upstash-encoding": "base64" };
  const body = JSON.stringify(["GET", key]);
  const reply = await fetch(address.url, { method: "POST", headers, body });
  return Buffer.from(((await reply.json()) as { result: string }).result, "base64");
};
const isFrame = (bytes: Buffer): boolean => bytes.readUInt32LE() === 0xfd2fb528;
const isText = (bytes: Buffer): boolean => bytes.toString("latin1").startsWith("zs1:KLUv/");

beforeEach(async () => void (await stock().flushall()));

describe("the carrier", () => {
  test("is raw by default, and text where it is asked for; each reads what the other writes", async () => {
    const raw = new Redis(address);
    const text = new Redis({ ...address, compression: { carrier: "text" } });
    await raw.set("raw", rows);
    await text.set("text", rows);
    expect([isFrame(await bytesOf("raw")), isText(await bytesOf("text"))]).toEqual([true, true]);
    for (const client of [raw, text]) expect(await client.mget("raw", "text")).toEqual([rows, rows]);
    expect(await withCompression(stock()).get("text")).toEqual(rows);
    expect(zstashCode(await rejection(withCompression(stock()).get("raw")))).toBe("UNSUPPORTED");
  });

  test("options of compression hold", async () => {
    const types: string[] = [];
    const redis = new Redis({
      ...address,
      compression: {
        policy: ({ key }) => key !== "plain" && {},
        onEvent: ({ type }) => type !== "request" && types.push(type),
      },
    });
    await redis.set("plain", rows);
    await redis.set("k", rows);
    expect(types).toEqual(["skipped", "compressed"]);
    expect((await bytesOf("plain")).toString()).toBe(JSON.stringify(rows));
  });
});

describe("what is refused at once", () => {
  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^"options" must be an object with "url" and "token", got undefined/],
    ["no url", { url: undefined, token: "t" }, /^"url" is missing: is UPSTASH_REDIS_REST_URL set\?/],
    [
      "a placeholder",
      { url: "https://…", token: "t" },
      /^"url" is still a placeholder.*UPSTASH_REDIS_REST_URL/,
    ],
    ["dots", { url: "https://...", token: "t" }, /^"url" is still a placeholder/],
    ["a token of dots", { url: "https://a.b", token: "..." }, /^"token" is still a placeholder.*_TOKEN/],
    ["an empty url", { url: "", token: "t" }, /^"url" is missing/],
    [
      "the url alone",
      { url: "https://x.upstash.io" },
      /^"token" is missing: is UPSTASH_REDIS_REST_TOKEN set\?/,
    ],
    [
      "the TCP address",
      { url: "rediss://default:hunter2@x.upstash.io:6379", token: "t" },
      /^"url" is the TCP address: take the REST one, such as https:\/\/….upstash.io$/,
    ],
    ["no URL", { url: "x", token: "t" }, /^"url" must be .* URL.*, such as https:\/\/….upstash.io$/],
    ["a client over TCP", { sendCommand() {}, options: {} }, /over TCP.*encodeValue.*decodeValue/],
    [
      "a policy beside compression",
      { url: "https://x", token: "t", policy: {} },
      /"policy" is not an option: did you mean "compression: \{ policy \}"/,
    ],
    [
      "an unknown option of compression",
      { url: "https://x", token: "t", compression: { polciy: {} } },
      /"compression\.polciy" is not an option: did you mean "policy"/,
    ],
    [
      "a wrong carrier",
      { url: "https://x", token: "t", compression: { carrier: "bytes" } },
      /"compression\.carrier" must be one of raw, text/,
    ],
  ])("%s", (_, options, message) => {
    let error: unknown;
    try {
      void new Redis(options as RedisConfig);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("hunter2");
    expect(error instanceof TypeError || error instanceof RangeError).toBe(true);
  });

  test("options that the SDK does not know it ignores, and so does this", () => {
    expect(() => new Redis({ ...address, region: "eu" } as RedisConfig)).not.toThrow();
  });

  test("createRequester refuses them", () => {
    expect(() => createRequester({ ...address, enableAutoPipelining: false } as never)).toThrow(
      /"enableAutoPipelining" is not an option/,
    );
  });
});

describe("createRequester", () => {
  test("carries a client of one's own, which has no automatic pipelines", async () => {
    const sent: string[] = [];
    const requester = createRequester({
      ...address,
      fetch: (url, init) => {
        sent.push(new URL(url).pathname);
        return fetch(url, init);
      },
    });
    const redis = new StockRedis(requester);
    expect(await redis.set("k", rows, { ex: 60 })).toBe("OK");
    expect(await Promise.all([redis.get("k"), redis.get("none")])).toEqual([rows, null]);
    expect(isFrame(await bytesOf("k"))).toBe(true);
    expect(sent).toEqual(["/set/k", "/", "/"]);
    expect(redis.readYourWritesSyncToken).toBe(requester.upstashSyncToken);
  });

  test("sends what holds no commands as the SDK would", async () => {
    const requester = createRequester(address);
    await requester.request({ body: ["set", "k", "v"] });
    const request = (path: string[], body?: unknown): Promise<unknown> =>
      requester.request({ path, body } as UpstashRequest);
    expect(await request(["get", "k"])).toEqual({ result: "v" });
    expect(await rejection(request(["nonesuch", "hunter2"]))).toMatchObject({ code: "REDIS", status: 400 });
  });
});

describe("a custom requester", () => {
  /** As an application may have it. */
  const custom = (): Requester & { asked: number } => ({
    asked: 0,
    async request({ path = [], body }: UpstashRequest) {
      this.asked += 1;
      const headers = { authorization: `Bearer ${address.token}` };
      const reply = await fetch([address.url, ...path].join("/"), {
        method: "POST",
        headers,
        body: JSON.stringify(body),
      });
      return (await reply.json()) as never;
    },
  });

  test("carries values as text", async () => {
    const requester = custom();
    const redis = new Redis(requester);
    await redis.set("k", rows);
    expect(await redis.get("k")).toEqual(rows);
    expect(isText(await bytesOf("k"))).toBe(true);
    expect(requester.asked).toBe(2);
  });

  test("that compresses is taken as it is", async () => {
    const redis = new Redis(createRequester(address));
    await redis.set("k", rows);
    expect(isFrame(await bytesOf("k"))).toBe(true);
    expect(await redis.get("k")).toEqual(rows);
  });

  test("of two clients compresses once", async () => {
    const requester = custom();
    const [first, second] = [new Redis(requester), new Redis(requester)];
    await second.set("k", rows);
    await first.set("l", rows);
    const once = withCompression(stock());
    expect(await once.mget("k", "l")).toEqual([rows, rows]);
    expect(await first.mget("k", "l")).toEqual([rows, rows]);
  });
});

/** A lazy client as `@vercel/kv` exports it: a client is made when something is first asked of it. */
function lazy(make: () => StockRedis): StockRedis {
  let made: StockRedis | undefined;
  const target = {} as StockRedis;
  return new Proxy(target, { get: (_, name) => Reflect.get((made ??= make()), name) });
}

describe("nothing is compressed twice", () => {
  /** Another copy of the module, as a second bundle or a hot reload makes one. */
  let copy: typeof upstash;
  beforeAll(async () => {
    const outfile = `${root}.cache/copy-of-upstash-${process.pid}.mjs`;
    await build({
      entryPoints: [`${root}src/upstash/index.ts`],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      alias: {
        "#host": `${root}src/adapters/host/node.ts`,
        "#wasm/full": `${root}src/adapters/full/inline.ts`,
      },
    });
    copy = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as typeof upstash;
  });

  test("there are two copies", () => expect(copy.withCompression).not.toBe(withCompression));

  const autoPipelined = (client: StockRedis): StockRedis =>
    (client as unknown as { autoPipeline(): StockRedis }).autoPipeline();

  const clients: readonly (readonly [string, () => StockRedis])[] = [
    ["a client", stock],
    [
      "a client without automatic pipelines",
      () => new StockRedis({ ...address, enableAutoPipelining: false }),
    ],
    ["a client for Cloudflare", () => new CloudflareRedis(address) as unknown as StockRedis],
    ["a lazy client", () => lazy(stock)],
  ];

  test.each(clients)("%s is wrapped once, by whichever copy", (_, make) => {
    for (const [first, second] of [
      [withCompression, withCompression],
      [withCompression, copy.withCompression],
      [copy.withCompression, withCompression],
    ] as const) {
      const client = first(make());
      expect(() => second(client)).toThrow(/^"redis" compresses already/);
      expect(() => second(autoPipelined(client))).toThrow(/^"redis" compresses already/);
    }
    const client = make();
    copy.withCompression(autoPipelined(client));
    expect(() => withCompression(client)).toThrow(/^"redis" compresses already/);
    expect(() => withCompression(make())).not.toThrow();
  });

  test("a client of zstash/redis needs no wrapping", () => {
    for (const config of [{}, { enableAutoPipelining: false }]) {
      const client = new Redis({ ...address, ...config });
      for (const wrap of [withCompression, copy.withCompression])
        for (const host of [client, autoPipelined(client), lazy(() => client)])
          expect(() => wrap(host)).toThrow(/^"redis" compresses already/);
    }
  });

  test("clients of a class whose use() all of them share are told apart", () => {
    class Client {
      use(): void {}
    }
    const facade = new Proxy({} as Client, { get: (_, name) => Reflect.get(one, name) });
    const one = new Client();
    withCompression(facade);
    expect(() => withCompression(new Client())).not.toThrow();
  });

  test.each<[string, () => Requester]>([
    [
      "text",
      () => {
        const requester: Requester = { request: (request) => send(request) as never };
        const compress = copy.compressionMiddleware();
        return { request: (request) => compress(request, requester.request as never) as never };
      },
    ],
    [
      "raw",
      () => {
        // A stranger's object around it: on the requester itself the mark is seen.
        const { request } = copy.createRequester(address);
        return { request: (sent) => request(sent as never) as never };
      },
    ],
  ])("where no wrapping is seen, what lies below leaves the values alone: %s", async (_, make) => {
    const twice = withCompression(new StockRedis(make()));
    const once = new Redis(address);
    const awkward = `zs1:KLUv/${"x".repeat(3000)}`;
    await twice.mset({ a: rows, b: awkward, c: 3 });
    await twice.hset("h", { f: rows });
    await once.set("raw", rows);
    await twice.multi().set("m", rows).exec();
    const wanted = [rows, awkward, 3, rows];
    // What was written through both is compressed once: a client wrapped once reads it, and so do both.
    expect(await once.mget("a", "b", "c", "m")).toEqual(wanted);
    expect(await twice.mget("a", "b", "c", "m")).toEqual(wanted);
    expect(await twice.hget("h", "f")).toEqual(rows);
    if (_ === "raw") expect(await twice.get("raw")).toEqual(rows);
  });

  async function send({ path = [], body }: UpstashRequest): Promise<unknown> {
    const headers = { authorization: `Bearer ${address.token}` };
    const reply = await fetch([address.url, ...path].join("/"), {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    return reply.json();
  }
});
