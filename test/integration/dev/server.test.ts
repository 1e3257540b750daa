/** The local server on each of its backends: the SDK against it, its protocol byte by byte, and its options. */
import { createHash } from "node:crypto";
import { Agent, request as httpRequest } from "node:http";
import { createConnection, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, DevServerOptions } from "../../../src/dev/index.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import { readResp, RespParser } from "../../../src/rest/resp.ts";
import { ZstashError } from "../../../src/errors.ts";
import { freePort, redisAvailable, startRedis } from "../../support/redis.ts";
import type { RedisServer } from "../../support/redis.ts";
import { TOKEN } from "./rig.ts";
import type { BackendCase } from "./rig.ts";

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);
const ODD_KEYS = [
  "a/b",
  "with space",
  "100%",
  "a+b",
  "what?",
  "#tag",
  "é",
  "%2F",
  "日本語",
  "a&b=c",
  ";",
  "\\",
  "'\"",
  "x".repeat(32_768),
];

/** A Redis that wants a password, on a port on which it can start again. Undefined where there is no redis-server. */
const PASSWORD = "p@ss:w/rd";
const redisPort = await freePort();
const redisUrl = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redisPort}/3`;
const startOwnRedis = (): Promise<RedisServer> => startRedis(["--requirepass", PASSWORD], redisPort);
let ownRedis = redisAvailable() ? await startOwnRedis() : undefined;
afterAll(() => ownRedis?.stop());

const BACKENDS: readonly BackendCase[] = [
  ["embedded", { backend: "embedded" }],
  ...(ownRedis === undefined
    ? []
    : ([
        ["redis-server", { backend: "redis-server" }],
        ["redis-url", { redis: redisUrl }],
      ] as const)),
];

describe.each(BACKENDS)("on %s", (kind, options) => {
  let server: DevServer;
  let url: string;
  let redis: Redis;

  /** A request with the token, on a path or with what fetch takes. */
  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url + path, { ...init, headers: { authorization: `Bearer ${TOKEN}`, ...init.headers } });
  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    send(path, { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body), headers });
  const json = async (response: Response | Promise<Response>): Promise<unknown> => {
    const answer = await response;
    return [answer.status, await answer.json()];
  };

  beforeAll(async () => {
    server = await createDevServer({ ...options, token: [TOKEN, "another"] });
    ({ url } = await server.listen());
    redis = new Redis({ url, token: TOKEN });
  });
  beforeEach(async () => void (await redis.flushdb()));
  afterAll(() => server.close());

  test("says what it is, without a password", () => {
    expect(server.backend.kind).toBe(kind);
    expect(server.backend.description).not.toContain("p@ss");
    expect(server.token).toBe(TOKEN);
  });

  describe("the SDK", () => {
    test("single commands", async () => {
      expect(await redis.set("k", { a: [1, "é"] }, { ex: 100 })).toBe("OK");
      expect(await redis.get("k")).toEqual({ a: [1, "é"] });
      expect(await redis.ttl("k")).toBe(100);
      expect(await redis.get("missing")).toBe(null);
      expect(await redis.hset("h", { a: 1, b: "OK", c: "true" })).toBe(3);
      expect(await redis.hgetall("h")).toEqual({ a: 1, b: "OK", c: true });
      expect(await redis.type("h")).toBe("hash");
      expect(await redis.ping()).toBe("PONG");
      expect(await redis.set("k", "2", { nx: true })).toBe(null);
      expect(await redis.set("k", "2", { get: true })).toEqual({ a: [1, "é"] });
      expect(await redis.mset({ x: "OK", y: "é", z: "" })).toBe("OK");
      expect(await redis.mget("x", "y", "z", "missing")).toEqual(["OK", "é", "", null]);
      await expect(redis.lpush("h", "x")).rejects.toThrow(
        "WRONGTYPE Operation against a key holding the wrong kind of value",
      );
    });

    test("auto-pipelined commands", async () => {
      const many = Array.from({ length: 300 }, (_, index) => index);
      expect(await Promise.all(many.map((index) => redis.set(`k${index}`, `v${index}`)))).toEqual(
        many.map(() => "OK"),
      );
      expect(await Promise.all(many.map((index) => redis.get(`k${index}`)))).toEqual(
        many.map((index) => `v${index}`),
      );
      const mixed = await Promise.allSettled([redis.incr("k0"), redis.incr("n"), redis.lpush("k1", "x")]);
      expect(mixed.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected"]);
    });

    test("pipelines and transactions, with errors inside", async () => {
      expect(await redis.pipeline().set("a", "1").incr("a").type("a").get("none").exec()).toEqual([
        "OK",
        2,
        "string",
        null,
      ]);
      expect(await redis.multi().set("a", "1").incr("a").get("a").exec()).toEqual(["OK", 2, 2]);
      const failed = await redis.multi().set("b", "x").incr("b").set("c", "y").exec({ keepErrors: true });
      expect(failed.map(({ error }) => error)).toEqual([
        undefined,
        "ERR value is not an integer or out of range",
        undefined,
      ]);
      expect(await redis.mget("b", "c")).toEqual(["x", "y"]);
    });

    test("keys with every odd character", async () => {
      for (const key of ODD_KEYS) {
        expect(await redis.set(key, key.length)).toBe("OK");
        expect(await redis.get(key)).toBe(key.length);
      }
      expect((await redis.keys("*")).length).toBe(ODD_KEYS.length);
    });

    test("each response has a sync token of its own, and the client sends it back", async () => {
      const tokens = new Set<string | undefined>();
      for (let index = 0; index < 5; index++) {
        await redis.set("k", index);
        tokens.add(redis.readYourWritesSyncToken);
      }
      expect(tokens.size).toBe(5);
      expect(tokens.has(undefined)).toBe(false);
    });
  });

  describe("bytes", () => {
    test("a raw body is stored as it is and comes back by RESP2 and by base64", async () => {
      for (const key of ODD_KEYS) {
        const path = encodeURIComponent(key);
        expect(await json(send(`/set/${path}?EX=100`, { method: "POST", body: ALL_BYTES }))).toEqual([
          200,
          { result: "OK" },
        ]);
        const raw = await send(`/get/${path}`, { headers: { "upstash-response-format": "resp2" } });
        expect(raw.headers.get("content-type")).toBe("application/octet-stream");
        expect(readResp(new Uint8Array(await raw.arrayBuffer()))).toEqual({ kind: "bulk", bytes: ALL_BYTES });
        const base64 = await json(send(`/get/${path}`, { headers: { "upstash-encoding": "base64" } }));
        expect(base64).toEqual([200, { result: Buffer.from(ALL_BYTES).toString("base64") }]);
        expect(await json(send(`/ttl/${path}`))).toEqual([200, { result: 100 }]);
      }
    });

    test("in plain JSON what is not UTF-8 becomes U+FFFD", async () => {
      await send("/set/k", { method: "PUT", body: Uint8Array.of(0x61, 0xff, 0xc3, 0xa9) });
      expect(await json(send("/get/k"))).toEqual([200, { result: "a\uFFFDé" }]);
    });

    test("keys are bytes too", async () => {
      await send("/set/%FF%00/v");
      expect(await json(send("/get/%FF%00"))).toEqual([200, { result: "v" }]);
      expect(await json(send("/get/%FE%00"))).toEqual([200, { result: null }]);
    });

    test("values of several megabytes", async () => {
      const large = Uint8Array.from({ length: 6_000_000 }, (_, index) => (index * 2_654_435_761) >>> 13);
      await send("/set/k", { method: "POST", body: large });
      const raw = await send("/get/k", { headers: { "upstash-response-format": "resp2" } });
      const parser = new RespParser();
      const replies = [];
      for await (const chunk of raw.body ?? []) replies.push(...parser.push(chunk));
      parser.end();
      const [reply] = replies;
      expect(reply?.kind === "bulk" && reply.bytes !== null && Buffer.compare(reply.bytes, large)).toBe(0);
      expect(await json(send("/append/k", { method: "POST", body: ALL_BYTES }))).toEqual([
        200,
        { result: 6_000_256 },
      ]);
    });

    test("query options stand after the body, flags without a value too", async () => {
      expect(await json(send("/set/k?EX=50&NX", { method: "POST", body: "v" }))).toEqual([
        200,
        { result: "OK" },
      ]);
      expect(await json(send("/set/k?EX=60&NX", { method: "POST", body: "w" }))).toEqual([
        200,
        { result: null },
      ]);
      expect(await json(send("/ttl/k"))).toEqual([200, { result: 50 }]);
      expect(await json(send("/set/q/v/PX/9000"))).toEqual([200, { result: "OK" }]);
      expect(await json(send("/ttl/q"))).toEqual([200, { result: 9 }]);
      expect(await json(send("/hset/h/f?g+g=a%2Bb", { method: "POST", body: "1" }))).toEqual([
        200,
        { result: 2 },
      ]);
      expect(await json(send("/hget/h/g%20g"))).toEqual([200, { result: "a+b" }]);
    });

    test("an empty body is a missing argument", async () => {
      expect(await json(send("/set/k", { method: "POST", body: "" }))).toEqual([
        400,
        { error: "ERR wrong number of arguments for 'set' command" },
      ]);
      expect(await json(post("/", ["SET", "k", ""]))).toEqual([200, { result: "OK" }]);
      expect(await json(send("/get/k"))).toEqual([200, { result: "" }]);
    });
  });

  describe("reply formats", () => {
    test("RESP2 for one command, for a pipeline and for errors", async () => {
      const headers = { "upstash-response-format": "resp2" };
      const text = async (response: Promise<Response>): Promise<[number, string]> => {
        const answer = await response;
        return [answer.status, await answer.text()];
      };
      expect(await text(post("/", ["SET", "k", "v"], headers))).toEqual([200, "+OK\r\n"]);
      expect(await text(post("/", ["GET", "none"], headers))).toEqual([200, "$-1\r\n"]);
      expect(await text(post("/", ["LPUSH", "k", "v"], headers))).toEqual([
        400,
        "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
      ]);
      expect(
        await text(post("/pipeline", [["GET", "k"], ["INCR", "k"], ["DBSIZE"], ["MGET", "k", "x"]], headers)),
      ).toEqual([
        200,
        "$1\r\nv\r\n-ERR value is not an integer or out of range\r\n:1\r\n*2\r\n$1\r\nv\r\n$-1\r\n",
      ]);
      expect(await text(post("/multi-exec", [["GET", "k"]], headers))).toEqual([200, '[{"result":"v"}]']);
    });

    test("RESP2 goes with no base64, and there is no other format", async () => {
      const both = { "upstash-response-format": "resp2", "upstash-encoding": "base64" };
      expect((await post("/", ["GET", "k"], both)).status).toBe(400);
      expect((await post("/", ["GET", "k"], { "upstash-response-format": "resp3" })).status).toBe(400);
      expect((await post("/", ["GET", "k"], { "upstash-response-format": "JSON" })).status).toBe(200);
      expect(await json(post("/multi-exec", [["SET", "k", "v"]], both))).toEqual([200, [{ result: "OK" }]]);
    });

    test("base64 leaves a status OK at the top alone, and errors", async () => {
      const headers = { "upstash-encoding": "base64" };
      const commands = [
        ["SET", "k", "OK"],
        ["GET", "k"],
        ["PING"],
        ["TYPE", "k"],
        ["DBSIZE"],
        ["GET", "none"],
        ["INCR", "k"],
      ];
      const replies = [
        { result: "OK" },
        { result: "T0s=" },
        { result: "UE9ORw==" },
        { result: "c3RyaW5n" },
        { result: 1 },
        { result: null },
        { error: "ERR value is not an integer or out of range" },
      ];
      expect(await json(post("/pipeline", commands, headers))).toEqual([200, replies]);
      expect(await json(post("/multi-exec", commands, headers))).toEqual([200, replies]);
    });

    test("integers beyond 2^53 keep every digit", async () => {
      expect(await json(post("/", ["INCRBY", "n", "9007199254740993"]))).toEqual([
        200,
        { result: "9007199254740993" },
      ]);
    });
  });

  describe("requests", () => {
    test("numbers and booleans are arguments", async () => {
      expect(await json(post("/", ["MSET", "a", 1, "b", true, "c", -1.5]))).toEqual([200, { result: "OK" }]);
      expect(await json(post("/", ["MGET", "a", "b", "c"]))).toEqual([
        200,
        { result: ["1", "true", "-1.5"] },
      ]);
    });

    test("command names go in any case", async () => {
      expect(await json(send("/SeT/k/v"))).toEqual([200, { result: "OK" }]);
      expect(await json(post("/", ["gEt", "k"]))).toEqual([200, { result: "v" }]);
    });

    test.each([
      "",
      "{",
      "null",
      '"PING"',
      '{"a":1}',
      "[]",
      "[null]",
      '["GET",{}]',
      '["GET",["k"]]',
      "\xff",
      "[[",
    ])("%j is no command: 400 with a text", async (body) => {
      for (const path of ["/", "/pipeline", "/multi-exec"]) {
        const response = await post(path, body);
        expect(response.status).toBe(400);
        expect(await response.json()).toEqual({ error: expect.stringMatching(/^ERR /) });
      }
    });

    test("a wrong, a missing and an empty token are refused; each of several is taken, in header or query", async () => {
      const refused = [401, { error: "WRONGPASS invalid or missing auth token" }];
      expect(await json(fetch(`${url}/ping`))).toEqual(refused);
      for (const authorization of [
        "Bearer wrong",
        "Bearer ",
        "Bearer",
        TOKEN,
        `Basic ${TOKEN}`,
        `Bearer ${TOKEN}x`,
      ]) {
        expect(await json(fetch(`${url}/ping`, { headers: { authorization } }))).toEqual(refused);
      }
      expect(await json(fetch(`${url}/ping?_token=wrong`))).toEqual(refused);
      expect(
        await json(fetch(`${url}/ping?_token=${TOKEN}`, { headers: { authorization: "Bearer wrong" } })),
      ).toEqual(refused);
      expect(await json(fetch(`${url}/ping?_token=${TOKEN}`))).toEqual([200, { result: "PONG" }]);
      expect(await json(fetch(`${url}/ping`, { headers: { authorization: "bearer another" } }))).toEqual([
        200,
        { result: "PONG" },
      ]);
      expect(await json(fetch(`${url}/set/k?_token=another&EX=9`, { method: "POST", body: "v" }))).toEqual([
        200,
        { result: "OK" },
      ]);
      await expect(new Redis({ url, token: "wrong" }).get("k")).rejects.toThrow("WRONGPASS");
    });

    test("GET, HEAD, POST and PUT are methods, others are 405", async () => {
      const head = await send("/set/k/v", { method: "HEAD" });
      expect([head.status, await head.text()]).toEqual([200, ""]);
      expect(await json(send("/get/k", { method: "PUT" }))).toEqual([200, { result: "v" }]);
      expect(await json(send("/get/k", { method: "POST" }))).toEqual([200, { result: "v" }]);
      for (const method of ["DELETE", "PATCH"]) {
        const response = await send("/get/k", { method });
        expect([response.status, await response.json()]).toEqual([
          405,
          { error: expect.stringMatching(/^ERR /) },
        ]);
      }
    });

    test.each([
      [["AUTH", "x"], 'ERR Command "AUTH" is not allowed in REST or it has a special context path'],
      [["multi"], 'ERR Command "MULTI" is not allowed in REST or it has a special context path'],
      [["SUBSCRIBE", "c"], 'ERR Command "SUBSCRIBE" is not allowed in REST or it has a special context path'],
      [["SELECT", "1"], "ERR Only 0th database is supported! Selected DB: 1"],
      [
        ["NoSuch", "a"],
        "ERR Command is not available: 'NOSUCH'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["BLPOP", "k", "0"],
        "ERR Command is not available: 'BLPOP'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["XREAD", "BLOCK", "0", "STREAMS", "s", "$"],
        "ERR Command is not available: 'XREAD'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["CONFIG", "GET", "dir"],
        "ERR Command is not available: 'CONFIG GET'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["SCRIPT", "DEBUG", "YES"],
        "ERR Command is not available: 'SCRIPT DEBUG'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["SHUTDOWN"],
        "ERR Command is not available: 'SHUTDOWN'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
      ],
      [
        ["SET", "x".repeat(32_769), "v"],
        "ERR max key size exceeded. Limit: 32768 bytes, Actual: 32769 bytes",
      ],
      [
        ["MSET", "a", "v", "x".repeat(40_000), "v"],
        "ERR max key size exceeded. Limit: 32768 bytes, Actual: 40000 bytes",
      ],
      [["GET"], "ERR wrong number of arguments for 'get' command"],
      [["SET", "k", "v", "EX", "0"], "ERR invalid expire time in 'set' command"],
    ])("%.60j is refused, alone and in a pipeline", async (command, text) => {
      expect(await json(post("/", command))).toEqual([400, { error: text }]);
      expect(await json(post("/pipeline", [["SET", "p", "1"], command]))).toEqual([
        200,
        [{ result: "OK" }, { error: text }],
      ]);
    });

    test("a transaction with a command that cannot be queued does nothing", async () => {
      const discarded = [400, { error: "EXECABORT Transaction discarded because of previous errors." }];
      expect(await json(post("/multi-exec", [["SET", "k", "v"], ["GET"]]))).toEqual(discarded);
      expect(await json(post("/multi-exec", [["SET", "k", "v"], ["NOSUCH"]]))).toEqual([
        400,
        {
          error:
            "ERR Command is not available: 'NOSUCH'. See https://upstash.com/docs/redis/overall/rediscompatibility for details",
        },
      ]);
      expect((await post("/multi-exec", [["SET", "k", "v"], ["MULTI"]])).status).toBe(400);
      expect(await redis.exists("k")).toBe(0);
    });

    test("what has a fixed answer has it in a transaction too", async () => {
      const commands = [["SELECT", "0"], ["SET", "k", "v"], ["COMMAND"], ["GET", "k"]];
      const replies = [{ result: "OK" }, { result: "OK" }, { result: [] }, { result: "v" }];
      expect(await json(post("/multi-exec", commands))).toEqual([200, replies]);
      expect(await json(post("/pipeline", commands))).toEqual([200, replies]);
    });

    test("transactions do not mix with what runs beside them", async () => {
      const runs = Array.from({ length: 50 }, (_, index) => [
        post("/multi-exec", [
          ["SET", "k", `${index}`],
          ["GET", "k"],
          ["APPEND", "k", "!"],
          ["GET", "k"],
        ]),
        post("/", ["SET", "k", "other"]),
      ]).flat();
      const answers = await Promise.all((await Promise.all(runs)).map((response) => response.json()));
      answers.forEach((answer, index) => {
        const value = `${index / 2}`;
        if (index % 2 === 0) {
          expect(answer).toEqual([
            { result: "OK" },
            { result: value },
            { result: value.length + 1 },
            { result: `${value}!` },
          ]);
        }
      });
    });
  });

  describe("limits", () => {
    const tooLarge = (actual: number): unknown[] => [
      400,
      {
        error:
          `ERR max request size exceeded. Limit: 10485760 bytes, Actual: ${actual} bytes. ` +
          "See https://upstash.com/docs/redis/troubleshooting/max_request_size_exceeded for details",
      },
    ];

    test("a body of 10 MiB is taken, one more byte is answered, and the connection lives on", async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      let sockets = 0;
      const put = (size: number, token: string = TOKEN): Promise<unknown> =>
        new Promise((resolve, reject) => {
          const outgoing = httpRequest(`${url}/set/k`, {
            method: "POST",
            agent,
            headers: { authorization: `Bearer ${token}` },
          });
          outgoing.on("socket", (socket) => socket.listenerCount("connect") > 0 && sockets++);
          outgoing.on("error", reject);
          outgoing.on("response", (incoming) => {
            const pieces: Buffer[] = [];
            incoming.on("data", (piece: Buffer) => pieces.push(piece));
            incoming.on("end", () =>
              resolve([incoming.statusCode, JSON.parse(Buffer.concat(pieces).toString())]),
            );
          });
          outgoing.end(new Uint8Array(size));
        });
      try {
        expect(await put(10_485_760)).toEqual([200, { result: "OK" }]);
        expect(await put(10_485_761)).toEqual(tooLarge(10_485_761));
        expect(await put(30_000_000)).toEqual(tooLarge(30_000_000));
        const unauthorized = [401, { error: "WRONGPASS invalid or missing auth token" }];
        expect(await put(30_000_000, "wrong")).toEqual(unauthorized);
        expect(await put(10)).toEqual([200, { result: "OK" }]);
        expect(sockets).toBe(1);
      } finally {
        agent.destroy();
      }
    });

    test("a response above 10 MiB is refused", async () => {
      const half = new Uint8Array(6_000_000).fill(0x61);
      await send("/set/k", { method: "POST", body: half });
      expect((await send("/get/k")).status).toBe(200);
      expect(
        await json(
          post("/pipeline", [
            ["GET", "k"],
            ["GET", "k"],
          ]),
        ),
      ).toEqual(tooLarge(12_000_000));
      await send("/append/k", { method: "POST", body: half });
      expect(await json(send("/get/k"))).toEqual(tooLarge(12_000_000));
      expect(await json(send("/getrange/k/11999999/-1"))).toEqual([200, { result: "a" }]);
    });
  });

  describe("connections", () => {
    const raw = (bytes: string): Promise<string> =>
      new Promise((resolve) => {
        let answer = "";
        const socket = createConnection(Number(new URL(url).port), "127.0.0.1", () => socket.write(bytes));
        socket.on("data", (piece: Buffer) => {
          answer += piece.toString();
          socket.end();
        });
        socket.on("close", () => resolve(answer)).on("error", () => undefined);
      });

    test("what no Request may be is 400, what is no HTTP ends, and the next is served", async () => {
      const answer = await raw("TRACE /ping HTTP/1.1\r\nhost: localhost\r\n\r\n");
      expect(answer).toMatch(/^HTTP\/1\.1 400 [^]*\r\n\r\n[^]*{"error":"ERR malformed request"}/);
      expect(await raw("\x16\x03\x01 hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 /);
      expect(
        await raw(`GET /ping HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`),
      ).toContain('{"result":"PONG"}');
    });

    test("a client that goes away in the middle of its body changes nothing", async () => {
      for (const token of [TOKEN, "wrong"]) {
        for (const length of [0, 1, 70_000]) {
          await new Promise((resolve) => {
            const head = `POST /set/k HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-length: 100000\r\n\r\n`;
            const socket = createConnection(Number(new URL(url).port), "127.0.0.1", () => {
              socket.write(head + "x".repeat(length), () => socket.destroy());
            });
            socket.on("close", resolve).on("error", () => undefined);
          });
        }
      }
      expect(await redis.exists("k")).toBe(0);
    });
  });

  describe("scripts", () => {
    const script = "#!lua flags=allow-key-locking,no-writes\nreturn {{ok='OK'}, KEYS[1], {ARGV[1], 7}}";
    const sha = createHash("sha1").update(script).digest("hex");

    test.skipIf(kind === "embedded")("Upstash's own flag does not reach Redis", async () => {
      const value = ["OK", "k", ["a", 7]];
      expect(await json(post("/", ["EVALSHA", sha, 1, "k", "a"]))).toEqual([
        400,
        { error: expect.stringMatching(/^NOSCRIPT/) },
      ]);
      expect(await json(post("/", ["SCRIPT", "EXISTS", sha]))).toEqual([200, { result: [0] }]);
      expect(await json(post("/", ["EVAL", script, 1, "k", "a"]))).toEqual([200, { result: value }]);
      expect(await json(post("/", ["EVALSHA", sha, 1, "k", "a"]))).toEqual([200, { result: value }]);
      expect(await json(post("/", ["EVALSHA", sha.toUpperCase(), 1, "k", "a"]))).toEqual([
        200,
        { result: value },
      ]);
      expect(await json(post("/", ["SCRIPT", "LOAD", script]))).toEqual([200, { result: sha }]);
      expect(await json(post("/", ["SCRIPT", "EXISTS", sha]))).toEqual([200, { result: [1] }]);
      expect(
        await json(
          post("/multi-exec", [
            ["SCRIPT", "LOAD", script],
            ["EVALSHA", sha, 1, "k", "a"],
          ]),
        ),
      ).toEqual([200, [{ result: sha }, { result: value }]]);
      expect(await json(post("/", ["EVAL", script, 1, "k", "a"], { "upstash-encoding": "base64" }))).toEqual([
        200,
        { result: ["T0s=", "aw==", ["YQ==", 7]] },
      ]);
      expect(await redis.createScript(script).exec(["k"], ["a"])).toEqual(value);
      // Other flags stay: this one forbids what the script does.
      const writes = "#!lua flags=no-writes,allow-key-locking\nreturn redis.call('SET', KEYS[1], '1')";
      expect(await json(post("/", ["EVAL", writes, 1, "k"]))).toEqual([
        400,
        { error: expect.stringContaining("Write commands are not allowed") },
      ]);
    });

    test("a raw body is a script's last argument", async () => {
      const path = `/eval/${encodeURIComponent("return redis.call('SET', KEYS[1], ARGV[1])")}/1/k`;
      const response = await send(path, { method: "POST", body: ALL_BYTES });
      if (kind === "embedded") {
        expect(await json(response)).toEqual([
          400,
          { error: expect.stringMatching(/^ERR the embedded backend has no EVAL: a redis-server /) },
        ]);
        return;
      }
      expect(response.status).toBe(200);
      const raw = await send("/get/k", { headers: { "upstash-response-format": "resp2" } });
      expect(readResp(new Uint8Array(await raw.arrayBuffer()))).toEqual({ kind: "bulk", bytes: ALL_BYTES });
    });
  });

  test("fetch answers without a socket", async () => {
    const request = new Request("https://anything.example/get/k", {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(await json(server.fetch(request))).toEqual([200, { result: null }]);
  });
});

describe("switches", () => {
  const call = async (options: DevServerOptions, path: string, init: RequestInit): Promise<Response> => {
    const server = await createDevServer({ backend: "embedded", token: TOKEN, ...options });
    try {
      return await server.fetch(
        new Request(`http://x${path}`, {
          ...init,
          headers: { authorization: `Bearer ${TOKEN}`, ...init.headers },
        }),
      );
    } finally {
      await server.close();
    }
  };

  test("noResp2 answers in JSON", async () => {
    const response = await call({ noResp2: true }, "/ping", {
      headers: { "upstash-response-format": "resp2" },
    });
    expect([response.status, await response.text()]).toEqual([200, '{"result":"PONG"}']);
  });

  test("noRawBody refuses a command in the path that has a body", async () => {
    expect((await call({ noRawBody: true }, "/set/k", { method: "POST", body: "v" })).status).toBe(400);
    expect((await call({ noRawBody: true }, "/set/k/v", { method: "POST" })).status).toBe(200);
    expect((await call({ noRawBody: true }, "/", { method: "POST", body: '["SET","k","v"]' })).status).toBe(
      200,
    );
  });

  test("noScripts refuses scripts as what is not there", async () => {
    const response = await call({ noScripts: true }, "/", { method: "POST", body: '["EVAL","return 1",0]' });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("Command is not available: 'EVAL'"),
    ]);
  });

  test("noSyncToken sends none", async () => {
    expect((await call({ noSyncToken: true }, "/ping", {})).headers.has("upstash-sync-token")).toBe(false);
    expect((await call({}, "/ping", {})).headers.has("upstash-sync-token")).toBe(true);
  });

  test("the limits can be set", async () => {
    const response = await call({ maxRequestSize: 10 }, "/set/k", { method: "POST", body: "12345678901" });
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining("Limit: 10 bytes, Actual: 11 bytes"),
    ]);
    const long = await call({ maxResponseSize: 3 }, "/echo/1234", {});
    expect([long.status, await long.text()]).toEqual([
      400,
      expect.stringContaining("Limit: 3 bytes, Actual: 4 bytes"),
    ]);
  });
});

describe("options", () => {
  test.each([
    [{ backend: "redis" }, TypeError],
    [{ backend: "embedded", redis: "redis://127.0.0.1" }, TypeError],
    [{ redis: "http://127.0.0.1" }, TypeError],
    [{ redis: "redis://127.0.0.1/x" }, TypeError],
    [{ redis: "127.0.0.1:6379" }, TypeError],
    [{ redis: "redis://%ff:x@127.0.0.1" }, TypeError],
    [{ token: "" }, TypeError],
    [{ token: [] }, TypeError],
    [{ token: "a b" }, TypeError],
    [{ maxRequestSize: 0 }, RangeError],
    [{ maxResponseSize: 1.5 }, RangeError],
  ])("%j is refused", async (options, type) => {
    await expect(createDevServer(options as DevServerOptions)).rejects.toThrow(type);
  });

  test.each([
    [{ backend: 5 }, /^"backend" must be a string, got number$/],
    [{ backend: "redis" }, /^"backend" must be one of auto, redis-server, embedded, got "redis"$/],
    [{ redis: 6379 }, /^"redis" must be a string, got number$/],
    [{ redis: "http://:secret@h" }, /^"redis" must be redis:\/\/.*, got another text$/],
    [{ token: 5 }, /^"token" must be a string or an array of strings, got number$/],
    [{ token: ["a", 5] }, /^"token" must be a string, got number$/],
    [{ token: "se cret" }, /^"token" must be visible ASCII without spaces, got other characters or none$/],
    [{ token: [] }, /^"token" must hold at least one token/],
    [{ maxRequestSize: "10" }, /^"maxRequestSize" must be a number, got string$/],
    [{ maxRecordSize: -1 }, /^"maxRecordSize" must be an integer from 1 to \d+, got -1$/],
    [{ noResp2: "yes" }, /^"noResp2" must be a boolean, got string$/],
    [{ tokens: "t" }, /^"tokens" is not an option: did you mean "token"\?$/],
    [{ readonlyToken: "t" }, /^"readonlyToken" is not an option: did you mean "readOnlyToken"\?$/],
    [{ port: 8079 }, /^"port" is not an option: the options are backend, redis, token, /],
    [null, /^"options" must be a plain object, got null$/],
  ])("%j is refused by name, and no secret is shown", async (options, text) => {
    const refused = createDevServer(options as unknown as DevServerOptions);
    await expect(refused).rejects.toThrow(text);
    await expect(refused).rejects.not.toThrow("secret");
    await expect(refused).rejects.not.toThrow("se cret");
  });

  test("listen() refuses what it does not know, and can be called again", async () => {
    const server = await createDevServer({ backend: "embedded" });
    const listen = (options: unknown): Promise<unknown> => server.listen(options as { port?: number });
    await expect(listen({ prt: 1 })).rejects.toThrow('"prt" is not an option: did you mean "port"?');
    await expect(listen({ port: "8079" })).rejects.toThrow('"port" must be a number, got string');
    await expect(listen({ port: 65_536 })).rejects.toThrow('"port" must be an integer from 0 to 65535');
    await expect(listen({ port: undefined })).resolves.toMatchObject({ port: expect.any(Number) });
    await server.close();
  });

  test("a random token is different each time", async () => {
    const servers = await Promise.all([1, 2].map(() => createDevServer({ backend: "embedded" })));
    expect(servers[0]?.token).not.toBe(servers[1]?.token);
    await Promise.all(servers.map((server) => server.close()));
  });

  test("an unreachable Redis is an error that names it and no password", async () => {
    const error: unknown = await createDevServer({
      redis: `redis://u:secret@127.0.0.1:${await freePort()}`,
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ZstashError);
    expect(error).toMatchObject({
      code: "REDIS",
      message: expect.stringMatching(/^Cannot reach Redis at 127\.0\.0\.1:\d+: ECONNREFUSED$/),
    });
  });

  test.each([
    ["speaks HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", /a type byte is one of/],
    ["says nothing", "", /no answer in 50 ms/],
    ["stops inside a reply", "+PO", /no answer in 50 ms/],
  ])("what listens and %s is no Redis", async (_, answer, reason) => {
    const impostor = createServer(
      (socket) =>
        void socket
          .on("error", () => undefined)
          .resume()
          .write(answer),
    );
    await new Promise<void>((resolve) => impostor.listen(0, "127.0.0.1", resolve));
    const { port } = impostor.address() as AddressInfo;
    await expect(connectRedis(`redis://127.0.0.1:${port}`, 50)).rejects.toThrow(reason);
    await new Promise((resolve) => impostor.close(resolve));
  });

  test("a taken port is the system's error, and the server can still be closed", async () => {
    const [one, two] = await Promise.all([1, 2].map(() => createDevServer({ backend: "embedded" })));
    const address = await one?.listen();
    await expect(two?.listen({ port: address?.port ?? 0 })).rejects.toMatchObject({ code: "EADDRINUSE" });
    await expect(one?.listen()).rejects.toThrow("Cannot listen");
    await Promise.all([one?.close(), two?.close(), one?.close()]);
    await expect(two?.listen()).rejects.toThrow("Cannot listen");
    await expect(fetch(`${address?.url}/ping`)).rejects.toThrow("fetch failed");
  });
});

describe.skipIf(ownRedis === undefined)("on a real Redis", () => {
  test("a wrong password is an error", async () => {
    const error = createDevServer({ redis: `redis://:wrong@127.0.0.1:${redisPort}` });
    await expect(error).rejects.toThrow(/^Cannot reach Redis at 127\.0\.0\.1:\d+: WRONGPASS/);
    await expect(createDevServer({ redis: `redis://127.0.0.1:${redisPort}` })).rejects.toThrow("NOAUTH");
  });

  test("a lost Redis is 502 in JSON, and the next one that comes is used", async () => {
    const server = await createDevServer({ redis: redisUrl, token: TOKEN });
    const ping = async (): Promise<unknown> => {
      const response = await server.fetch(
        new Request("http://x/ping", { headers: { authorization: `Bearer ${TOKEN}` } }),
      );
      return [response.status, await response.json()];
    };
    try {
      expect(await ping()).toEqual([200, { result: "PONG" }]);
      await ownRedis?.stop("SIGKILL");
      const lost = [502, { error: expect.stringMatching(/^ERR Cannot reach Redis at 127\.0\.0\.1:\d+: /) }];
      expect(await ping()).toEqual(lost);
      expect(await Promise.all([ping(), ping()])).toEqual([lost, lost]);
      ownRedis = await startOwnRedis();
      expect(await ping()).toEqual([200, { result: "PONG" }]);
    } finally {
      await server.close();
    }
    expect(await ping()).toEqual([502, { error: expect.stringContaining("the server is closed") }]);
  });

  test("close() ends the redis-server it started", async () => {
    const server = await createDevServer({ backend: "redis-server" });
    const port = Number(/:(\d+)/.exec(server.backend.description)?.[1]);
    const connects = (): Promise<boolean> =>
      new Promise((resolve) => {
        const socket = createConnection(port, "127.0.0.1");
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      });
    expect(await connects()).toBe(true);
    await server.close();
    expect(await connects()).toBe(false);
    await server.close();
  });
});
