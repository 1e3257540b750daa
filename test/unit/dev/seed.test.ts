/** Seeds: what NDJSON and lists give as commands, and what is said about wrong ones before anything runs. */
import { describe, expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import type { DevServer, Seed } from "../../../src/dev/index.ts";
import { readSeed } from "../../../src/dev/seed.ts";
import { rejection } from "../../support/rejection.ts";

async function textsOf(seed: Seed): Promise<string[][]> {
  const steps = await readSeed(seed);
  return steps.map(({ command }) => command.map((bytes) => Buffer.from(bytes).toString("latin1")));
}

async function send(server: DevServer, ...command: string[]): Promise<unknown> {
  const init = {
    method: "POST",
    headers: { authorization: `Bearer ${server.token}` },
    body: JSON.stringify(command),
  };
  return ((await (await server.fetch("http://localhost/", init)).json()) as { result: unknown }).result;
}

describe("NDJSON", () => {
  test("has a command in a line: strings, numbers, bytes in base64; empty lines are nothing", async () => {
    const text = '\ufeff["SET","k","ü"]\r\n\n  \n["INCRBY","n",-1.5]\n["SET","b",{"base64":"AP8="}]';
    expect(await textsOf(text)).toEqual([
      ["SET", "k", "Ã¼"],
      ["INCRBY", "n", "-1.5"],
      ["SET", "b", "\x00\xff"],
    ]);
    expect(await textsOf(new TextEncoder().encode(text))).toEqual(await textsOf(text));
    expect(await textsOf("")).toEqual([]);
    const places = (await readSeed(text)).map(({ place }) => place);
    expect(places).toEqual(["line 1", "line 4", "line 5"]);
  });

  test.each([
    ['["SET","k"', /line 2 is not JSON/],
    ['{"key":"k","value":"v"}', /line 2 is no command/],
    ['"SET"', /line 2 is no command/],
    ["[]", /line 2 is no command/],
    ["[1]", /line 2 has no command's name/],
    ['["SET","k",null]', /line 2 has an argument 2 that is no string, number or \{"base64"/],
    ['["SET","k",["v"]]', /argument 2/],
    ['["SET","k",{"base64":"AP8"}]', /argument 2/],
    ['["SET","k",{"base64":"AP8=","x":1}]', /argument 2/],
    ['["SET","k",9007199254740993]', /argument 2; write it as a string/],
    ['["SET","k",1e400]', /argument 2; write it as a string/],
  ])("with %s is refused, by line and reason, without its values", async (line, text) => {
    const error = await rejection(readSeed(`["SET","a","secret"]\n${line}\n["SET","c","d"]`));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(text);
    expect((error as Error).message).not.toContain("secret");
  });

  test("that is not UTF-8 is refused by line", async () => {
    const bytes = Buffer.concat([
      Buffer.from('["PING"]\n["SET","k","'),
      Buffer.of(0xff),
      Buffer.from('"]\n'),
    ]);
    expect(await rejection(readSeed(bytes))).toMatchObject({
      message: "Cannot use the seed: line 2 is not UTF-8",
    });
  });
});

describe("a list", () => {
  test("has commands of strings, numbers and bytes, and may be made on the way", async () => {
    const bytes = Uint8Array.of(0, 255);
    const list = [
      ["SET", "k", bytes],
      ["INCRBY", "n", 2],
    ] as const;
    async function* later(): AsyncGenerator<(typeof list)[number]> {
      yield* list;
    }
    const expected = [
      ["SET", "k", "\x00\xff"],
      ["INCRBY", "n", "2"],
    ];
    expect(await textsOf(list)).toEqual(expected);
    expect(await textsOf(new Set(list))).toEqual(expected);
    expect(await textsOf(later())).toEqual(expected);
  });

  test("is copied, so that its owner may go on writing to it", async () => {
    // The slice() of a Buffer is no copy.
    const bytes = Buffer.of(1);
    const [step] = await readSeed([["SET", "k", bytes]]);
    bytes[0] = 2;
    expect(step!.command[2]).toEqual(Uint8Array.of(1));
  });

  test.each([
    [5, /"seed" must be a list of commands/],
    [{}, /"seed" must be/],
    [["SET"], /command 1 is no command/],
    [[["PING"], []], /command 2 is no command/],
    [[["SET", "k", { base64: "AA==" }]], /argument 2 that is no string, number or Uint8Array/],
    [[["SET", "k", Number.NaN]], /argument 2; write it as a string/],
  ])("that is %j is refused", async (seed, text) => {
    const error = await rejection(createDevServer({ backend: "embedded", seed: seed as unknown as Seed }));
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(text);
  });
});

describe("a server", () => {
  test("has its seed before the first request, and nothing else after reset()", async () => {
    const server = await createDevServer({ backend: "embedded", seed: [["RPUSH", "l", "a", 1]] });
    try {
      expect(await send(server, "LRANGE", "l", "0", "-1")).toEqual(["a", "1"]);
      await send(server, "RPUSH", "l", "b");
      await send(server, "SET", "k", "v", "EX", "100");
      await server.reset();
      expect(await send(server, "KEYS", "*")).toEqual(["l"]);
      expect(await send(server, "LRANGE", "l", "0", "-1")).toEqual(["a", "1"]);
    } finally {
      await server.close();
    }
  });

  test("does not start with a command that fails, and names it", async () => {
    const seed = '["SET","k","secret"]\n\n["LPUSH","k","secret"]\n["SET","never","x"]\n';
    const error = await rejection(createDevServer({ backend: "embedded", seed }));
    expect(error).toMatchObject({ code: "REDIS" });
    expect((error as Error).message).toMatch(/^Cannot use the seed: line 3, LPUSH: WRONGTYPE/);
    expect((error as Error).message).not.toContain("secret");
    const refused = await rejection(createDevServer({ backend: "embedded", seed: [["BLPOP", "k", 0]] }));
    expect((refused as Error).message).toMatch(/command 1, BLPOP: ERR Command is not available/);
  });

  test("tells of no request for its seed", async () => {
    const records: unknown[] = [];
    const server = await createDevServer({
      backend: "embedded",
      seed: [["PING"]],
      onRequest: (record) => records.push(record),
    });
    expect(records).toEqual([]);
    await server.close();
  });
});
