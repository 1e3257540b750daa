/** `zstash train --keys`: it takes values of a Redis that is in use, reads only, and copes with what keys may do meanwhile. */
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createDevServer, type RequestRecord } from "../../../src/dev/index.ts";
import { loadZstd, readDictionary } from "../../../src/index.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { Redis } from "../../../src/redis.ts";
import { encodeValue } from "../../../src/upstash/index.ts";
import { trainDictionary } from "../../../src/train/index.ts";
import { sessionRecords } from "../../conformance/records.ts";
import { backends } from "../../support/backends.ts";
import { shown, terminalAvailable } from "../../support/cli-run.ts";
import { useRedis } from "../../support/redis.ts";
import { environmentOf, jsonOf, READER, storeSessions, TOKEN, useCli, useServer } from "./rig.ts";
import type { Trained } from "./rig.ts";

const cli = useCli();
const SMALL = ["--max-size", "8KB", "--json"];
const none = { large: 0, otherType: 0, gone: 0, refused: 0, undecodable: 0, unneeded: 0 };

describe.each(backends)("zstash train --keys on %s", (backend) => {
  const rig = useServer({ backend });

  test("trains on all values of a pattern, whatever order they come in", async () => {
    const { send, env } = rig();
    const records = await storeSessions(send, 400);
    await storeSessions(send, 50, "other:");
    const keys = ["train", "--keys", "session:*", ...SMALL];
    const made = jsonOf<Trained>(await cli.run(keys, { env }));
    expect(made.sources).toEqual({ offered: 400, chosen: 400, taken: 400, left: none });
    expect(made.report.samples).toBe(400);
    // The same keys, stored anew in another order.
    await send(["FLUSHALL"]);
    const backwards = records.map((record, index) => ["SET", `session:${index}`, record]);
    await send(...backwards.toReversed());
    expect(jsonOf<Trained>(await cli.run(keys, { env })).id).toBe(made.id);
  });

  test("draws a part by the hashes of the keys", async () => {
    const { send, env } = rig();
    await storeSessions(send, 2000);
    const args = ["train", "--keys", "session:*", "--samples", "300", ...SMALL];
    const made = jsonOf<Trained>(await cli.run(args, { env }));
    expect(made.sources).toEqual({ offered: 2000, chosen: 300, taken: 300, left: none });
    const { output } = await cli.run(args.slice(0, -1), { env });
    expect(output).toMatch(/^2000 keys found, 300 drawn by their hash: 300 values read\nDictionary /);
  });

  test("decodes what zstash wrote, in both carriers and with dictionaries of Redis", async () => {
    const { send, env, url } = rig();
    const records = sessionRecords(300);
    const old = readDictionary((await trainDictionary(records, { maxSize: 2048 })).dictionary);
    const manager = createDictionaryManager({ url, token: TOKEN });
    const { id } = await manager.publish(old.bytes, { pattern: "session:*", share: 1 });
    const zstd = await loadZstd();
    const dictionary = readDictionary((await manager.show(id))!.bytes);
    const redis = new Redis({ url, token: TOKEN, enableTelemetry: false });
    for (const [index, record] of records.entries()) {
      const key = `session:${index}`;
      if (index % 3 === 0) await send(["SET", key, record]);
      else {
        const dictionaries = index % 2 === 0 ? { dictionaries: [dictionary] } : {};
        const policy = { minSize: 16, minSavings: 0 };
        if (index % 3 === 1) await send(["SET", key, encodeValue(zstd, record, { policy, ...dictionaries })]);
        else await redis.set(key, JSON.parse(record));
      }
    }
    const made = jsonOf<Trained>(await cli.run(["train", "--keys", "session:*", ...SMALL], { env }));
    expect(made.sources).toEqual({ offered: 300, chosen: 300, taken: 300, left: none });
    // The sample is the same as that of the plain values.
    await send(...records.map((record, index) => ["SET", `session:${index}`, record]));
    expect(jsonOf<Trained>(await cli.run(["train", "--keys", "session:*", ...SMALL], { env })).id).toBe(
      made.id,
    );
    // What is zstash's own is no sample, also where the pattern takes it.
    const all = jsonOf<Trained>(await cli.run(["train", "--keys", "*", ...SMALL], { env }));
    expect(all.sources.offered).toBe(300);
    await send(["SET", "session:0", encodeValue(zstd, records[0]!, { dictionaries: [dictionary] })]);
    await manager.retire(id);
    await send(["DEL", `zstash:dict:${id}`]);
    const left = jsonOf<Trained>(await cli.run(["train", "--keys", "session:*", ...SMALL], { env })).sources;
    expect(left).toMatchObject({ taken: 299, left: { ...none, undecodable: 1 } });
  });

  test("leaves out other types, what is huge, empty or gone, and a bomb", async () => {
    const { send, env } = rig();
    await storeSessions(send, 100);
    const zstd = await loadZstd();
    const bomb = encodeValue(zstd, "x".repeat(20 << 20));
    await send(
      ["LPUSH", "session:list", "x"],
      ["HSET", "session:hash", "f", "x"],
      ["SET", "session:huge", "x".repeat(2 << 20)],
      ["SET", "session:bomb", bomb],
      ["SET", "session:empty", ""],
      ["SET", "session:broken", "zs1:KLUv/QBYnonsense"],
      ["SET", "session:short", "x", "PX", 1],
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    const made = jsonOf<Trained>(await cli.run(["train", "--keys", "session:*", ...SMALL], { env }));
    expect(made.sources.taken).toBe(100);
    expect(made.sources.left).toEqual({ ...none, large: 2, gone: 1, undecodable: 1 });
    const names = "session:1\nsession:list\nsession:nothing\n\nsession:2\r\nsession:2\n";
    const few = await cli.run(["train", "--key-list", "-", ...SMALL], { env, input: names });
    expect(few.errors).toMatch(/10 different ones are needed, got 2/);
    const { output } = await cli.run(["train", "--keys", "session:*", "--max-size", "8KB"], { env });
    expect(output).toMatch(/\nLeft out: 1 gone or empty, 2 larger than 128 KiB, 1 not to be decoded\n/);
  });

  test("only reads: a token that may not write, and keys by name, are enough", async () => {
    const { send, url } = rig();
    await storeSessions(send, 120);
    await send(["LPUSH", "session:list", "x"]);
    const before = await send(["DBSIZE"], ["GET", "session:7"]);
    const env = environmentOf(url, READER);
    const input = [...Array.from({ length: 120 }, (_, index) => `session:${index}`), "session:list"].join(
      "\n",
    );
    const made = jsonOf<Trained>(await cli.run(["train", "--key-list", "-", ...SMALL], { env, input }));
    expect(made.sources).toEqual({ offered: 121, chosen: 121, taken: 120, left: { ...none, otherType: 1 } });
    // It may not list keys, as at Upstash, and is told the way out.
    const { code, output, errors } = await cli.run(["train", "--keys", "session:*", ...SMALL], { env });
    expect({ code, output }).toEqual({ code: 1, output: "" });
    expect(errors).toMatch(
      /NOPERM .*'scan'.* Use a token that may scan, or name the keys in --key-list, which a read-only token may read: --token or UPSTASH_REDIS_REST_TOKEN\n$/,
    );
    expect(errors).not.toContain(READER);
    expect(await send(["DBSIZE"], ["GET", "session:7"])).toEqual(before);
  });

  test("takes a server that has no SCAN by type, and leaves out other types there", async () => {
    const { send, url } = rig();
    await storeSessions(send, 100);
    await send(["LPUSH", "session:list", "x"], ["SADD", "session:set", "x"]);
    const scans: string[][] = [];
    const old = createServer((request, response) => {
      let body = "";
      request.on("data", (part: Buffer) => (body += part.toString()));
      request.on("end", () => {
        const command = JSON.parse(body) as string[];
        if (command[0] === "SCAN") scans.push(command);
        if (command[0] === "SCAN" && command.includes("TYPE"))
          return void response.writeHead(400).end(JSON.stringify({ error: "ERR syntax error" }));
        const headers = request.headers as Record<string, string>;
        void fetch(`${url}${request.url}`, { method: "POST", headers, body }).then(async (reply) => {
          const type = reply.headers.get("content-type") ?? "";
          const format = reply.headers.get("upstash-response-format");
          response.writeHead(reply.status, {
            "content-type": type,
            ...(format === null ? {} : { "upstash-response-format": format }),
          });
          response.end(Buffer.from(await reply.arrayBuffer()));
        });
      });
    });
    await new Promise<void>((resolve) => old.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = old.address() as AddressInfo;
      const env = environmentOf(`http://127.0.0.1:${port}`, TOKEN);
      const made = jsonOf<Trained>(await cli.run(["train", "--keys", "session:*", ...SMALL], { env }));
      expect(made.sources).toEqual({
        offered: 102,
        chosen: 102,
        taken: 100,
        left: { ...none, otherType: 2 },
      });
      expect(scans[0]).toContain("TYPE");
      expect(scans.at(-1)).not.toContain("TYPE");
    } finally {
      await new Promise((resolve) => old.close(resolve));
    }
  });

  test("copes with keys that go away while it looks", async () => {
    const { send, env } = rig();
    await storeSessions(send, 3000);
    const running = cli.start(["train", "--keys", "session:*", "--rate", "2000", ...SMALL], { env });
    let at = 0;
    const shrinking = setInterval(() => {
      if (at < 2500) void send(["DEL", ...Array.from({ length: 50 }, () => `session:${at++}`)]);
    }, 20);
    const ended = await running.ended;
    clearInterval(shrinking);
    const { sources } = jsonOf<Trained>(ended);
    expect(sources.taken).toBeGreaterThanOrEqual(500);
    expect(sources.taken + sources.left!["gone"]!).toBe(sources.chosen);
    expect(sources.left).toEqual({ ...none, gone: sources.left!["gone"] });
  });

  test.runIf(terminalAvailable())("shows the text and asks before it publishes", async () => {
    const { send, env } = rig();
    await storeSessions(send, 200);
    const args = ["train", "--keys", "session:*", "--max-size", "4KB", "--publish", "session:*"];
    for (const [input, published] of [
      ["n\n", false],
      ["\n", false],
      ["y\n", true],
    ] as const) {
      const { code, output } = await cli.terminal(args, { env, input });
      const screen = shown(output);
      expect(screen.indexOf("The text in it")).toBeLessThan(screen.indexOf("Dictionary "));
      expect(screen.indexOf("Dictionary ")).toBeLessThan(screen.indexOf("Publish it for session:*?"));
      expect(screen).toContain("Mozilla/5.0");
      expect(code).toBe(published ? 0 : 1);
      expect(screen.endsWith("\nNot published\n")).toBe(!published);
      expect((await send(["EXISTS", "zstash:dicts"]))[0]).toBe(published ? 1 : 0);
    }
    const yes = await cli.run([...args, "--yes", "--canary", "50%", "--json"], { env });
    expect(jsonOf<Trained>(yes)).toMatchObject({ published: { share: 0.5, pattern: "session:*" } });
    expect(yes.errors).toBe("");
  });

  test.runIf(terminalAvailable())("Ctrl-C takes the progress away, and ends it as ever", async () => {
    const { send, env } = rig();
    await storeSessions(send, 1000);
    const before = await send(["DBSIZE"]);
    const args = [
      "train",
      "--keys",
      "session:*",
      "--rate",
      "100",
      "--out",
      join(cli.folder, "interrupted.dict"),
    ];
    const { code, output } = await cli.terminal(args, { env, input: "\u0003", when: "values read" });
    // That is what a shell says of a program that SIGINT has ended.
    expect(code).toBe(130);
    expect(output).toContain("of 1000 values read");
    expect(shown(output)).not.toContain("values read");
    expect(readdirSync(cli.folder).filter((name) => name.startsWith("interrupted"))).toEqual([]);
    expect(await send(["DBSIZE"])).toEqual(before);
  });

  test.runIf(terminalAvailable())("shows how far it is, in one line of at most 80 columns", async () => {
    const { send, env } = rig();
    await storeSessions(send, 1500);
    const { output } = await cli.terminal(["train", "--keys", "session:*", "--max-size", "2KB"], { env });
    const lines = output.split("\r\u001b[K").map((line) => line.split("\n")[0]!);
    const shownLines = lines.filter((line) => line.startsWith("["));
    expect(shownLines[0]).toMatch(/^\[#*-*\] \d+ % {2}\d+ of about 1500 keys, \d+ match$/);
    expect(shownLines.some((line) => /\d+ of 1500 values read, [\d.]+ \w+$/.test(line))).toBe(true);
    for (const line of lines) expect(line.length).toBeLessThan(80);
  });
});

describe.runIf(backends.includes("redis-server"))("zstash train --keys with limited rights", () => {
  const redis = useRedis(["--user", ..."limited on >secret ~session:* +@read +ping".split(" ")]);
  const rig = useServer({ redis: () => redis().url });

  test("takes what it may read, and tells what was refused", async () => {
    const { send } = rig();
    await storeSessions(send, 100);
    await storeSessions(send, 30, "sessions-of-others:");
    const limited = await createDevServer({
      redis: redis().url.replace("//", "//limited:secret@"),
      token: TOKEN,
    });
    try {
      const { url } = await limited.listen();
      const env = environmentOf(url, TOKEN);
      const made = jsonOf<Trained>(await cli.run(["train", "--keys", "session*", ...SMALL], { env }));
      expect(made.sources).toEqual({ offered: 130, chosen: 130, taken: 100, left: { ...none, refused: 30 } });
      const nothing = await cli.run(["train", "--keys", "sessions-*", ...SMALL], { env });
      expect(nothing).toMatchObject({ code: 1, output: "" });
      expect(nothing.errors).toMatch(/^Cannot run the command: NOPERM .* Use a token that may scan/);
    } finally {
      await limited.close();
    }
  });

  test("no faster than it may: a rate is kept", async () => {
    await storeSessions(rig().send, 60);
    const records: RequestRecord[] = [];
    const onRequest = (record: RequestRecord): void => void records.push(record);
    const server = await createDevServer({ redis: redis().url, token: TOKEN, onRequest });
    try {
      const env = environmentOf((await server.listen()).url, TOKEN);
      const args = ["train", "--keys", "session:*", "--rate", "60", ...SMALL];
      expect(jsonOf<Trained>(await cli.run(args, { env })).sources.taken).toBe(60);
    } finally {
      await server.close();
    }
    expect(records.map(({ commands }) => commands[0])).toEqual(
      expect.arrayContaining(["DBSIZE", "SCAN", "STRLEN", "GETRANGE"]),
    );
    // 120 commands for the values, 60 a second, in requests of 6.
    const values = records.filter(({ commands }) => ["STRLEN", "GETRANGE"].includes(commands[0]!));
    expect(values.reduce((sum, { count }) => sum + count, 0)).toBe(120);
    expect(Math.max(...values.map(({ count }) => count))).toBe(6);
    expect(values.at(-1)!.at - values[0]!.at).toBeGreaterThan(1800);
  });
});

describe("zstash train --keys without a Redis", () => {
  test.each([
    [
      "http://127.0.0.1:1",
      /^Cannot reach the server at 127\.0\.0\.1:1: .*Check --url or UPSTASH_REDIS_REST_URL/,
    ],
    ["redis://127.0.0.1", /^Cannot train: "url" is the TCP address: .*"zstash train --help"\n$/],
  ])("at %s", async (url, text) => {
    const { code, output, errors } = await cli.run(["train", "--keys", "*"], {
      env: environmentOf(url, TOKEN),
    });
    expect({ code: code === 0, output }).toEqual({ code: false, output: "" });
    expect(errors).toMatch(text);
    expect(errors).not.toContain(TOKEN);
  });

  test.each([
    [200, "<html>the-secret-token</html>"],
    [200, JSON.stringify([{ result: ["MA==", "the-secret-token"] }])],
    [404, "<html>the-secret-token</html>"],
    [400, JSON.stringify({ error: "ERR Bearer the-secret-token is odd" })],
  ])("where something else answers %i %s", async (status, body) => {
    const other = createServer((_, response) => response.writeHead(status).end(body));
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    try {
      const env = environmentOf(`http://127.0.0.1:${port}`, TOKEN);
      const { code, output, errors } = await cli.run(["train", "--keys", "*"], { env });
      expect({ code, output }).toEqual({ code: 1, output: "" });
      expect(errors).toMatch(/^Cannot .*UPSTASH_REDIS_REST_URL.*\n$/);
      expect(errors).not.toContain(TOKEN);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });
});
