/** Scripts of a started redis-server do no more than commands may, and a Redis by URL keeps its other databases. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer, type DevServer } from "../../../src/dev/index.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import { redisAvailable, startRedis, type RedisServer } from "../../support/redis.ts";
import { TOKEN } from "./rig.ts";

const send = async (server: DevServer, command: unknown, path = "/"): Promise<unknown> => {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const init = { method: "POST", body: JSON.stringify(command), headers };
  return (await server.fetch(`http://localhost${path}`, init)).json();
};

describe.runIf(redisAvailable())("on redis-server", () => {
  let server: DevServer;
  beforeAll(async () => {
    server = await createDevServer({ backend: "redis-server", token: TOKEN });
  });
  afterAll(() => server.close());
  const script = (call: string): Promise<unknown> => send(server, ["EVAL", `return redis.call(${call})`, 0]);

  test.each([
    `'migrate','127.0.0.1','1','k','0','600000'`,
    `'swapdb','0','1'`,
    `'select','2'`,
    `'move','k','1'`,
    `'slowlog','get'`,
    `'lastsave'`,
    `'memory','doctor'`,
    `'object','encoding','k'`,
    `'config','get','requirepass'`,
    `'acl','list'`,
    `'debug','sleep','1'`,
    `'client','list'`,
    `'sort','k'`,
  ])("a script may not call %s", async (call) => {
    expect(await script(call)).toEqual({ error: expect.stringMatching(/^(ERR|NOPERM) /) as string });
  });

  test("what commands may, scripts may: alone, in a pipeline, in a transaction, and as functions", async () => {
    await send(server, ["FLUSHALL"]);
    expect(await script(`'set','k','v'`)).toEqual({ result: "OK" });
    expect(await script(`'keys','*'`)).toEqual({ result: ["k"] });
    expect(await script(`'zadd','z','1','a'`)).toEqual({ result: 1 });
    const commands = [
      ["EVAL", "return redis.call('get', KEYS[1])", 1, "k"],
      ["SET", "k", "w"],
      ["GET", "k"],
    ];
    const results = [{ result: "v" }, { result: "OK" }, { result: "w" }];
    expect(await send(server, commands, "/pipeline")).toEqual(results);
    await send(server, ["SET", "k", "v"]);
    expect(await send(server, commands, "/multi-exec")).toEqual(results);
    const library =
      "#!lua name=l\nredis.register_function('f', function(keys) return redis.call('get', keys[1]) end)";
    expect(await send(server, ["FUNCTION", "LOAD", library])).toEqual({ result: "l" });
    expect(await send(server, ["FCALL", "f", 1, "k"])).toEqual({ result: "w" });
    const sha = ((await send(server, ["SCRIPT", "LOAD", "return 7"])) as { result: string }).result;
    expect(await send(server, ["EVALSHA", sha, 0])).toEqual({ result: 7 });
    await send(server, ["FUNCTION", "FLUSH"]);
  });
});

describe.runIf(redisAvailable())("a Redis by URL", () => {
  let redis: RedisServer;
  let server: DevServer;
  beforeAll(async () => {
    redis = await startRedis();
    server = await createDevServer({ redis: `${redis.url}/3`, token: TOKEN });
  });
  afterAll(async () => {
    await server.close();
    await redis.stop();
  });

  test("keeps the databases that the URL does not name", async () => {
    const other = await connectRedis(`${redis.url}/1`);
    const bytes = (...words: string[]): Uint8Array[] => words.map((word) => Buffer.from(word));
    await other.execute(bytes("SET", "theirs", "1"));
    await send(server, ["SET", "own", "1"]);
    expect(await send(server, ["COPY", "own", "copied", "DB", 1])).toEqual({
      error: "ERR DB index is out of range",
    });
    for (const [path, command] of [
      ["/", ["FLUSHALL"]],
      ["/pipeline", [["flushall", "ASYNC"]]],
      ["/multi-exec", [["FLUSHALL"]]],
    ] as const) {
      await send(server, ["SET", "own", "1"]);
      expect(JSON.stringify(await send(server, command, path))).toContain("OK");
      expect(await send(server, ["DBSIZE"])).toEqual({ result: 0 });
    }
    expect(await other.execute(bytes("DBSIZE"))).toEqual({ kind: "integer", value: 1 });
    await other.close();
  });
});

test("a closed server runs nothing in its process either", async () => {
  const server = await createDevServer({ backend: "embedded", token: TOKEN });
  await server.close();
  expect(await send(server, ["SET", "late", "1"])).toEqual({ error: "ERR the server is closed" });
  await expect(server.reset()).rejects.toMatchObject({ code: "UNSUPPORTED" });
});
