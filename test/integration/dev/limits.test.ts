/** Limits of the local server: sizes of keys, requests, responses and records, and read-only tokens. */
import { Agent, request as httpRequest } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, DevServerOptions } from "../../../src/dev/index.ts";
import { RespParser } from "../../../src/rest/resp.ts";
import type { RespValue } from "../../../src/rest/resp.ts";
import { READER, startBackends, TOKEN } from "./rig.ts";

const TOO_LARGE = "ERR max single record size exceeded";
const RECORD = 1_000;

const { cases } = await startBackends();

const text = (size: number): string => "v".repeat(size);

describe.each(cases)("limits and tokens on %s", (_, options) => {
  let server: DevServer;
  let url: string;

  const post = async (
    path: string,
    body: unknown,
    token: string = TOKEN,
    headers: Record<string, string> = {},
  ): Promise<unknown> => {
    const response = await server.fetch(
      new Request(`http://x${path}`, {
        method: "POST",
        body: body instanceof Uint8Array ? body.slice() : JSON.stringify(body),
        headers: { authorization: `Bearer ${token}`, ...headers },
      }),
    );
    return [response.status, await response.json()];
  };
  const run = (...command: unknown[]): Promise<unknown> => post("/", command);

  beforeAll(async () => {
    server = await createDevServer({
      ...options,
      token: [TOKEN, "second"],
      readOnlyToken: [READER, "other-reader"],
      maxRecordSize: RECORD,
    });
    ({ url } = await server.listen());
  });
  beforeEach(async () => void (await run("FLUSHALL")));
  afterAll(() => server.close());

  describe("keys in the path", () => {
    test.each([
      ["%FF", 1],
      ["%00", 1],
      ["%C3%A9", 2],
      ["%2F", 1],
      ["k", 1],
    ])("32,768 bytes of %s are a key, one more byte is refused", async (piece, size) => {
      const key = piece.repeat(32_768 / size);
      const headers = { authorization: `Bearer ${TOKEN}` };
      const call = async (path: string, init: RequestInit = {}): Promise<unknown> => {
        const response = await fetch(url + path, { ...init, headers });
        return [response.status, await response.json()];
      };
      expect(await call(`/set/${key}?EX=100`, { method: "POST", body: "value" })).toEqual([
        200,
        { result: "OK" },
      ]);
      expect(await call(`/get/${key}`)).toEqual([200, { result: "value" }]);
      expect(await call(`/mget/${key}/${key}/${key}`)).toEqual([
        200,
        { result: ["value", "value", "value"] },
      ]);
      const refused = { error: "ERR max key size exceeded. Limit: 32768 bytes, Actual: 32769 bytes" };
      expect(await call(`/set/${key}k`, { method: "POST", body: "value" })).toEqual([400, refused]);
      expect(await call(`/get/k${key}`)).toEqual([400, refused]);
      expect(await call("/dbsize")).toEqual([200, { result: 1 }]);
    });
  });

  describe("the record limit", () => {
    test.each([
      [["SET", "k", text(RECORD + 1)]],
      [["SET", "k", text(RECORD + 1), "NX", "EX", 10]],
      [["SETNX", "k", text(RECORD + 1)]],
      [["GETSET", "k", text(RECORD + 1)]],
      [["SETEX", "k", 10, text(RECORD + 1)]],
      [["psetex", "k", 10_000, text(RECORD + 1)]],
      [["MSET", "a", "1", "k", text(RECORD + 1)]],
      [["MSETNX", "k", text(RECORD + 1), "a", "1"]],
      [["SETRANGE", "k", RECORD, "v"]],
      [["SETRANGE", "k", RECORD - 10, text(11)]],
      [["SETBIT", "k", RECORD * 8, 1]],
      [["APPEND", "k", text(RECORD + 1)]],
    ])("%.40j would pass it: refused alone, in a pipeline and in a transaction", async (command) => {
      expect(await run(...command)).toEqual([400, { error: TOO_LARGE }]);
      expect(await post("/pipeline", [["SET", "p", "1"], command, ["GET", "p"]])).toEqual([
        200,
        [{ result: "OK" }, { error: TOO_LARGE }, { result: "1" }],
      ]);
      expect(await post("/multi-exec", [["SET", "t", "1"], command])).toEqual([400, { error: TOO_LARGE }]);
      expect(await run("EXISTS", "a", "k", "t")).toEqual([200, { result: 0 }]);
    });

    test("what reaches it is taken", async () => {
      const commands = [
        ["SET", "k", text(RECORD)],
        ["SETRANGE", "k", RECORD - 1, "w"],
        ["SETRANGE", "k", RECORD * 2, ""],
        ["SETBIT", "k", RECORD * 8 - 1, 1],
        ["APPEND", "k", ""],
        ["MSET", text(RECORD * 2), "1", "k", text(RECORD)],
        ["HSET", "h", "f", text(RECORD * 2)],
      ];
      expect(await post("/pipeline", commands)).toEqual([
        200,
        ["OK", RECORD, RECORD, 1, RECORD, "OK", 1].map((result) => ({ result })),
      ]);
    });

    test("APPEND counts what is there, in the middle of a pipeline and of a transaction", async () => {
      const commands = [
        ["APPEND", "k", text(RECORD - 2)],
        ["APPEND", "k", "ww"],
        ["APPEND", "k", "x"],
        ["APPEND", "k"],
        ["STRLEN", "k"],
      ];
      expect(await post("/pipeline", commands)).toEqual([
        200,
        [
          { result: RECORD - 2 },
          { result: RECORD },
          { error: TOO_LARGE },
          { error: "ERR wrong number of arguments for 'append' command" },
          { result: RECORD },
        ],
      ]);
      expect(
        await post("/multi-exec", [
          ["DEL", "k"],
          ["APPEND", "k", "1"],
          ["APPEND", "k", text(RECORD)],
          ["APPEND", "k", "2"],
          ["GET", "k"],
        ]),
      ).toEqual([200, [{ result: 1 }, { result: 1 }, { error: TOO_LARGE }, { result: 2 }, { result: "12" }]]);
      await run("LPUSH", "list", "1");
      expect(await run("APPEND", "list", "x")).toEqual([
        400,
        { error: "WRONGTYPE Operation against a key holding the wrong kind of value" },
      ]);
    });

    test("a raw body counts too, byte for byte", async () => {
      expect(await post("/set/k", new Uint8Array(RECORD + 1))).toEqual([400, { error: TOO_LARGE }]);
      expect(await post("/set/k", new Uint8Array(RECORD))).toEqual([200, { result: "OK" }]);
      expect(await post("/append/k", Uint8Array.of(255))).toEqual([400, { error: TOO_LARGE }]);
      expect(await post("/append/none", Uint8Array.of(255, 0))).toEqual([200, { result: 2 }]);
      expect(await post("/get/none", [], TOKEN, { "upstash-encoding": "base64" })).toEqual([
        400,
        { error: "ERR wrong number of arguments for 'get' command" },
      ]);
      expect(await post("/", ["GET", "none"], TOKEN, { "upstash-encoding": "base64" })).toEqual([
        200,
        { result: "/wA=" },
      ]);
    });
  });

  describe("a read-only token", () => {
    const refusal = (name: string): { error: string } => ({
      error: `NOPERM this user has no permissions to run the '${name}' command`,
    });

    test.each([
      ["SET", "k", "w"],
      ["Del", "k"],
      ["GETEX", "k", "PERSIST"],
      ["GETDEL", "k"],
      ["EXPIRE", "k", 10],
      ["HSET", "h", "f", "v"],
      ["SETRANGE", "k", 0, "x"],
      ["COPY", "k", "copy"],
      ["RANDOMKEY"],
      ["EVAL", "return 1", 0],
      // Neither of these two backends can hold a script to reading what it names.
      ["EVAL_RO", "return 1", 0],
      ["EVALSHA", "0".repeat(40), 0],
      ["SCRIPT", "LOAD", "return 1"],
      ["FCALL", "f", 0],
      ["FUNCTION", "FLUSH"],
      ["SCAN", 0],
      ["KEYS", "*"],
      ["PUBLISH", "c", "m"],
      ["FLUSHALL"],
      ["ACL", "WHOAMI"],
      ["CONFIG", "GET", "notify-keyspace-events"],
      ["JSON.SET", "k", "$", "1"],
    ])("may not %s", async (...command) => {
      await run("SET", "k", "v", "EX", 100);
      const refused = refusal(String(command[0]).toLowerCase());
      for (const token of [READER, "other-reader"])
        expect(await post("/", command, token)).toEqual([400, refused]);
      expect(await post("/pipeline", [["GET", "k"], command, ["TTL", "k"]], READER)).toEqual([
        200,
        [{ result: "v" }, refused, { result: 100 }],
      ]);
      expect(await post("/multi-exec", [["GET", "k"], command], READER)).toEqual([400, refused]);
      expect(await run("GET", "k")).toEqual([200, { result: "v" }]);
    });

    test("may read, in every way", async () => {
      await run("SET", "k", "v");
      await run("HSET", "h", "f", "v");
      const commands = [
        ["GET", "k"],
        ["mget", "k", "x"],
        ["HGETALL", "h"],
        ["STRLEN", "k"],
        ["SELECT", 0],
      ];
      const replies = ["v", ["v", null], ["f", "v"], 1, "OK"].map((result) => ({ result }));
      expect(await post("/pipeline", commands, READER)).toEqual([200, replies]);
      expect(await post("/multi-exec", commands, READER)).toEqual([200, replies]);
      const query = await server.fetch(new Request(`http://x/get/k?_token=${READER}`));
      expect([query.status, await query.json()]).toEqual([200, { result: "v" }]);
      const write = await server.fetch(new Request(`http://x/set/k/w?_token=${READER}`));
      expect([write.status, await write.json()]).toEqual([400, refusal("set")]);
    });

    test("refusals come in RESP2 too", async () => {
      const response = await server.fetch(
        new Request("http://x/pipeline", {
          method: "POST",
          body: '[["GET","none"],["INCR","n"]]',
          headers: { authorization: `Bearer ${READER}`, "upstash-response-format": "resp2" },
        }),
      );
      expect(await response.text()).toBe(`$-1\r\n-${refusal("incr").error}\r\n`);
    });

    test("is not the server's token, and not one of the others", async () => {
      expect(server.token).toBe(TOKEN);
      expect(await post("/", ["SET", "k", "v"], "second")).toEqual([200, { result: "OK" }]);
      await expect(createDevServer({ ...options, token: "a", readOnlyToken: "a" })).rejects.toThrow(
        TypeError,
      );
      await expect(createDevServer({ ...options, readOnlyToken: "" })).rejects.toThrow(/^"readOnlyToken"/);
      await expect(createDevServer({ ...options, maxRecordSize: 0 })).rejects.toThrow(RangeError);
    });
  });
});

describe.each(cases)("large replies on %s", (_, options) => {
  const SIZE = 24 * 1024 * 1024;
  const value = Uint8Array.from({ length: SIZE }, (_byte, index) => (index * 2_654_435_761) >>> 13);
  let server: DevServer;
  let url: string;
  const headers = { authorization: `Bearer ${TOKEN}`, "upstash-response-format": "resp2" };

  beforeAll(async () => {
    server = await createDevServer({
      ...options,
      token: TOKEN,
      maxRequestSize: 2 * SIZE,
      maxResponseSize: 4 * SIZE,
    });
    ({ url } = await server.listen());
    await fetch(`${url}/set/k`, { method: "POST", body: value, headers });
  });
  afterAll(() => server.close());

  const read = async (
    response: Response,
  ): Promise<{ replies: RespValue[]; largest: number; size: number }> => {
    const parser = new RespParser();
    const replies: RespValue[] = [];
    let [largest, size] = [0, 0];
    for await (const piece of response.body ?? []) {
      replies.push(...parser.push(piece));
      [largest, size] = [Math.max(largest, piece.length), size + piece.length];
    }
    parser.end();
    return { replies, largest, size };
  };
  const equals = (reply: RespValue | undefined, bytes: Uint8Array): boolean =>
    reply?.kind === "bulk" && reply.bytes !== null && Buffer.compare(reply.bytes, bytes) === 0;

  test("arrive in pieces, with their length in the head", async () => {
    const response = await server.fetch(new Request("http://x/get/k", { headers }));
    const { replies, largest, size } = await read(response);
    expect(response.headers.get("content-length")).toBe(`${size}`);
    expect(largest).toBeLessThan(1024 * 1024);
    expect([replies.length, equals(replies[0], value)]).toEqual([1, true]);
  });

  test("keep their order among small ones, over a socket", async () => {
    const commands = [
      ["ECHO", "first"],
      ["GET", "k"],
      ["GET", "none"],
      ...Array.from({ length: 3_000 }, (_item, index) => ["ECHO", `${index}`.repeat(100)]),
      ["GET", "k"],
      ["DBSIZE"],
    ];
    const response = await fetch(`${url}/pipeline`, {
      method: "POST",
      headers,
      body: JSON.stringify(commands),
    });
    const { replies } = await read(response);
    expect(replies.length).toBe(commands.length);
    commands.forEach(([name, argument], index) => {
      const reply = replies[index];
      if (name === "ECHO") expect(equals(reply, Buffer.from(argument ?? ""))).toBe(true);
      else if (argument === "k") expect(equals(reply, value)).toBe(true);
      else
        expect(reply).toEqual(name === "GET" ? { kind: "bulk", bytes: null } : { kind: "integer", value: 1 });
    });
  });

  test("wait for a slow reader, and one that leaves does no harm", async () => {
    const slow = await fetch(`${url}/get/k`, { headers });
    const gone = await fetch(`${url}/get/k`, { headers });
    await gone.body?.cancel();
    const head = await fetch(`${url}/get/k`, { method: "HEAD", headers });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const { replies } = await read(slow);
    expect(equals(replies[0], value)).toBe(true);
  });

  test("a refused body leaves its connection to the next request, in chunks too", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const put = (size: number): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const outgoing = httpRequest(`${url}/set/b`, { method: "POST", agent, headers });
        outgoing.on("error", reject);
        outgoing.on("response", (incoming) => {
          ports.add(incoming.socket.localPort);
          incoming.setEncoding("utf8").on("data", (body: string) => resolve([incoming.statusCode, body]));
          incoming.resume();
        });
        // Without a length: chunked.
        for (let sent = 0; sent < size; sent += SIZE / 4) outgoing.write(new Uint8Array(SIZE / 4));
        outgoing.end();
      });
    try {
      expect(await put(3 * SIZE)).toEqual([
        400,
        expect.stringContaining(
          `"ERR max request size exceeded. Limit: ${2 * SIZE} bytes, Actual: ${3 * SIZE} bytes`,
        ),
      ]);
      expect(await put(SIZE / 4)).toEqual([200, "+OK\r\n"]);
      expect(ports.size).toBe(1);
    } finally {
      agent.destroy();
    }
  });
});

describe("pages of allowed origins", () => {
  const ORIGIN = "https://page.example";
  const call = async (path: string, init: RequestInit, options: DevServerOptions = {}): Promise<Response> => {
    const server = await createDevServer({
      backend: "embedded",
      token: TOKEN,
      origins: [ORIGIN],
      ...options,
    });
    const headers = { origin: ORIGIN, ...(init.headers as Record<string, string>) };
    try {
      return await server.fetch(new Request(`http://x${path}`, { ...init, headers }));
    } finally {
      await server.close();
    }
  };
  const asked =
    "authorization,content-type,upstash-encoding,upstash-response-format,upstash-sync-token,x-own";

  test.each(["/", "/pipeline", "/multi-exec", "/set/k", "/subscribe/c"])("preflight of %s", async (path) => {
    const response = await call(path, {
      method: "OPTIONS",
      headers: {
        "access-control-request-method": "POST",
        "access-control-request-headers": asked,
        "access-control-request-private-network": "true",
      },
    });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(response.headers.get("vary")).toBe("Origin");
    expect(response.headers.get("access-control-allow-headers")).toBe(asked);
    expect(response.headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST, PUT");
    expect(response.headers.get("access-control-allow-private-network")).toBe("true");
  });

  test.each([
    ["an answer", "/ping", { headers: { authorization: `Bearer ${TOKEN}` } }, 200],
    ["a failed command", "/get", { headers: { authorization: `Bearer ${TOKEN}` } }, 400],
    ["a wrong token", "/ping", { headers: { authorization: "Bearer x" } }, 401],
    ["a wrong method", "/ping", { method: "DELETE" }, 405],
    [
      "a body too large",
      "/set/k",
      { method: "POST", body: "12345", headers: { authorization: `Bearer ${TOKEN}` } },
      400,
    ],
    [
      "events",
      "/subscribe/c",
      { headers: { authorization: `Bearer ${TOKEN}`, accept: "text/event-stream" } },
      200,
    ],
  ])("%s can be read, and its sync token", async (_, path, init, status) => {
    const response = await call(path, init, { maxRequestSize: 4 });
    expect(response.status).toBe(status);
    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(response.headers.get("vary")).toBe("Origin");
    expect(response.headers.get("access-control-expose-headers")).toBe("upstash-sync-token");
    expect(response.headers.get("upstash-sync-token")).toMatch(/./);
    const without = await call(path, init, { maxRequestSize: 4, noSyncToken: true });
    expect(without.headers.has("upstash-sync-token")).toBe(false);
  });

  test("noResp2 ignores the header whatever it says, and base64 stays", async () => {
    for (const format of ["resp2", "json", "anything"]) {
      const headers = { authorization: `Bearer ${TOKEN}`, "upstash-response-format": format };
      const plain = await call("/echo/%C3%A9", { headers }, { noResp2: true });
      expect([plain.status, await plain.text()]).toEqual([200, '{"result":"é"}']);
      const encoded = { ...headers, "upstash-encoding": "base64" };
      const base64 = await call("/echo/%C3%A9", { headers: encoded }, { noResp2: true });
      expect([base64.status, await base64.text()]).toEqual([200, '{"result":"w6k="}']);
    }
  });

  test.each([
    ["EVAL", "return 1", 0],
    ["evalsha", "x", 0],
    ["EVAL_RO", "return 1", 0],
    ["EVALSHA_RO", "x", 0],
    ["SCRIPT", "LOAD", "x"],
    ["FCALL", "f", 0],
    ["FCALL_RO", "f", 0],
    ["FUNCTION", "LIST"],
  ])("noScripts refuses %s, in a pipeline and in a transaction", async (...command) => {
    const error = `ERR Command is not available: '${String(command[0]).toUpperCase()}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`;
    const init = (body: unknown): RequestInit => ({
      method: "POST",
      body: JSON.stringify(body),
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const single = await call("/", init(command), { noScripts: true });
    expect([single.status, await single.json()]).toEqual([400, { error }]);
    const pipeline = await call("/pipeline", init([["PING"], command]), { noScripts: true });
    expect([pipeline.status, await pipeline.json()]).toEqual([200, [{ result: "PONG" }, { error }]]);
    const transaction = await call("/multi-exec", init([["PING"], command]), { noScripts: true });
    expect([transaction.status, await transaction.json()]).toEqual([400, { error }]);
  });

  test("noRawBody leaves JSON and empty bodies alone, and subscriptions, whose body says nothing", async () => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const options = { noRawBody: true };
    const statuses = await Promise.all(
      [
        ["/set/k", "v", {}],
        ["/pipeline", '[["SET","k","v"]]', {}],
        ["/multi-exec", '[["SET","k","v"]]', {}],
        ["/set/k/v", "", {}],
        ["/subscribe/c", "[]", { accept: "text/event-stream" }],
      ].map(async ([path, body, more]) => {
        const init = { method: "POST", body: body as string, headers: { ...headers, ...(more as object) } };
        return (await call(path as string, init, options)).status;
      }),
    );
    expect(statuses).toEqual([400, 200, 200, 200, 200]);
  });
});
