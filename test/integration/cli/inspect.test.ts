/** `zstash inspect` against real servers: keys, fields, files and dictionaries, and how little of large values it reads. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { createStore } from "../../../src/store/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { newer, sessionOf } from "../../support/dictionaries.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";
import { linesShown, READER, serve, TOKEN, useCli, useServer } from "./rig.ts";

const zstd = await loadZstd();
const json = JSON.stringify(Array.from({ length: 1000 }, (_, id) => sessionOf(id)));
const random = randomBytes(12 << 20);
const hasScript = requireOrSkip(
  "script",
  spawnSync("script", ["--version"]).status === 0,
  "apt-get install bsdutils",
  false,
);

describe.each(backends)("on %s", (backend) => {
  const received: number[] = [];
  const served = useServer({ backend, onRequest: ({ responseSize = 0 }) => received.push(responseSize) });
  const cli = useCli(served);
  const text = async (...args: string[]): Promise<string> =>
    (await cli().run(["inspect", ...args])).output.toString();

  test("a value in each carrier, with its lifetime", async () => {
    await served().setBytes("raw", zstd.compress(json));
    await served().command("SET", "text", toTextCarrier(zstd.compress(json)), "EX", 7200);
    await served().command("SET", "plain", json);
    expect(await text("raw")).toMatch(
      /^compressed by zstash \(raw carrier\), .*\n\n {2}key +raw\n {2}expires +never\n[^]*right/,
    );
    expect(await text("text")).toMatch(
      /^compressed by zstash \(text carrier\), [^]*expires +in 2 h\n[^]*carrier +text: zs1:/,
    );
    expect(await text("plain")).toMatch(/^not compressed, [^]*with zstash +\d/);
    const parsed = JSON.parse(await text("text", "--json")) as Record<string, unknown>;
    expect(parsed).toMatchObject({
      key: "text",
      carrier: "text",
      compressed: true,
      damaged: false,
      verdict: { state: "right" },
    });
  });

  test("a damaged value is exit code 1, one that is not there or no string too", async () => {
    const frame = zstd.compress(json);
    frame[frame.length >> 1]! ^= 0x10;
    await served().setBytes("damaged", frame);
    expect(await cli().run(["inspect", "damaged"])).toMatchObject({ code: 1, errors: "" });
    await served().command("HSET", "hash", "a", json, "b", toTextCarrier(zstd.compress(json)));
    await served().command("RPUSH", "list", "x");
    for (const [args, message] of [
      [
        ["gone"],
        'Cannot inspect "gone": there is no such key. Check its name, and --url; it may have expired\n',
      ],
      [
        ["hash"],
        'Cannot inspect "hash": it holds a hash: zstash compresses the values in its fields: give --field <name>\n',
      ],
      [["list"], 'Cannot inspect "list": it holds a list: zstash inspects strings, and fields of hashes\n'],
      [
        ["raw", "--field", "a"],
        'Cannot inspect "raw": it holds a string: it is no hash: leave out --field\n',
      ],
      [["hash", "--field", "c"], 'Cannot inspect "hash": there is no such field or no such key\n'],
    ] as const)
      expect(await cli().run(["inspect", ...args])).toMatchObject({ code: 1, errors: message });
    expect(await text("hash", "--field", "a")).toMatch(/^not compressed[^]*field +a/);
    expect(await text("hash", "--field", "b")).toMatch(/^compressed by zstash \(text carrier\)[^]*right/);
  });

  test("a large value is read at its ends, and whole on demand", async () => {
    const store = createStore({ url: served().url, token: TOKEN });
    await store.put("large", random, { layout: { frameSize: 65_536 } });
    received.length = 0;
    const ends = await text("large");
    expect(received.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000);
    expect(ends).toMatch(/checksum +present, not proven: --whole[^]*┤[^]*seek table/);
    const whole = await text("large", "--whole");
    expect(whole).toMatch(/frames +192, [^]*checksum +present, right/);
    expect(received.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(random.length);
  });

  test("a dictionary is looked for in Redis", async () => {
    const { url } = served();
    const { id } = await createDictionaryManager({ url, token: TOKEN }).publish(newer, {
      pattern: "d:*",
      share: 1,
    });
    const store = createStore({ url, token: TOKEN, dictionaries: "auto", dictionaryWait: 5000 });
    await store.put("d:1", JSON.stringify(sessionOf(1)));
    expect(await text("d:1")).toMatch(
      new RegExp(`checksum +present, right\\n +dictionary +${id}, in Redis as zstash:dict:${id} \\(`),
    );
    expect(await text(`zstash:dict:${id}`)).toContain("it is a dictionary, which lies in Redis in base64");
    await served().command("DEL", `zstash:dict:${id}`);
    expect(await text("d:1")).toMatch(new RegExp(`dictionary +${id}: NOT in Redis`));
  });

  test("a reader's token is enough", async () => {
    const env = { UPSTASH_REDIS_REST_TOKEN: READER };
    expect(await cli().run(["inspect", "raw"], { env })).toMatchObject({ code: 0, errors: "" });
  });
});

describe("files and keys", () => {
  const served = useServer({ backend: "embedded" });
  const cli = useCli(served);

  test("a file needs no server; a path that exists is one, unless --key is given", async () => {
    const { folder, run } = cli();
    writeFileSync(join(folder, "both"), zstd.compress(json));
    await served().command("SET", "both", "a value");
    const without = { UPSTASH_REDIS_REST_URL: "", UPSTASH_REDIS_REST_TOKEN: "" };
    for (const args of [["both"], ["file:both"], ["both", "--file"], ["./both"]]) {
      const { output } = await run(["inspect", ...args], { env: without });
      expect(output.toString()).toMatch(/^compressed \(a zstd file\), [^]*\n {2}file +(\.\/)?both\n/);
    }
    expect((await run(["inspect", "both", "--key"])).output.toString()).toMatch(
      /^not compressed, 7 B[^]*key +both\n/,
    );
    for (const [args, code, message] of [
      [["both", "--file", "--key"], 2, /--file together with --key/],
      [["file:none"], 1, /^Cannot inspect the file none: it does not exist\n$/],
      [[".", "--file"], 1, /it is no regular file/],
      [["none"], 2, /^Cannot inspect without a url/],
    ] as const)
      expect(await run(["inspect", ...args], { env: without })).toMatchObject({
        code,
        errors: expect.stringMatching(message),
      });
  });

  test.each([
    ["without RESP2", { noResp2: true }],
    ["without scripts", { noScripts: true }],
    ["with small limits", { maxRequestSize: 1 << 20, maxResponseSize: 1 << 20 }],
  ] as const)("a server %s", async (_, options) => {
    const other = await serve({ backend: "embedded", ...options });
    try {
      const env = { UPSTASH_REDIS_REST_URL: other.url };
      await createStore({ url: other.url, token: TOKEN }).put("k", random.subarray(0, 3 << 20), {
        layout: { frameSize: 65_536 },
      });
      const { output, errors } = await cli().run(["inspect", "k", "--whole"], { env });
      expect(errors).toBe("");
      expect(output.toString()).toMatch(/frames +48, [^]*checksum +present, right/);
    } finally {
      await other.server.close();
    }
  });

  test.skipIf(!hasScript)("in a terminal no line is wider than it, and colours obey NO_COLOR", async () => {
    await createStore({ url: served().url, token: TOKEN }).put("seek", json, {
      layout: { frameSize: 65_536 },
    });
    for (const [columns, env] of [
      [80, {}],
      [50, {}],
      [80, { NO_COLOR: "1" }],
    ] as const) {
      const line = `stty cols ${columns}; exec "${process.execPath}" "${cli().path}" inspect seek`;
      const { output } = await cli().shell(`script -qec '${line}' /dev/null`, {
        env: { TERM: "xterm-256color", ...env },
      });
      const lines = linesShown(output);
      expect(lines.length).toBeGreaterThan(15);
      for (const one of lines) expect([...one].length).toBeLessThanOrEqual(columns);
      expect(output.includes("\x1b[32m")).toBe(!("NO_COLOR" in env));
    }
  });
});
