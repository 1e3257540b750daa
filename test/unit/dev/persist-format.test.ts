/** The file of `persist`: what is written is read again, and every change of it is found. */
import { describe, expect, test } from "vitest";
import type { CommandBytes } from "../../../src/dev/backend.ts";
import { createEmbeddedBackend } from "../../../src/dev/embedded/index.ts";
import { readFileOf, writeFileOf } from "../../../src/dev/persist-format.ts";
import { ZstashError } from "../../../src/errors.ts";
import { seededRandom } from "../../support/random.ts";

const commandOf = (...words: (string | Uint8Array)[]): CommandBytes =>
  words.map((word) => (typeof word === "string" ? Buffer.from(word) : word));

/** Replies and commands with their bytes as text, so that it does not matter which class holds them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
}

const fileOf = (commands: readonly CommandBytes[]): Buffer => Buffer.concat([...writeFileOf(commands)]);

const many = Array.from({ length: 600 }, (_, index) => commandOf("SET", `k${index}`, `v${index}`));

function faultOf(bytes: Uint8Array): { code: string; message: string } {
  try {
    readFileOf(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(ZstashError);
    return error as ZstashError;
  }
  throw new Error("the file was read");
}

describe("the format", () => {
  test.each([0, 1, 255, 256, 257, 512, 600])("is read as it was written, %i commands", (count) => {
    const commands = many.slice(0, count);
    const read = readFileOf(fileOf(commands));
    expect(read.map(({ command }) => plain(command))).toEqual(plain(commands));
  });

  test("keeps all bytes: text as text, the rest in base64", () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const odd = ["", "\ufeffx", "a\nb\r\u2028", "\ud83d\ude00", '{"base64":"AA=="}'];
    const commands = [
      commandOf("SET", all, ...odd),
      commandOf("SET", "", new Uint8Array(3_000_000).fill(200)),
    ];
    const file = fileOf(commands);
    expect(file.toString()).toContain('"a\\nb\\r');
    const read = readFileOf(file).map(({ command }) => command.map((bytes) => Buffer.from(bytes)));
    expect(read).toEqual(commands.map((command) => command.map((bytes) => Buffer.from(bytes))));
  });

  test("says what it is in its first line", () => {
    expect(fileOf([]).toString()).toMatch(
      /^\{"kind":"zstash dev --persist","version":1\}\n\{"end":0,"sha256":"[0-9a-f]{64}"\}\n$/,
    );
  });
});

describe("a fault", () => {
  const file = fileOf(many);
  const lines = file.toString().split("\n");
  const changed = (line: number, text: string): Buffer =>
    Buffer.from(lines.map((one, at) => (at === line - 1 ? text : one)).join("\n"));

  test.each([
    ["an empty file", Buffer.alloc(0), "UNSUPPORTED", /^it is empty$/],
    ["another program's file", Buffer.from('["SET","k","v"]\n'), "UNSUPPORTED", /^line 1 is not/],
    ["an image", Buffer.from("89504e470d0a1a0a0000", "hex"), "UNSUPPORTED", /^line 1 is not/],
    ["JSON that is null", Buffer.from("null\n"), "UNSUPPORTED", /^line 1 is not/],
    [
      "a later version",
      changed(1, lines[0]!.replace("1}", "2}")),
      "UNSUPPORTED",
      /^its version is 2, .* reads version 1$/,
    ],
    [
      "a changed value",
      changed(100, '["SET","k98","V98"]'),
      "CORRUPT",
      /^lines 1 to 258 are not as they were written$/,
    ],
    ["a changed value later", changed(300, '["SET","x","y"]'), "CORRUPT", /^lines 259 to 515 are not/],
    [
      "a missing line",
      Buffer.from(lines.toSpliced(299, 1).join("\n")),
      "CORRUPT",
      /^lines 259 to 514 are not/,
    ],
    ["broken JSON", changed(300, '["SET","x'), "CORRUPT", /^line 300 is not JSON/],
    ["a line of something else", changed(300, "7"), "CORRUPT", /^line 300 is no command/],
    [
      "a removed checksum",
      Buffer.from(lines.toSpliced(257, 1).join("\n")),
      "CORRUPT",
      /^lines 1 to 514 are not/,
    ],
    [
      "a line after the end",
      Buffer.concat([file, Buffer.from('["FLUSHALL"]\n')]),
      "CORRUPT",
      /comes after the end$/,
    ],
    ["two files", Buffer.concat([file, file]), "CORRUPT", /comes after the end$/],
  ])("%s is named by reason and place", (_, bytes, code, text) => {
    expect(faultOf(bytes)).toMatchObject({ code, message: expect.stringMatching(text) });
  });

  test("a file that ends early is refused wherever it ends", () => {
    const short = fileOf(many.slice(0, 300));
    for (let length = 1; length < short.length; length += 37) {
      const { code, message } = faultOf(short.subarray(0, length));
      expect(code).toBe(length < 46 ? "UNSUPPORTED" : "CORRUPT");
      if (length > 46)
        expect(message).toMatch(/^it ends (within line \d+|after line \d+, before its last line)$/);
    }
    expect(faultOf(short.subarray(0, -1)).message).toMatch(/^it ends within line 303$/);
  });

  test("any flipped bit is found", () => {
    const random = seededRandom(13);
    for (let round = 0; round < 300; round++) {
      const bytes = Buffer.from(file);
      const at = random.below(bytes.length);
      bytes[at]! ^= 1 << random.below(8);
      expect(["CORRUPT", "UNSUPPORTED"]).toContain(faultOf(bytes).code);
    }
  });
});

describe("a snapshot", () => {
  const future = `${Date.now() + 3_600_000}`;
  const binary = Buffer.from([0, 255, 10, 34]);
  /** For every type of the keyspace: a command that makes one, and one that reads it. */
  const types: Readonly<Record<string, readonly CommandBytes[]>> = {
    string: [commandOf("SET", "string", binary), commandOf("GET", "string")],
    hash: [commandOf("HSET", "hash", binary, "1", "g", binary), commandOf("HGETALL", "hash")],
    list: [commandOf("RPUSH", "list", "b", binary, "b", ""), commandOf("LRANGE", "list", "0", "-1")],
    set: [commandOf("SADD", "set", binary, "a", ""), commandOf("SMEMBERS", "set")],
    zset: [
      commandOf("ZADD", "zset", "1.5", binary, "-inf", "low", "0.1", "x", "3", "y"),
      commandOf("ZRANGE", "zset", "0", "-1", "WITHSCORES"),
    ],
    stream: [
      commandOf("XADD", "stream", "5-1", binary, "1", "g", binary),
      commandOf("XRANGE", "stream", "-", "+"),
    ],
  };

  async function copyOf(source: ReturnType<typeof createEmbeddedBackend>) {
    const target = createEmbeddedBackend();
    for (const { command } of readFileOf(fileOf(source.snapshot()))) {
      const reply = await target.execute(command);
      expect(reply.kind).not.toBe("error");
    }
    return target;
  }

  test.each(Object.entries(types))("has a %s", async (type, [make, read]) => {
    const source = createEmbeddedBackend();
    const made = await source.execute(make!);
    expect(made.kind).not.toBe("error");
    const target = await copyOf(source);
    expect(await target.execute(commandOf("TYPE", type))).toEqual({ kind: "status", text: type });
    expect(plain(await target.execute(read!))).toEqual(plain(await source.execute(read!)));
  });

  test("has what a stream remembers, its groups, and what they have yet to acknowledge", async () => {
    const source = createEmbeddedBackend();
    const run = (...words: string[]) => source.execute(commandOf(...words));
    for (const id of ["1-1", "2-1", "3-1", "9-9"]) await run("XADD", "s", id, "f", id);
    await run("XGROUP", "CREATE", "s", "g", "0");
    await run("XREADGROUP", "GROUP", "g", "alice", "COUNT", "2", "STREAMS", "s", ">");
    await run("XREADGROUP", "GROUP", "g", "bob", "COUNT", "1", "STREAMS", "s", ">");
    await run("XACK", "s", "g", "1-1");
    await run("XDEL", "s", "9-9");
    await run("XADD", "empty", "7-7", "f", "v");
    await run("XDEL", "empty", "7-7");
    await run("XGROUP", "CREATE", "empty", "none", "$");
    const target = await copyOf(source);
    for (const question of [
      commandOf("XRANGE", "s", "-", "+"),
      commandOf("XINFO", "STREAM", "s"),
      commandOf("XPENDING", "s", "g"),
      commandOf("XLEN", "empty"),
      commandOf("XINFO", "GROUPS", "s"),
      commandOf("XINFO", "GROUPS", "empty"),
      // Too small for either of them: the last ID is remembered.
      commandOf("XADD", "s", "9-8", "f", "v"),
      commandOf("XADD", "empty", "7-7", "f", "v"),
    ])
      expect(plain(await target.execute(question))).toEqual(plain(await source.execute(question)));
  });

  test("has scores to the last bit", async () => {
    const source = createEmbeddedBackend();
    const scores = ["0.1", "1e300", "5e-324", "-inf", "inf", "-0", "9007199254740993", "0.30000000000000004"];
    await source.execute(commandOf("ZADD", "z", ...scores.flatMap((score) => [score, `m${score}`])));
    const target = await copyOf(source);
    const question = commandOf("ZRANGE", "z", "0", "-1", "WITHSCORES");
    expect(plain(await target.execute(question))).toEqual(plain(await source.execute(question)));
  });

  test("has times to live of keys and fields, as points in time", async () => {
    const source = createEmbeddedBackend();
    await source.execute(commandOf("SET", "k", "v", "PXAT", future));
    await source.execute(commandOf("HSET", "h", "f", "1", "g", "2"));
    await source.execute(commandOf("HPEXPIREAT", "h", future, "FIELDS", "1", "f"));
    await source.execute(commandOf("PEXPIREAT", "h", future));
    await source.execute(commandOf("SET", "gone", "v", "PX", "1"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    const target = await copyOf(source);
    for (const question of [
      commandOf("PEXPIRETIME", "k"),
      commandOf("PEXPIRETIME", "h"),
      commandOf("HPEXPIRETIME", "h", "FIELDS", "2", "f", "g"),
      commandOf("EXISTS", "gone"),
    ])
      expect(plain(await target.execute(question))).toEqual(plain(await source.execute(question)));
    expect(await target.execute(commandOf("PEXPIRETIME", "k"))).toMatchObject({ value: Number(future) });
  });

  test("has strings of many MiB and lists of many items, in their order", async () => {
    const source = createEmbeddedBackend();
    const large = Buffer.alloc(20 * 1024 * 1024 + 5, "abc");
    await source.execute(commandOf("SET", "s", large));
    const items = Array.from({ length: 2001 }, (_, index) => `${index}`);
    await source.execute(commandOf("RPUSH", "l", ...items));
    await source.execute(commandOf("HSET", "h", ...items.flatMap((item) => [item, item])));
    const target = await copyOf(source);
    const read = await target.execute(commandOf("GET", "s"));
    expect(read.kind === "bulk" && read.bytes !== null && large.equals(read.bytes)).toBe(true);
    for (const question of [commandOf("LRANGE", "l", "0", "-1"), commandOf("HKEYS", "h")])
      expect(plain(await target.execute(question))).toEqual(plain(await source.execute(question)));
  });

  test("does not change when the keyspace does", async () => {
    const source = createEmbeddedBackend();
    await source.execute(commandOf("SET", "k", "aaa"));
    const snapshot = source.snapshot();
    await source.execute(commandOf("SETRANGE", "k", "0", "b"));
    await source.execute(commandOf("DEL", "k"));
    expect(plain(snapshot[0])).toEqual(["SET", "k", "aaa"]);
  });
});
