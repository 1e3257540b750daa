import { Redis } from "@upstash/redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { ZstashError } from "../../../src/errors.ts";
import { Redis as CompressingRedis } from "../../../src/redis.ts";
import {
  compressionMiddleware,
  withCompression,
  zstashCode,
  type CommandReply,
  type CommandRequest,
  type CompressionOptions,
} from "../../../src/upstash/index.ts";

/** Commands that work on stored bytes, and the keys among their arguments. */
const refused: readonly (readonly [string, readonly unknown[]])[] = [
  ["APPEND", ["k", "v"]],
  ["SETRANGE", ["k", 0, "v"]],
  ["GETRANGE", ["k", 0, -1]],
  ["SUBSTR", ["k", 0, -1]],
  ["STRLEN", ["k"]],
  ["HSTRLEN", ["k", "f"]],
  ["SETBIT", ["k", 0, 1]],
  ["GETBIT", ["k", 0]],
  ["BITCOUNT", ["k"]],
  ["BITFIELD", ["k", "GET", "u8", 0]],
  ["BITFIELD_RO", ["k", "GET", "u8", 0]],
  ["BITOP", ["AND", "free:d", "k", "free:b"]],
  ["BITOP", ["AND", "free:d", "free:a", "k"]],
  ["BITPOS", ["k", 1]],
  ["LCS", ["k", "free:b"]],
  ["LCS", ["free:a", "k", "LEN"]],
  ["SET", ["k", "v", "IFEQ", "w"]],
  ["SET", ["k", "v", "EX", 5, "ifne", "w"]],
  ["SET", ["k", "v", "IFDEQ", "d", "GET"]],
  ["SET", ["k", "v", "IFDNE", "d"]],
  ["DELEX", ["k", "IFEQ", "v"]],
  ["DIGEST", ["k"]],
  ["EVAL", ["return redis.call('APPEND', KEYS[1], 'x')", 1, "k"]],
  ["EVAL", ['redis.pcall("strlen", KEYS[2])', 2, "free:a", "k"]],
  ["EVAL_RO", ["return redis.call([[GETRANGE]], KEYS[1], 0, 5)", "1", "k"]],
  ["EVAL", ["redis.call('SET', KEYS[1], 'x', 'IFEQ', 'y')", 1, "k"]],
  ["EVAL", ["return cjson.decode(redis.call('GET', KEYS[1])).name", 1, "k"]],
  [
    "EVAL",
    ["if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end", 1, "k", "uuid"],
  ],
  ["EVAL", ["local v = redis.call('HGET', KEYS[1], 'f') if ARGV[1] ~= v then return 0 end", 1, "k", "v"]],
  ["EVAL", ["return redis.call(ARGV[1], KEYS[1], 'x')", 1, "k", "APPEND"]],
  ["EVALSHA", ["0".repeat(40), 1, "k"]],
  ["EVALSHA_RO", ["0".repeat(40), 2, "free:a", "k"]],
  ["FCALL", ["f", 1, "k"]],
  ["FCALL_RO", ["f", 1, "k"]],
];

const allowed: readonly (readonly unknown[])[] = [
  ["INCR", "k"],
  ["INCRBY", "k", 2],
  ["INCRBYFLOAT", "k", 1.5],
  ["DECR", "k"],
  ["DECRBY", "k", 2],
  ["HINCRBY", "k", "f", 1],
  ["GET", "k"],
  ["SET", "k", "v"],
  ["SET", "k", "v", "NX", "EX", 5],
  // A value, and no option.
  ["SET", "k", "IFEQ"],
  ["SET", "k", "v", "IFEQS"],
  ["DEL", "k"],
  ["BITOP", "AND", "k", "free:a", "free:b"],
  ["LPUSH", "k", "APPEND"],
  ["EVAL", "return redis.call('APPEND', KEYS[1], 'x')", 1, "free:a"],
  ["EVAL", "return redis.call('APPEND', ARGV[1], 'x')", 0, "k"],
  ["EVAL", "return redis.call('GET', KEYS[1])", 1, "k"],
  [
    "EVAL_RO",
    "local v = redis.call('HGET', KEYS[1], ARGV[1]) if v == nil or not v then return 0 end return v",
    1,
    "k",
  ],
  ["EVAL", "if tonumber(ARGV[1]) == 1 then redis.call('DEL', KEYS[1]) end", 1, "k", 1],
  ["EVALSHA", "0".repeat(40), 1, "free:a", "k"],
  ["FCALL", "f", 1, "free:a"],
  ["FCALL_RO", "f", 0],
];

/** What the middleware sends on, and what it gives. */
async function through(
  request: CommandRequest,
  options: CompressionOptions,
): Promise<{ sent: unknown[]; answer: unknown; error: unknown }> {
  const sent: unknown[] = [];
  const middleware = compressionMiddleware(options);
  const next = (below: CommandRequest): Promise<CommandReply> => {
    sent.push(below.body);
    const list = below.body as unknown[];
    const several = Array.isArray(list[0]);
    return Promise.resolve(
      (several ? list.map((_, index) => ({ result: index })) : { result: 1 }) as CommandReply,
    );
  };
  try {
    return { sent, answer: await middleware(request, next), error: undefined };
  } catch (error) {
    return { sent, answer: undefined, error };
  }
}

const guard = { guard: true } as const;
const freeKeys: CompressionOptions = {
  guard: true,
  policy: ({ key }) => (key.startsWith("free:") ? false : { minSize: 100 }),
};

describe.each(refused)("%s of %j", (name, args) => {
  const command = [name, ...args];

  test("alone is COMMAND_REFUSED, and nothing is sent", async () => {
    for (const options of [guard, freeKeys]) {
      for (const spelled of [command, [name.toLowerCase(), ...args]]) {
        const { sent, error } = await through({ body: spelled }, options);
        expect(error).toBeInstanceOf(ZstashError);
        expect(error).toMatchObject({ code: "COMMAND_REFUSED" });
        expect(zstashCode(error)).toBe("COMMAND_REFUSED");
        expect((error as Error).message).toContain(name);
        expect(sent).toEqual([]);
      }
    }
    // With a policy for all, any of the keys is reason enough.
    expect((await through({ body: command }, freeKeys)).error).toMatchObject({ key: "k" });
  });

  test("in a pipeline fails by itself, the order kept", async () => {
    const body = [["get", "a"], command, ["incr", "b"], command];
    const { sent, answer } = await through({ path: ["pipeline"], body } as CommandRequest, freeKeys);
    expect(sent).toEqual([
      [
        ["get", "a"],
        ["incr", "b"],
      ],
    ]);
    expect(answer).toMatchObject([{ result: 0 }, { error: expect.any(String) }, { result: 1 }, {}]);
    for (const index of [1, 3]) {
      expect(zstashCode((answer as { error: string }[])[index]!.error)).toBe("COMMAND_REFUSED");
    }
  });

  test("alone in a pipeline fails by itself, and nothing is sent", async () => {
    const { sent, answer } = await through({ path: ["pipeline"], body: [command] } as CommandRequest, guard);
    expect(sent).toEqual([]);
    expect(answer).toEqual([{ error: expect.stringMatching(/^ZSTASH_COMMAND_REFUSED /) }]);
  });

  test("in a transaction refuses it whole", async () => {
    const body = [["set", "a", "v"], command];
    const { sent, error } = await through({ path: ["multi-exec"], body } as CommandRequest, guard);
    expect(error).toMatchObject({ name: "ZstashError", code: "COMMAND_REFUSED" });
    expect(sent).toEqual([]);
  });

  test("runs on keys that the policy does not compress, and without guard", async () => {
    const never: CompressionOptions = { guard: true, policy: () => false };
    for (const options of [never, { guard: false }, {}]) {
      const { sent, error } = await through({ body: command }, options);
      expect([error, sent]).toEqual([undefined, [command]]);
    }
  });
});

describe.each(allowed)("%s %s", (...command) => {
  test("is never refused", async () => {
    const { sent, error } = await through({ body: command }, freeKeys);
    expect([error, sent.length]).toEqual([undefined, 1]);
    const several = { path: ["multi-exec"], body: [command, command] } as CommandRequest;
    expect((await through(several, freeKeys)).error).toBeUndefined();
  });
});

test("no error holds a value", async () => {
  for (const [name, args] of refused) {
    const secret = args.map((argument) => (argument === "v" || argument === "w" ? "hunter2" : argument));
    const { error } = await through({ body: [name, ...secret] }, guard);
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain("hunter2");
  }
});

test("a policy is asked for the largest value there may be; one that fails compresses nothing", async () => {
  const asked: unknown[] = [];
  const policy: CompressionOptions["policy"] = (context) => {
    asked.push(context);
    return context.size > 1e9 ? {} : false;
  };
  expect((await through({ body: ["append", "k", "v"] }, { guard: true, policy })).error).toBeDefined();
  expect(asked).toEqual([
    { command: "APPEND", key: "k", size: Infinity, kind: "text", ttl: undefined, carrier: "text" },
  ]);
  const failing = (): never => {
    throw new Error("policy failed");
  };
  expect(
    (await through({ body: ["append", "k", "v"] }, { guard: true, policy: failing })).error,
  ).toBeUndefined();
});

test("an option that is no boolean is refused", () => {
  for (const wrong of [1, "yes", null, {}]) {
    expect(() => compressionMiddleware({ guard: wrong as unknown as boolean })).toThrow(/"guard"/);
  }
});

describe("through the client", () => {
  let server: DevServer;
  let url = "";
  beforeAll(async () => {
    server = await createDevServer({ backend: "embedded" });
    ({ url } = await server.listen());
  });
  afterAll(() => server.close());

  test.each(["text", "raw"] as const)("a %s client fails each refused command by itself", async (carrier) => {
    const { token } = server;
    const config = { url, token, enableTelemetry: false };
    const redis =
      carrier === "raw"
        ? new CompressingRedis({ ...config, compression: freeKeys })
        : withCompression(new Redis(config), freeKeys);
    await redis.set("free:n", "ab");
    const [append, free, set, incr] = await Promise.allSettled([
      redis.append("k", "v"),
      redis.append("free:n", "cd"),
      redis.set("k", "v"),
      redis.incr(`count:${carrier}`),
    ]);
    expect(zstashCode((append as PromiseRejectedResult).reason)).toBe("COMMAND_REFUSED");
    expect([free, set, incr].map((one) => (one as PromiseFulfilledResult<unknown>).value)).toEqual([
      4,
      "OK",
      1,
    ]);
    await expect(redis.multi().set("k2", "v").strlen("k").exec()).rejects.toMatchObject({
      code: "COMMAND_REFUSED",
    });
    expect(await redis.get("k2")).toBeNull();
    await redis.del("free:n", "k");
  });
});
