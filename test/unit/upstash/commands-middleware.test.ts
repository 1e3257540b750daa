import { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, test } from "vitest";
import { loadZstd, type Zstd } from "../../../src/codec/zstd.ts";
import { ZstashError } from "../../../src/errors.ts";
import {
  compressionMiddleware,
  withCompression,
  zstashCode,
  type CommandReply,
  type CommandRequest,
  type CompressionOptions,
} from "../../../src/upstash/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";

const text = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, name: `name ${id}` })));
let zstd: Zstd;
let frame = "";
beforeAll(async () => {
  zstd = await loadZstd();
  frame = toTextCarrier(zstd.compress(text));
});

/** Sends a request through the middleware; what arrived below it, and what came out above. */
async function send(
  request: CommandRequest,
  reply: unknown = { result: "OK" },
  options: CompressionOptions = {},
): Promise<{ sent: CommandRequest; answer: unknown }> {
  let sent: CommandRequest | undefined;
  const middleware = compressionMiddleware({ zstd, ...options });
  const answer = await middleware(request, (below) => {
    sent = below;
    return Promise.resolve(reply as CommandReply);
  });
  return { sent: sent!, answer };
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(freeze);
  return value;
}

/** The mark on a request whose values are taken care of. */
const compressed = Symbol.for("zstash.compressed");

describe("a request", () => {
  test.each<[string, CommandRequest]>([
    ["without values", { body: ["incr", "k"] }],
    ["with a small value", { body: ["set", "k", "small"] }],
    ["with a number", { body: ["set", "k", 12345] }],
    ["with a boolean", { body: ["set", "k", true] }],
    ["with null for undefined", { body: ["set", "k", undefined] }],
    [
      "of a pipeline without large values",
      {
        path: ["pipeline"],
        body: [
          ["set", "k", "v"],
          ["incr", "n"],
        ],
      } as CommandRequest,
    ],
    ["of a subscription", { path: ["subscribe", "c"], body: [], isStreaming: true } as CommandRequest],
    ["without a body", {}],
    ["with a body that is no array", { body: "set" }],
    ["with commands that are none", { body: [["get", "k"], null, "set", [], [7]] }],
  ])("%s goes on as the same object", async (_, request) => {
    const body = request.body as unknown[] | undefined;
    const reply = Array.isArray(body?.[0]) ? body.map(() => ({ result: "x" })) : { result: "x" };
    const { sent, answer } = await send(freeze(request), freeze(reply));
    expect(sent).toBe(request);
    expect(answer).toBe(reply);
  });

  test.each<[string, CommandRequest]>([
    ["of a read", { body: ["get", "k"] }],
    [
      "of a pipeline with a read",
      {
        path: ["pipeline"],
        body: [
          ["get", "k"],
          ["set", "k", "v"],
        ],
      } as CommandRequest,
    ],
  ])("%s goes on with its body, and says that its values are taken care of", async (_, request) => {
    const reply = Array.isArray((request.body as unknown[])[0])
      ? [{ result: "x" }, { result: "OK" }]
      : { result: "x" };
    const { sent, answer } = await send(freeze(request), freeze(reply));
    expect(sent).toEqual({ ...request, [compressed]: true });
    expect((sent.body as unknown[])[0]).toBe((request.body as unknown[])[0]);
    expect(answer).toBe(reply);
  });

  test.each([
    { body: ["get", "k"] },
    { body: ["set", "k", "zs1:KLUv/ is no frame"] },
    { body: [["mget", "k"]] },
  ])("whose values another middleware takes care of goes on as it is: %j", async (body) => {
    const request = freeze({ ...body, [compressed]: true });
    const reply = freeze({ result: frame });
    const { sent, answer } = await send(request, reply);
    expect(sent).toBe(request);
    expect(answer).toBe(reply);
  });

  test("with large values is copied, never changed, and keeps everything else", async () => {
    const { signal } = new AbortController();
    const untouched = ["set", "b", "small"];
    const request = {
      path: ["pipeline"],
      headers: { a: "b" },
      upstashSyncToken: "t",
      signal,
      body: [["set", "a", text, "EX", 10], untouched, ["hset", "h", "f", text, "g", 5]],
    };
    const before = structuredClone(request.body);
    const { sent } = await send(request, [{}, {}, {}]);
    expect(request.body).toEqual(before);
    expect(sent).toEqual({
      ...request,
      body: [["set", "a", frame, "EX", 10], untouched, ["hset", "h", "f", frame, "g", 5]],
      [compressed]: true,
    });
    expect((sent.body as unknown[])[1]).toBe(untouched);
    expect((sent as typeof request).signal).toBe(signal);
  });

  test("is sent in the same turn once the codec is there", () => {
    const middleware = compressionMiddleware({ zstd });
    let sent = false;
    void middleware({ body: ["set", "k", text] }, () => {
      sent = true;
      return Promise.resolve({ result: "OK" });
    });
    expect(sent).toBe(true);
  });

  test("of commands that this machine's Redis lacks is encoded by the table", async () => {
    const { sent } = await send({ body: ["hsetex", "k", "FNX", "EX", 10, "FIELDS", 2, "f", text, "g", "s"] });
    expect(sent.body).toEqual(["hsetex", "k", "FNX", "EX", 10, "FIELDS", 2, "f", frame, "g", "s"]);
  });
});

describe("a reply", () => {
  test.each<[unknown[], unknown, unknown]>([
    [["get", "k"], "FRAME", "TEXT"],
    [["get", "k"], null, null],
    [["get", "k"], 5, 5],
    [["set", "k", "v", "get"], "FRAME", "TEXT"],
    [
      ["mget", "a", "b", "c"],
      ["FRAME", null, "x"],
      ["TEXT", null, "x"],
    ],
    [
      ["hgetall", "k"],
      ["f", "FRAME", "FRAME", "x"],
      ["f", "TEXT", "FRAME", "x"],
    ],
    [["hgetall", "k"], [], []],
    [
      ["hgetex", "k", "FIELDS", 2, "f", "g"],
      ["FRAME", null],
      ["TEXT", null],
    ],
    [["hgetdel", "k", "FIELDS", 1, "f"], ["FRAME"], ["TEXT"]],
    [
      ["hrandfield", "k", 2, "WITHVALUES"],
      ["f", "FRAME"],
      ["f", "TEXT"],
    ],
    [["hrandfield", "k", 2], ["FRAME"], ["FRAME"]],
    [
      ["hscan", "k", 0],
      ["0", ["f", "FRAME"]],
      ["0", ["f", "TEXT"]],
    ],
    [
      ["hscan", "k", 0, "NOVALUES"],
      ["0", ["f", "FRAME"]],
      ["0", ["f", "FRAME"]],
    ],
    [["lrange", "k", 0, -1], ["FRAME"], ["FRAME"]],
    [["set", "k", "v"], "FRAME", "FRAME"],
  ])("to %j of %j is %j", async (command, result, decoded) => {
    const fill = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value).replaceAll("FRAME", frame).replaceAll('"TEXT"', JSON.stringify(text)));
    const reply = freeze({ result: fill(result), extra: 1 });
    expect((await send({ body: command }, reply)).answer).toEqual({ result: fill(decoded), extra: 1 });
    const batch = freeze([{ result: 1 }, reply]);
    const { answer } = await send({ body: [["incr", "n"], command] }, batch);
    expect(answer).toEqual([{ result: 1 }, { result: fill(decoded), extra: 1 }]);
    expect((answer as unknown[])[0]).toBe(batch[0]);
  });

  test("that is an error passes", async () => {
    const reply = { error: "WRONGTYPE" };
    expect((await send({ body: ["get", "k"] }, reply)).answer).toBe(reply);
    expect((await send({ body: [["get", "k"]] }, reply)).answer).toBe(reply);
    const refused = new Error("refused");
    const middleware = compressionMiddleware({ zstd });
    await expect(middleware({ body: ["get", "k"] }, () => Promise.reject(refused))).rejects.toBe(refused);
  });

  test("of another length than the request is an error, not a shifted value", async () => {
    const body = [
      ["get", "a"],
      ["get", "b"],
    ];
    await expect(send({ body }, [{ result: frame }])).rejects.toMatchObject({ code: "REDIS" });
  });
});

describe("zstashCode", () => {
  test.each<[unknown, string | undefined]>([
    [new ZstashError("CORRUPT", "Cannot decode"), "CORRUPT"],
    [new Error("Command failed: ZSTASH_SIZE_LIMIT Cannot decode"), "SIZE_LIMIT"],
    [new Error("Command 12 [ hgetall ] failed: ZSTASH_WASM_UNAVAILABLE Cannot decode"), "WASM_UNAVAILABLE"],
    ["ZSTASH_CORRUPT Cannot decode", "CORRUPT"],
    [new Error("ERR no key ZSTASH_CORRUPT here"), undefined],
    [new Error("Command failed: ERR unknown 'ZSTASH_CORRUPT x'"), undefined],
    [new Error("Command failed: ZSTASH_"), undefined],
    [undefined, undefined],
    [null, undefined],
    [{ message: 5 }, undefined],
  ])("of %s is %s", (error, code) => expect(zstashCode(error)).toBe(code));
});

describe("misuse", () => {
  const client = (): Redis => new Redis({ url: "http://127.0.0.1:9", token: "t", enableTelemetry: false });

  test("a second wrapping is an error", () => {
    const redis = client();
    expect(withCompression(redis)).toBe(redis);
    expect(() => withCompression(redis)).toThrow(TypeError);
    expect(() => withCompression(redis)).toThrow(/"redis".*already/);
    expect(() => withCompression(client())).not.toThrow();
  });

  test("a wrong option leaves the client as it was", () => {
    const redis = client();
    expect(() => withCompression(redis, { mode: "off" as never })).toThrow(RangeError);
    expect(withCompression(redis)).toBe(redis);
  });

  test.each([undefined, null, 5, "redis", {}, { use: 1 }])("%j is no client", (redis) => {
    expect(() => withCompression(redis as never)).toThrow(TypeError);
    expect(() => withCompression(redis as never)).toThrow('"redis"');
  });

  test("what replaced the transport says what to write instead", () => {
    const options = { url: "https://example.com", token: "secret" };
    expect(() => withCompression(client(), options as never)).toThrow(
      /^"url" is not an option: .*import \{ Redis \} from "zstash\/redis" and new Redis\(\{ url, token \}\)/,
    );
  });

  test("a client over TCP says what to do with it", () => {
    const ioredis = { sendCommand() {}, get() {} };
    expect(() => withCompression(ioredis as never)).toThrow(/over TCP.*encodeValue.*decodeValue/);
  });

  test.each<[string, unknown, typeof TypeError | typeof RangeError]>([
    ["options", null, TypeError],
    ["options", "on", TypeError],
    ["mode", { mode: "off" }, RangeError],
    ["mode", { mode: true }, TypeError],
    ["mode", { mode: null }, TypeError],
    ["policy", { policy: "fast" }, TypeError],
    ["policy", { policy: null }, TypeError],
    ["minSize", { policy: { minSize: -1 } }, RangeError],
    ["minSavings", { policy: { minSavings: 10 } }, RangeError],
    ["level", { policy: { level: 23 } }, RangeError],
    ["onCorrupt", { onCorrupt: "ignore" }, RangeError],
    ["onCorrupt", { onCorrupt: false }, TypeError],
    ["maxSize", { maxSize: "1" }, TypeError],
    ["maxSize", { maxSize: -1 }, RangeError],
    ["maxSize", { maxSize: Infinity }, RangeError],
    ["onEvent", { onEvent: {} }, TypeError],
    ["zstd", { zstd: {} }, TypeError],
    ["zstd", { zstd: null }, TypeError],
    ["url", { url: "https://example.com" }, TypeError],
    ["url", { url: undefined, token: undefined }, TypeError],
    ["token", { token: "t" }, TypeError],
    ["carrier", { carrier: "raw" }, TypeError],
    ["timeout", { timeout: 5 }, TypeError],
    ["maxRequestSize", { maxRequestSize: 0 }, RangeError],
    ["guard", { guard: 1 }, TypeError],
    ["levle", { levle: 3 }, TypeError],
    ["policy.minsize", { policy: { minsize: 3 } }, TypeError],
  ])("of %s: %o", (name, options, type) => {
    expect(() => compressionMiddleware(options as CompressionOptions)).toThrow(type);
    expect(() => compressionMiddleware(options as CompressionOptions)).toThrow(`"${name}"`);
  });

  test("undefined options have their defaults", () => {
    expect(() =>
      compressionMiddleware({
        mode: undefined,
        policy: undefined,
        zstd: undefined,
        onEvent: undefined,
      } as never),
    ).not.toThrow();
  });
});
