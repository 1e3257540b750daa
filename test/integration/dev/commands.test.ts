/** The same commands whatever is on the machine: every backend answers Upstash's list, and nothing else. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMMANDS, isNewer } from "../../../src/dev/commands.ts";
import { createEmbeddedBackend } from "../../../src/dev/embedded/index.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import type { RespValue } from "../../../src/rest/resp.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { startBackends, TOKEN } from "./rig.ts";
import type { BackendCase } from "./rig.ts";

const started = await startBackends();
/** Others to compare, such as Redis 8 and Valkey: their URLs, with spaces between. */
const URLS = (process.env["ZSTASH_REDIS_URLS"] ?? "").split(" ").filter((url) => url !== "");
requireOrSkip(
  "another Redis",
  URLS.length > 0,
  "ZSTASH_REDIS_URLS=redis://… of a Redis 8 or a Valkey",
  false,
);
const CASES: readonly BackendCase[] = [
  ...started.cases,
  ...URLS.map((redis): BackendCase => [redis, { redis }]),
];

type Command = readonly string[];

/** What Upstash does not have, among it all that reconfigures, ends, replicates or blocks a server. */
const REFUSED: readonly Command[] = [
  ["CONFIG"],
  ["CONFIG", "GET", "*"],
  ["CONFIG", "GET", "requirepass"],
  ["CONFIG", "GET", "notify-keyspace-events", "requirepass"],
  ["config", "set", "requirepass", "x"],
  ["CONFIG", "SET", "notify-keyspace-events", "KEA", "appendonly", "yes"],
  ["CONFIG", "RESETSTAT"],
  ["CONFIG", "REWRITE"],
  ...["JMAP", "SLEEP 0", "SEGFAULT"].map((rest) => ["DEBUG", ...rest.split(" ")]),
  ...(
    "SHUTDOWN QUIT SYNC PSYNC REPLCONF REPLICAOF SLAVEOF FAILOVER CLUSTER ASKING READONLY READWRITE SSUBSCRIBE SPUBLISH " +
    "MIGRATE MODULE SAVE BGSAVE BGREWRITEAOF LASTSAVE SWAPDB MOVE OBJECT LATENCY SLOWLOG LOLWUT ROLE PFDEBUG PFSELFTEST " +
    "SORT SORT_RO LCS XSETID RESTORE-ASKING BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP NOSUCH MSETEX"
  )
    .split(" ")
    .map((name) => [name, "a", "b", "1"]),
  ["SCRIPT", "DEBUG", "YES"],
  ["FUNCTION", "DUMP"],
  ["FUNCTION", "RESTORE", "x"],
  ["MEMORY", "DOCTOR"],
  ["ACL", "DRYRUN", "default", "GET", "k"],
  ["XREAD", "BLOCK", "0", "STREAMS", "s", "$"],
  ["XREAD", "COUNT", "1", "block", "0", "STREAMS", "s", "$"],
  ["XREADGROUP", "GROUP", "STREAMS", "c", "BLOCK", "0", "STREAMS", "s", ">"],
];
const NOT_IN_REST: readonly Command[] =
  "AUTH MULTI EXEC DISCARD WATCH UNWATCH HELLO RESET SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE CLIENT MONITOR"
    .split(" ")
    .map((name) => [name, "a"]);

const bytes = (command: Command): Uint8Array[] => command.map((text) => new TextEncoder().encode(text));
const textOf = (reply: RespValue): string =>
  reply.kind === "bulk" && reply.bytes !== null
    ? new TextDecoder().decode(reply.bytes)
    : reply.kind === "error" || reply.kind === "status"
      ? reply.text
      : "";

/** The class of an answer: who has the command. */
function classOf({ error }: { error?: string }): string {
  if (error === undefined) return "answered";
  if (/^ERR Command is not available: '[A-Z_. -]+'\. See https:\/\/upstash\.com\//.test(error))
    return "not at Upstash";
  if (/^ERR Command "[A-Z]+" is not allowed in REST or it has a special context path$/.test(error))
    return "not in REST";
  if (/^ERR (the embedded backend|this server's (Redis|Valkey) [0-9.]+) has no /.test(error))
    return "lacking";
  return /unknown command|internal error/i.test(error) ? `unexpected: ${error}` : "answered";
}

describe.each(CASES)("on %s", (kind, options) => {
  let server: DevServer;
  /** The Redis whose commands the backend has; undefined for the embedded one. */
  let version: string | undefined;
  /** Valkey says an old version of Redis, and has some newer commands beside it. */
  let isValkey = false;
  /** The commands that the Redis says it has. */
  let known: ReadonlySet<string> = new Set();

  const run = async (command: Command, path = ""): Promise<{ error?: string; result?: unknown }> => {
    const body = JSON.stringify(path === "multi-exec" ? [["PING"], command] : command);
    const init = { method: "POST", body, headers: { authorization: `Bearer ${TOKEN}` } };
    return (await server.fetch(`http://x/${path}`, init)).json() as Promise<{ error?: string }>;
  };

  beforeAll(async () => {
    server = await createDevServer({ ...options, token: TOKEN });
    if (kind === "embedded") return;
    const redis = await connectRedis(options.redis ?? "");
    const info = textOf(await redis.execute(bytes(["INFO", "server"])));
    version = /redis_version:([0-9.]+)/.exec(info)?.[1];
    isValkey = info.includes("valkey_version:");
    const list = await redis.execute(bytes(["COMMAND"]));
    known = new Set(
      (list.kind === "array" ? (list.items ?? []) : []).map((entry) =>
        textOf((entry.kind === "array" ? entry.items?.[0] : undefined) ?? entry).toUpperCase(),
      ),
    );
    await redis.close();
  });
  afterAll(() => server.close());

  const has = (name: string): boolean =>
    version === undefined ? COMMANDS.get(name)?.embedded === true : known.has(name);

  test.runIf(kind !== "embedded")("the table says since when a Redis has each command", () => {
    if (version === undefined || isValkey) return;
    for (const [name, { since }] of COMMANDS) {
      // JSON is a module before Redis 8, which may be loaded.
      if (name.startsWith("JSON.") && isNewer("8.0", version)) continue;
      expect([name, known.has(name)]).toEqual([name, since !== undefined && !isNewer(since, version)]);
    }
  });

  test("commands of Upstash are answered, or named as lacking", async () => {
    for (const name of COMMANDS.keys()) {
      const answer = await run([name.toLowerCase()]);
      // Those with subcommands say first that an empty one is none.
      const wanted = /^(CONFIG|SCRIPT|FUNCTION|MEMORY|ACL)$/.test(name)
        ? "not at Upstash"
        : has(name)
          ? "answered"
          : "lacking";
      expect([name, classOf(answer), answer.error]).toEqual([name, wanted, answer.error]);
    }
  });

  test.each([
    ["CONFIG", "GET", "notify-keyspace-events"],
    ["SCRIPT", "EXISTS", "x"],
    ["FUNCTION", "LIST"],
    ["MEMORY", "USAGE", "k"],
    ["ACL", "WHOAMI"],
  ])("%s %s is answered, or named as lacking", async (...command) => {
    const [name = ""] = command;
    expect(classOf(await run(command))).toBe(has(name) ? "answered" : "lacking");
  });

  test.each(["COMMAND", "SELECT", "WAIT", "WAITAOF"])("%s never reaches the backend", async (name) => {
    const { error = "" } = await run([name, "0"]);
    expect(error).not.toMatch(/not available|has no/);
  });

  test("what Upstash does not have is answered as Upstash answers it, also in a transaction", async () => {
    for (const command of [...REFUSED, ...NOT_IN_REST]) {
      const wanted = NOT_IN_REST.includes(command) ? "not in REST" : "not at Upstash";
      for (const path of ["", "multi-exec"])
        expect([...command, path, classOf(await run(command, path))]).toEqual([...command, path, wanted]);
    }
    expect(await run(["PING"])).toEqual({ result: "PONG" });
  });

  test("no other command of the Redis passes", async () => {
    const never = new Set(["COMMAND", "SELECT", "WAIT", "WAITAOF"]);
    for (const name of known) {
      if (COMMANDS.has(name) || never.has(name)) continue;
      expect([name, classOf(await run([name]))]).toEqual([name, expect.stringMatching(/^not (at|in) /)]);
    }
  });

  test("users of the Redis behind the server stay as they are", async () => {
    for (const subcommand of ["SETUSER", "DELUSER", "LIST", "GETUSER", "SAVE", "GENTOKEN"])
      expect((await run(["ACL", subcommand, "default"])).error).toBe(
        `ERR this server has no ACL ${subcommand}: its tokens are given when it starts`,
      );
  });

  test("what lacks is named with the backend that has it", async () => {
    const embedded = version === undefined;
    const lacks = (name: string): boolean => !has(name);
    const server = embedded ? "the embedded backend" : "this server's (Redis|Valkey) [0-9.]+";
    const cases: readonly (readonly [Command, string])[] = [
      [
        ["HEXPIRE", "k", "1", "FIELDS", "1", "f"],
        "the embedded backend \\(--backend embedded\\) or Redis 7\\.4 or newer \\(--redis\\) has it",
      ],
      [["EVAL", "return 1", "0"], "a redis-server on the PATH or a Redis by --redis has it"],
      [
        ["XDELEX", "s", "IDS", "1", "0-1"],
        "the embedded backend \\(--backend embedded\\) or Redis 8\\.2 or newer \\(--redis\\) has it",
      ],
      [["SEARCH.QUERY", "i"], "only Upstash has it"],
    ];
    for (const [command, where] of cases) {
      const [name = ""] = command;
      for (const path of ["", "multi-exec"]) {
        if (!lacks(name)) continue;
        expect((await run(command, path)).error).toMatch(
          new RegExp(`^ERR ${server} has no ${name}: ${where}$`),
        );
      }
    }
    const option = await run(["SET", "k", "v", "IFEQ", "x"]);
    if (version === undefined || !isNewer("8.4", version)) expect(option).toEqual({ result: null });
    else if (!isValkey)
      expect(option.error).toMatch(
        /^ERR this server's (Redis|Valkey) [0-9.]+ has no SET … IFEQ: .*Redis 8\.4 or newer \(--redis\) has it$/,
      );
    expect((await run(["SET", "k", "v", "BOGUS"])).error).toBe("ERR syntax error");
  });

  test("a copy of a key onto itself copies nothing, as at Upstash", async () => {
    await run(["SET", "k", "v"]);
    expect(await run(["COPY", "k", "k"])).toEqual({ result: 0 });
    expect(await run(["COPY", "k", "other", "REPLACE"])).toEqual({ result: 1 });
  });

  test("a group or a stream may be named block", async () => {
    await run(["DEL", "block"]);
    expect(await run(["XADD", "block", "1-1", "f", "v"])).toEqual({ result: "1-1" });
    expect(await run(["XGROUP", "CREATE", "block", "block", "0"])).toEqual({ result: "OK" });
    expect(await run(["XREADGROUP", "GROUP", "block", "block", "STREAMS", "block", ">"])).toEqual({
      result: [["block", [["1-1", ["f", "v"]]]]],
    });
  });

  test("SCAN … WITHTYPE follows each key by its type, in a transaction too", async () => {
    await run(["FLUSHALL"]);
    await run(["SET", "text", "v"]);
    await run(["HSET", "hash", "f", "v"]);
    await run(["RPUSH", "list", "v"]);
    await run(["SADD", "set", "v"]);
    await run(["ZADD", "zset", "1", "v"]);
    const pairs = (reply: unknown): unknown[] => {
      const [cursor, items] = reply as [string, string[]];
      return [cursor, items.flatMap((key, at) => (at % 2 === 0 ? [`${key}=${items[at + 1]}`] : [])).sort()];
    };
    const all = ["hash=hash", "list=list", "set=set", "text=string", "zset=zset"];
    expect(pairs((await run(["scan", "0", "count", "100", "withtype"])).result)).toEqual(["0", all]);
    expect(pairs((await run(["SCAN", "0", "WITHTYPE", "MATCH", "*s*", "COUNT", "100"])).result)).toEqual([
      "0",
      ["hash=hash", "list=list", "set=set", "zset=zset"],
    ]);
    expect(pairs((await run(["SCAN", "0", "TYPE", "zset", "COUNT", "100", "WITHTYPE"])).result)).toEqual([
      "0",
      ["zset=zset"],
    ]);
    const [, { result }] = (await run(
      ["SCAN", "0", "COUNT", "100", "WITHTYPE"],
      "multi-exec",
    )) as unknown as [unknown, { result: unknown }];
    expect(pairs(result)).toEqual(["0", all]);
    // As the value of another option it is none.
    expect(await run(["SCAN", "0", "COUNT", "100", "MATCH", "WITHTYPE"])).toEqual({ result: ["0", []] });
    expect((await run(["SCAN", "x", "WITHTYPE"])).error).toBe("ERR invalid cursor");
  });

  test("a read-only token may not SCAN with types either", async () => {
    const own = await createDevServer({ ...options, token: "t", readOnlyToken: "r" });
    const init = {
      method: "POST",
      body: '["SCAN","0","WITHTYPE"]',
      headers: { authorization: "Bearer r" },
    };
    expect(await (await own.fetch("http://x/", init)).json()).toEqual({
      error: "NOPERM this user has no permissions to run the 'scan' command",
    });
    await own.close();
  });
});

test("the embedded backend has what the table says", async () => {
  const backend = createEmbeddedBackend();
  for (const [name, { embedded }] of COMMANDS) {
    const reply = await backend.execute(bytes([name, "a", "b", "c", "d", "e", "f", "g", "h"]));
    expect([name, /has no|unknown command/.test(textOf(reply))]).toEqual([name, !embedded]);
  }
  await backend.close();
});
