/** What `zstash/redis` takes and gives as the stock client does: options with slips, stand-ins for fetch, and codings. */
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { Redis as StockRedis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Redis, type Fetch, type RedisConfig } from "../../../src/redis.ts";
import { createRequester, withCompression } from "../../../src/upstash/index.ts";
import { onRequests, startSocketServer } from "../../support/http/socket-server.ts";
import { rejection } from "../../support/rejection.ts";
import { rows } from "../../support/sdk-calls.ts";
import { startTwo, type Address, type TwoServers } from "./rig.ts";

let servers: TwoServers;
let address: Address;
beforeAll(async () => {
  servers = await startTwo();
  address = servers.second;
});
afterAll(() => servers.close());
beforeEach(() => servers.flush());
const client = (config: object = {}): Redis => new Redis({ ...address, ...config } as RedisConfig);

describe("options", () => {
  test("url and token lose white space at their ends", async () => {
    const redis = client({ url: ` ${address.url}/\n`, token: `${address.token} \r\n` });
    await redis.set("k", rows);
    expect(await redis.get("k")).toEqual(rows);
  });

  test("white space within a token is still refused", () => {
    expect(() => client({ token: "a b" })).toThrow(/"token" must be/);
  });

  test.each([
    ["compresion", {}, "compression"],
    ["Compression", {}, "compression"],
    ["time_out", 5, "timeout"],
    ["tokn", "t", "token"],
    ["enableAutoPipeline", true, "enableAutoPipelining"],
    ["responseEncodings", false, "responseEncoding"],
  ])("%s is refused", (name, value, meant) => {
    const called = name === "enableAutoPipeline" ? undefined : `did you mean "${meant}"`;
    // Too far from any name to be a slip: options of other versions look like that.
    if (called === undefined) expect(() => client({ [name]: value })).not.toThrow();
    else expect(() => client({ [name]: value })).toThrow(called);
  });

  test("what is like no option passes, as in the SDK", async () => {
    const redis = client({ foo: 1, backend: "x", headers: {}, retry: { foo: 1 } });
    expect(await redis.set("k", 1)).toBe("OK");
  });

  test.each([null, (): null => null, (): undefined => undefined])(
    "a signal of %s is none",
    async (signal) => {
      expect(await client({ signal }).set("k", 1)).toBe("OK");
    },
  );

  test("a backoff that throws or promises hides no error", async () => {
    for (const backoff of [
      (): never => {
        throw new Error("of backoff");
      },
      (): Promise<number> => Promise.reject(new Error("of backoff")),
    ]) {
      let sent = 0;
      const fetch: Fetch = () => {
        sent += 1;
        return Promise.reject(Object.assign(new Error("no"), { code: "ECONNREFUSED" }));
      };
      const error = await rejection(client({ fetch, retry: { retries: 1, backoff } }).get("k"));
      expect(error).toMatchObject({ code: "REDIS", effect: "none" });
      expect(String(error)).toContain("ECONNREFUSED");
      expect(sent).toBe(2);
    }
  });

  test("responseEncoding false keeps a byte order mark, as the stock client does with it", async () => {
    const texts = [
      "\uFEFFhello",
      "\uFEFF".repeat(2),
      "\uFEFF" + "ab c".repeat(1000),
      '\uFEFF{"a":1}',
      "plain",
    ];
    for (const responseEncoding of ["base64", false] as const) {
      for (const enableAutoPipelining of [true, false]) {
        const config = { responseEncoding, enableAutoPipelining, automaticDeserialization: false };
        const [stock, own] = [new StockRedis({ ...address, ...config }), client(config)];
        for (const text of texts) {
          await stock.del("k", "l", "h");
          await stock.set("k", text);
          await stock.rpush("l", text);
          await stock.hset("h", { [text]: text });
          const read = (redis: StockRedis): Promise<unknown> =>
            Promise.all([redis.get("k"), redis.lrange("l", 0, -1), redis.hgetall("h"), redis.hkeys("h")]);
          expect(await read(own)).toEqual(await read(stock));
        }
      }
    }
  });

  test("a reply without a sync token ends the one before, as in the SDK", async () => {
    const tokens: (string | null)[] = [];
    const given = ["one", undefined, "two", undefined];
    const fetch: Fetch = (_, init) => {
      tokens.push(new Headers(init.headers).get("upstash-sync-token"));
      const token = given[tokens.length - 1];
      const headers = token === undefined ? {} : { "upstash-sync-token": token };
      return Promise.resolve(Response.json({ result: "T0s=" }, { headers }));
    };
    const redis = client({ fetch, enableAutoPipelining: false });
    for (let call = 0; call < 4; call++) await redis.incr("k");
    expect(tokens).toEqual([null, "one", null, "two"]);
  });
});

test("a client over a requester that compresses is not wrapped again", () => {
  const redis = new StockRedis(createRequester(address));
  expect(() => withCompression(redis)).toThrow(/compresses already/);
  const facade = (redis as unknown as { autoPipeline(): StockRedis }).autoPipeline();
  expect(() => withCompression(facade)).toThrow(/compresses already/);
});

test.each<[string, object]>([
  ["text", { text: () => Promise.resolve('{"result":"Zm9v"}') }],
  ["json", { json: () => Promise.resolve({ result: "Zm9v" }) }],
  ["text and headers", { headers: new Headers(), text: () => Promise.resolve('{"result":"Zm9v"}') }],
])("a response of a mock that has only %s is read", async (_, parts) => {
  const fetch = (() => Promise.resolve({ ok: true, status: 200, ...parts })) as unknown as Fetch;
  expect(await client({ fetch, enableAutoPipelining: false, retry: false }).get("k")).toBe("foo");
});

test("what a platform says of a request that it does not take is in the text", async () => {
  const fetch: Fetch = () => {
    throw new TypeError("The 'cache' field on 'RequestInitializerDict' is not implemented.");
  };
  const error = await rejection(client({ fetch, retry: false }).incr("k"));
  expect(error).toMatchObject({ code: "REDIS", effect: "unknown" });
  expect(String(error)).toContain("'cache' field");
});

describe.each<[string, (body: Uint8Array) => Buffer]>([
  ["constructor", (body): Buffer => Buffer.from(body)],
  ["__proto__", (body): Buffer => Buffer.from(body)],
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
])("a reply in %s, which nobody asked for", (coding, encode) => {
  const serve = async (body: Buffer, run: (url: string) => Promise<void>): Promise<void> => {
    const server = await startSocketServer((socket) =>
      onRequests(socket, () => {
        socket.write(
          `HTTP/1.1 200 OK\r\ncontent-encoding: ${coding}\r\ncontent-length: ${body.length}\r\n\r\n`,
        );
        socket.write(body);
      }),
    );
    await run(server.url).finally(() => server.close());
  };

  test("is read, again on the same connection", async () => {
    await serve(encode(Buffer.from('{"result":"Zm9v"}')), async (url) => {
      const redis = client({ url, enableAutoPipelining: false, retry: false });
      for (let call = 0; call < 3; call++) expect(await redis.get("k")).toBe("foo");
    });
  });

  test("and damaged is an error, and the process lives", async () => {
    const body = encode(Buffer.from('{"result":"Zm9v"}'.padStart(5000)));
    await serve(body.subarray(0, body.length - 9), async (url) => {
      const redis = client({ url, enableAutoPipelining: false, retry: false });
      expect(await rejection(redis.incr("k"))).toMatchObject({ effect: "unknown" });
    });
  });
});
