/** One client of the local server never keeps another waiting: blocking commands, scripts that do not end, and close(). */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { redisAvailable } from "../../support/redis.ts";
import { READER, startBackends, TOKEN } from "./rig.ts";

const { cases, redis } = await startBackends();
const ENDLESS = "while true do end";

type Reply = { readonly result?: unknown; readonly error?: string };

/** Sends a command, or several to an endpoint, in this process. */
async function send(server: DevServer, body: readonly unknown[], path = "/", token = TOKEN): Promise<Reply> {
  const headers = { authorization: `Bearer ${token}` };
  const init = { method: "POST", headers, body: JSON.stringify(body) };
  return (await (await server.fetch(`http://x${path}`, init)).json()) as Reply;
}

describe.each(cases)("on %s", (kind, options) => {
  let server: DevServer;
  beforeAll(async () => {
    server = await createDevServer({ ...options, token: TOKEN });
  });
  afterAll(() => server.close());

  test.each([
    ["BLPOP", "k", 0],
    ["brpop", "k", 0],
    ["BRPOPLPUSH", "a", "b", 0],
    ["BLMOVE", "a", "b", "LEFT", "LEFT", 0],
    ["BLMPOP", 0, 1, "k", "LEFT"],
    ["BZPOPMIN", "k", 0],
    ["BZPOPMAX", "k", 0],
    ["BZMPOP", 0, 1, "k", "MIN"],
    ["MONITOR"],
    ["CLIENT", "PAUSE", 100_000],
    ["CLIENT", "REPLY", "OFF"],
    ["DEBUG", "SLEEP", 100],
    ["SHUTDOWN", "NOSAVE"],
    ["HELLO", 3],
    ["SUBSCRIBE", "c"],
    ["SCRIPT", "DEBUG", "SYNC"],
    ["XREAD", "BLOCK", 0, "STREAMS", "s", "$"],
    ["XREAD", "COUNT", 1, "block", 0, "STREAMS", "s", "$"],
    ["XREAD", "COUNT", "STREAMS", "BLOCK", 0, "STREAMS", "s", "$"],
    ["XREAD", "BLOCK\0 for C", 0, "STREAMS", "s", "$"],
    ["XREADGROUP", "GROUP", "g", "c", "BLOCK", 0, "STREAMS", "s", ">"],
    ["XREADGROUP", "GROUP", "streams", "c", "BLOCK", 0, "STREAMS", "s", ">"],
    ["XREADGROUP", "GROUP", "g", "streams", "BLOCK", 0, "STREAMS", "s", ">"],
    ["XREADGROUP", "BLOCK", 0, "GROUP", "g", "c", "STREAMS", "s", ">"],
    ["XREADGROUP", "NOACK", "BLOCK", 0, "GROUP", "g", "c", "STREAMS", "s", ">"],
    ["XREADGROUP", "GROUP", "g", "c", "CLAIM", 5, "BLOCK", 0, "STREAMS", "s", ">"],
    ["XREADGROUP", "GROUP", "g", "c", "NOVELTY", 5, "BLOCK", 0, "STREAMS", "s", ">"],
    ["CONFIG", "GET", "*"],
    ["CONFIG", "GET", "notify-keyspace-events", "requirepass"],
    ["CONFIG", "GET", "notify-keyspace-event?"],
    ["CONFIG", "GET", "requirepass", "notify-keyspace-events"],
    ["CONFIG", "SET", "notify-keyspace-events", "", "requirepass", "x"],
    ["CONFIG", "SET", "requirepass", "x"],
    ["CONFIG", "REWRITE"],
    ["ACL", "SETUSER", "default", "off"],
    ["ACL", "DELUSER", "x", "zstash-reader"],
  ])("%j is refused: alone, in a pipeline, in a transaction", async (...command) => {
    const error = expect.stringMatching(
      /^ERR (Command (is not available|".*" is not allowed)|syntax error|this server has no ACL)/,
    ) as string;
    const single = await send(server, command);
    expect(single).toEqual({ error });
    expect(await send(server, [["ECHO", "a"], command, ["ECHO", "b"]], "/pipeline")).toEqual([
      { result: "a" },
      { error },
      { result: "b" },
    ]);
    expect(await send(server, [["SET", "none", "a"], command], "/multi-exec")).toEqual({ error });
    expect(await send(server, ["EXISTS", "none"])).toEqual({ result: 0 });
  });

  test("WAIT and WAITAOF answer at once: there is nobody to wait for", async () => {
    expect(await send(server, ["WAIT", 1, 0])).toEqual({ result: 0 });
    expect(await send(server, ["WAITAOF", 1, 0, 0])).toEqual({ result: [0, 0] });
  });

  test.skipIf(kind === "embedded")("words of blocking commands are names like others", async () => {
    await send(server, ["FLUSHALL"]);
    await send(server, ["XADD", "BLOCK", "1-1", "a", "1"]);
    const read = [["BLOCK", [["1-1", ["a", "1"]]]]];
    expect(await send(server, ["XREAD", "STREAMS", "BLOCK", "0"])).toEqual({ result: read });
    expect(await send(server, ["XREAD", "COUNT", "1", "STREAMS", "BLOCK", "0"])).toEqual({ result: read });
    for (const group of ["block", "streams", "GROUP"]) {
      expect(await send(server, ["XGROUP", "CREATE", "BLOCK", group, "0"])).toEqual({ result: "OK" });
      const command = ["XREADGROUP", "GROUP", group, "BLOCK", "COUNT", 1, "STREAMS", "BLOCK", ">"];
      expect(await send(server, command)).toEqual({ result: read });
    }
    expect(await send(server, ["CONFIG", "SET", "NOTIFY-keyspace-events", "Kg"])).toEqual({ result: "OK" });
    expect(await send(server, ["config", "get", "notify-keyspace-events"])).toEqual({
      result: ["notify-keyspace-events", "gK"],
    });
    await send(server, ["CONFIG", "SET", "notify-keyspace-events", ""]);
  });
});

test.skipIf(redis === undefined)("every command that this Redis calls blocking is refused", async () => {
  // Asked for behind the server's back: it answers COMMAND itself.
  const { connectRedis } = await import("../../../src/dev/redis/index.ts");
  const backend = await connectRedis(redis?.url ?? "");
  const reply = await backend.execute([new TextEncoder().encode("COMMAND")]);
  await backend.close();
  const blocking = (reply.kind === "array" ? (reply.items ?? []) : []).flatMap((command) => {
    const [name, , flags] = command.kind === "array" ? (command.items ?? []) : [];
    const words = flags?.kind === "array" ? (flags.items ?? []) : [];
    const isBlocking = words.some((flag) => flag.kind === "status" && flag.text === "blocking");
    return isBlocking && name?.kind === "bulk" ? [new TextDecoder().decode(name.bytes ?? undefined)] : [];
  });
  expect(blocking.length).toBeGreaterThan(8);
  const server = await createDevServer({ redis: redis?.url, token: TOKEN });
  for (const name of blocking) {
    const isRead = name.startsWith("xread");
    const answer = await send(server, isRead ? [name, "BLOCK", 0, "STREAMS", "s", "$"] : [name, "k", "k", 0]);
    expect([name, answer.error]).toEqual([name, expect.stringMatching(/^ERR Command is not available/)]);
  }
  await server.close();
});

describe.skipIf(!redisAvailable())("a script that does not end", () => {
  const withServer = async (work: (server: DevServer) => Promise<void>): Promise<void> => {
    const server = await createDevServer({ backend: "redis-server", token: TOKEN, readOnlyToken: READER });
    try {
      await work(server);
    } finally {
      await server.close();
    }
  };
  const library = `#!lua name=l\nredis.register_function{function_name='f', callback=function() ${ENDLESS} end, flags={'no-writes'}}`;
  const killed = { error: expect.stringMatching(/killed by user/i) as string };
  /** The script is sent on a connection that may have to be opened, and Redis answers no one for its first second. */
  const untilBusy = async (server: DevServer): Promise<void> => {
    while ((await send(server, ["GET", "k"])).error === undefined);
  };
  const busy = { error: expect.stringMatching(/BUSY /) as string };

  test.each([
    [["EVAL", ENDLESS, 0], TOKEN, ["SCRIPT", "KILL"]],
    [["EVAL_RO", ENDLESS, 0], TOKEN, ["SCRIPT", "KILL"]],
    [["EVAL_RO", ENDLESS, 0], READER, ["SCRIPT", "KILL"]],
    [["FCALL", "f", 0], TOKEN, ["FUNCTION", "KILL"]],
    [["FCALL_RO", "f", 0], READER, ["FUNCTION", "KILL"]],
  ] as const)("%j: others are answered BUSY, and it is killed", async (script, token, kill) =>
    withServer(async (server) => {
      await send(server, ["FUNCTION", "LOAD", library]);
      let ended = false;
      const endless = send(server, script, "/", token).finally(() => (ended = true));
      await untilBusy(server);
      expect(await send(server, ["GET", "k"])).toEqual(busy);
      expect(await send(server, ["GET", "k"], "/", READER)).toEqual(busy);
      expect(await send(server, ["EVAL", "return 1", 0])).toEqual(busy);
      expect(await send(server, [["GET", "k"]], "/multi-exec")).toEqual(busy);
      expect(
        await send(
          server,
          [
            ["GET", "k"],
            ["EVAL", "return 1", 0],
          ],
          "/pipeline",
        ),
      ).toEqual([busy, busy]);
      expect(ended).toBe(false);
      expect(await send(server, kill)).toEqual({ result: "OK" });
      expect(await endless).toEqual(killed);
      expect(await send(server, ["SET", "k", "v"])).toEqual({ result: "OK" });
    }),
  );

  test("close() ends, though a script has written and cannot be killed", async () => {
    const server = await createDevServer({ backend: "redis-server", token: TOKEN });
    const endless = send(server, ["EVAL", `redis.call('SET', 'k', 'v') ${ENDLESS}`, 0]);
    await untilBusy(server);
    expect(await send(server, ["SCRIPT", "KILL"])).toEqual({
      error: expect.stringMatching(/^UNKILLABLE/) as string,
    });
    await server.close();
    expect(await endless).toEqual({ error: expect.stringMatching(/^ERR /) as string });
  });

  test("many scripts at once take turns, and a pipeline with one stays in order", async () =>
    withServer(async (server) => {
      const increment = "return redis.call('INCR', KEYS[1])";
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => send(server, ["EVAL", increment, 1, "n"])),
      );
      expect(answers.map(({ result }) => Number(result)).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 100 }, (_, index) => index + 1),
      );
      const commands = [
        ["SET", "m", 5],
        ["EVAL", increment, 1, "m"],
        ["GET", "m"],
        ["EVAL", increment, 1, "m"],
        ["GET", "m"],
      ];
      const results = ["OK", 6, "6", 7, "7"].map((result) => ({ result }));
      expect(await send(server, commands, "/pipeline")).toEqual(results);
      expect(await send(server, commands, "/multi-exec")).toEqual(results);
    }));
});
