/** A read-only token against every command of a real Redis and every way to run a script: the database stays as it was. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandBytes } from "../../../src/dev/backend.ts";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer } from "../../../src/dev/index.ts";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import type { RespValue } from "../../../src/rest/resp.ts";
import { redisAvailable, startRedis } from "../../support/redis.ts";
import { READER, TOKEN } from "./rig.ts";

const UNNAMED = "unnamed-key";

/** One key of each type, with a lifetime that no read may move, and one that no command names. */
const SEED: readonly (readonly (string | number)[])[] = [
  ["SET", "string", "41"],
  ["SET", UNNAMED, "1"],
  ["SET", "bits", "\u0001\u0002"],
  ["HSET", "hash", "f", "1", "g", "2"],
  ["RPUSH", "list", "3", "1", "2"],
  ["SADD", "set", "a", "b", "c"],
  ["ZADD", "zset", 1, "a", 2, "b"],
  ["GEOADD", "geo", 13.3, 38.1, "Palermo", 15.1, 37.5, "Catania"],
  ["PFADD", "hll", "a", "b"],
  // Reads that store something beside the content, once: a count that is computed, another encoding.
  ["PFCOUNT", "hll"],
  ["XADD", "stream", "1-1", "f", "v"],
  ["XADD", "stream", "2-1", "f", "w"],
  ["XGROUP", "CREATE", "stream", "group", "0"],
  ["XREADGROUP", "GROUP", "group", "consumer", "COUNT", 1, "STREAMS", "stream", ">"],
];
const KEYS = ["string", "bits", "hash", "list", "set", "zset", "geo", "hll", "stream"];

const LIBRARY = `#!lua name=library
local function run(keys, args) return redis.call(unpack(args)) end
redis.register_function{function_name='reads', callback=run, flags={'no-writes'}}
redis.register_function{function_name='writes', callback=run}`;

/** Words that commands take beside keys; each is tried at each place among the arguments. */
const TAILS: readonly (readonly string[])[] = [
  [],
  ["1"],
  ["0"],
  ["value"],
  ["*"],
  ["1", "2"],
  ["f", "9"],
  ["a", "b"],
  ["0", "-1"],
  ["100", "value"],
  ["STORE", "made"],
  ["made", "REPLACE"],
  ["15", "37", "200", "km", "STORE", "made"],
  ["Palermo", "200", "km", "STORE", "made"],
  ["SET", "u8", "0", "7"],
  ["INCRBY", "u8", "0", "7"],
  ["EX", "5"],
  ["PERSIST"],
  ["LEFT", "RIGHT"],
  ["group", "$"],
  ["-", "+"],
];

let server: DevServer;

async function ask(body: unknown, token: string, path = "/"): Promise<string> {
  const init = { method: "POST", headers: { authorization: `Bearer ${token}` }, body: JSON.stringify(body) };
  return (await server.fetch(`http://x${path}`, init)).text();
}

/** The whole database in one text: keys with content and end, functions, settings, counters of what was done. */
async function everything(): Promise<unknown> {
  const script = `local all = {}
    local keys = redis.call('KEYS', '*')
    table.sort(keys)
    for _, key in ipairs(keys) do
      table.insert(all, {key, redis.sha1hex(redis.call('DUMP', key)), redis.call('PEXPIRETIME', key)})
    end
    return all`;
  return Promise.all([
    ask(["EVAL", script, 0], TOKEN),
    ask(["DBSIZE"], TOKEN),
    ask(["FUNCTION", "LIST", "WITHCODE"], TOKEN),
    ask(["CONFIG", "GET", "notify-keyspace-events"], TOKEN),
    ask(["XINFO", "STREAM", "stream", "FULL"], TOKEN).then((text) =>
      text.replaceAll(/"(?:active|seen)-time",[0-9]+/g, ""),
    ),
  ]);
}

/** The names of all commands of a Redis, and of their subcommands: `config|get`. */
async function commandsOf(url: string): Promise<string[]> {
  const backend = await connectRedis(url);
  const reply = await backend.execute([new TextEncoder().encode("COMMAND")] as CommandBytes);
  await backend.close();
  const itemsOf = (value: RespValue | undefined): readonly RespValue[] =>
    value?.kind === "array" ? (value.items ?? []) : [];
  const nameOf = (value: RespValue | undefined): string =>
    value?.kind === "bulk" ? new TextDecoder().decode(value.bytes ?? undefined) : "";
  return itemsOf(reply).flatMap((command) => {
    const parts = itemsOf(command);
    return [nameOf(parts[0]), ...itemsOf(parts[9]).map((one) => nameOf(itemsOf(one)[0]))];
  });
}

const has = redisAvailable();

beforeAll(async () => {
  if (!has) return;
  server = await createDevServer({ backend: "redis-server", token: TOKEN, readOnlyToken: READER });
  const ends = KEYS.map((key) => ["PEXPIREAT", key, 4_000_000_000_000]);
  for (const command of [...SEED, ...ends, ["FUNCTION", "LOAD", LIBRARY]]) {
    const text = await ask(command, TOKEN);
    if (text.includes('"error"')) throw new Error(`Cannot seed ${command[0]}: ${text}`);
  }
});
afterAll(() => server?.close());

describe.skipIf(!has)("a read-only token", () => {
  test("changes nothing and lists no key by any command of this Redis", async () => {
    const redis = await startRedis();
    const names = await commandsOf(redis.url).finally(() => redis.stop());
    expect(names.length).toBeGreaterThan(240);
    const before = await everything();
    const counts = { ran: 0, refused: 0 };
    for (const name of names) {
      const words = name.split("|");
      const commands = KEYS.concat("made", "absent").flatMap((key) =>
        TAILS.flatMap((tail) => [
          [...words, key, ...tail],
          [...words, "1", key, ...tail],
        ]),
      );
      commands.push(
        words,
        [...words, "*"],
        [...words, "0"],
        [...words, "string", "made"],
        [...words, "GROUP", "group", "me", "STREAMS", "stream", ">"],
      );
      const answers = JSON.parse(await ask(commands, READER, "/pipeline")) as {
        error?: string;
        result?: unknown;
      }[];
      for (const { error } of answers) counts[error === undefined ? "ran" : "refused"] += 1;
      // What a command may say of keys that were not named is their number.
      const listed = answers.filter(({ result }) => JSON.stringify(result)?.includes(UNNAMED) === true);
      expect([name, listed.slice(0, 1)]).toEqual([name, []]);
      await ask(commands.slice(0, 40), READER, "/multi-exec");
    }
    expect(await everything()).toEqual(before);
    // The pass is no proof if nothing got through, or everything.
    expect(counts.ran).toBeGreaterThan(2_000);
    expect(counts.refused).toBeGreaterThan(20_000);
  });

  const WAYS: readonly (readonly [
    way: string,
    wrap: (command: readonly string[]) => readonly (string | number)[],
  ])[] = [
    ["EVAL_RO", (command) => ["EVAL_RO", "return redis.call(unpack(ARGV))", 0, ...command]],
    ["EVAL_RO with pcall", (command) => ["EVAL_RO", "return redis.pcall(unpack(ARGV))", 0, ...command]],
    [
      "EVAL_RO with a shebang",
      (command) => ["EVAL_RO", "#!lua flags=no-writes\nreturn redis.call(unpack(ARGV))", 0, ...command],
    ],
    ["EVALSHA_RO", (command) => ["EVALSHA_RO", "SHA", 0, ...command]],
    ["FCALL_RO", (command) => ["FCALL_RO", "reads", 0, ...command]],
    ["FCALL_RO of a function that writes", (command) => ["FCALL_RO", "writes", 0, ...command]],
    ["EVAL", (command) => ["EVAL", "return redis.call(unpack(ARGV))", 0, ...command]],
    ["EVALSHA", (command) => ["EVALSHA", "SHA", 0, ...command]],
    ["FCALL", (command) => ["FCALL", "reads", 0, ...command]],
    ["FCALL of a function that writes", (command) => ["FCALL", "writes", 0, ...command]],
  ];
  const HARM: readonly (readonly string[])[] = [
    ["KEYS", "*"],
    ["SCAN", "0"],
    ["RANDOMKEY"],
    ["SET", "string", "x"],
    ["DEL", "string"],
    ["EXPIRE", "string", "1"],
    ["GETEX", "string", "PERSIST"],
    ["GETDEL", "string"],
    ["SORT", "list", "STORE", "made"],
    ["GEORADIUS", "geo", "15", "37", "200", "km", "STORE", "made"],
    ["BITFIELD", "bits", "SET", "u8", "0", "7"],
    ["PFADD", "hll", "z"],
    ["XADD", "stream", "*", "f", "v"],
    ["XREADGROUP", "GROUP", "group", "me", "STREAMS", "stream", ">"],
    ["SPOP", "set"],
    ["PUBLISH", "channel", "x"],
    ["FLUSHALL"],
    ["CONFIG", "SET", "notify-keyspace-events", "KEA"],
    ["ACL", "SETUSER", "zstash-reader", "+@all"],
    ["SCRIPT", "FLUSH"],
    ["FUNCTION", "FLUSH"],
    ["SWAPDB", "0", "1"],
    ["SELECT", "1"],
    ["OBJECT", "IDLETIME", "string"],
  ];

  test.each(WAYS)("changes nothing and lists no key by %s", async (way, wrap) => {
    const loaded = await ask(["SCRIPT", "LOAD", "return redis.call(unpack(ARGV))"], TOKEN);
    const sha = (JSON.parse(loaded) as { result: string }).result;
    const before = await everything();
    for (const command of HARM) {
      const script = wrap(command).map((word) => (word === "SHA" ? sha : word));
      for (const path of ["/", "/pipeline", "/multi-exec"]) {
        const text = await ask(path === "/" ? script : [script], READER, path);
        if (command[0] !== "OBJECT")
          expect([command[0], text]).toEqual([command[0], expect.stringContaining('"error"')]);
        expect(text).not.toContain(UNNAMED);
      }
    }
    expect(await everything()).toEqual(before);
    const read = wrap(["GET", "string"]).map((word) => (word === "SHA" ? sha : word));
    const readable = way.includes("_RO") && !way.includes("writes");
    expect(await ask(read, READER)).toEqual(readable ? '{"result":"41"}' : expect.stringMatching(/error/));
  });

  test("runs no script where no user can be made for it: on a Redis by URL, which is somebody's", async () => {
    const redis = await startRedis();
    const other = await createDevServer({ redis: redis.url, token: TOKEN, readOnlyToken: READER });
    try {
      for (const name of ["EVAL_RO", "EVALSHA_RO", "FCALL_RO"]) {
        const init = {
          method: "POST",
          headers: { authorization: `Bearer ${READER}` },
          body: JSON.stringify([name, "return 1", 0]),
        };
        expect(await (await other.fetch("http://x/", init)).json()).toEqual({
          error: `NOPERM this user has no permissions to run the '${name.toLowerCase()}' command`,
        });
      }
    } finally {
      await other.close();
      await redis.stop();
    }
  });
});
