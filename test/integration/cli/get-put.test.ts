/** `zstash get` and `zstash put`: files and pipes of any size, in every form, whole or not at all. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { loadZstd } from "../../../src/codec/zstd.ts";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { toTextCarrier } from "../../../src/value/carrier.ts";
import { backends } from "../../support/backends.ts";
import { until } from "../../support/cli-program.ts";
import { newer } from "../../support/dictionaries.ts";
import { zstdCliAvailable, zstdDecode } from "../../support/zstd-cli.ts";
import { ended, READER, serve, TOKEN, useCli, useServer } from "./rig.ts";

const hasZstd = zstdCliAvailable();
const json = Buffer.from(
  JSON.stringify(
    Array.from({ length: 4000 }, (_, id) => ({ id, name: `user ${id}`, mail: `u${id}@example.com` })),
  ),
);
const random = randomBytes(5 << 20);

describe.each(backends)("on %s", (backend) => {
  const served = useServer({ backend });
  const cli = useCli(served);

  test.each([
    ["one frame", json, []],
    ["frames of 64 KiB", json, ["--seekable"]],
    ["frames of a size", json, ["--frame-size", "16K"]],
    ["frames of a packet", json, ["--mtu", "1500"]],
    ["blocks of a size", json, ["--flush-size", "4096"]],
    ["the text carrier", json, ["--carrier", "text"]],
    ["pieces", random, ["--seekable"]],
    ["nothing", Buffer.alloc(0), []],
  ] as const)("%s comes back as it was", async (name, content, options) => {
    const key = `form:${name}`;
    const put = await cli().run(["put", key, ...options], { input: content });
    expect(put).toMatchObject({ code: 0, errors: "" });
    expect(put.output.toString()).toMatch(/^form:.*: .* stored in .* \(\d+(\.\d\d)?:1\), \d+ requests?\n/);
    const got = await cli().run(["get", key]);
    expect(got).toMatchObject({ code: 0, errors: "" });
    expect(got.output.equals(content)).toBe(true);
    if (hasZstd && content.length > 0) {
      const frames = await cli().run(["get", key, "--compressed"]);
      expect(Buffer.from(zstdDecode(frames.output)).equals(content)).toBe(true);
    }
  });

  test("a file is stored and read with what it says of it", async () => {
    const { folder, run } = cli();
    writeFileSync(join(folder, "users.json"), json);
    const put = await run(["put", "file", "users.json", "--ttl", "2h", "--seekable", "--json"]);
    const report = JSON.parse(put.output.toString()) as Record<string, number>;
    expect(report).toMatchObject({ key: "file", size: json.length, ttl: 7200 });
    expect(report["storedSize"]).toBe((await served().bytes("file")).length);
    expect(report["requests"]).toBeGreaterThan(0);
    expect(report["frameCount"]).toBe(Math.ceil(json.length / 65_536));
    expect(await served().command("TTL", "file")).toBeGreaterThan(7000);
    const got = await run(["get", "file", "copy.json"]);
    expect(got.output.toString()).toMatch(/^copy\.json: \d+\.\d KiB \(\d+\.\d KiB in Redis\)\n$/);
    expect(readFileSync(join(folder, "copy.json")).equals(json)).toBe(true);
  });

  test("ranges are half-open and clamped; one past the end says the size", async () => {
    await cli().run(["put", "range", "--frame-size", "4096"], { input: json });
    for (const [range, from, to] of [
      ["0:10", 0, 10],
      ["5000:9001", 5000, 9001],
      [`${json.length - 5}:`, json.length - 5, json.length],
      [":3", 0, 3],
      ["7:7", 7, 7],
      ["10:99999999", 10, json.length],
    ] as const) {
      const { output, code } = await cli().run(["get", "range", "--range", range]);
      expect(code).toBe(0);
      expect(output.equals(json.subarray(from, to)), range).toBe(true);
    }
    expect(await cli().run(["get", "range", "--range", `${json.length + 1}:`])).toMatchObject({
      code: 1,
      errors: `Cannot read the range: it begins past the end of the value, which has ${json.length} bytes\n`,
    });
  });

  test("what others have stored is read as it is, and is not there compressed", async () => {
    const zstd = await loadZstd();
    await served().setBytes("foreign:plain", random.subarray(0, 100_000));
    await served().setBytes("foreign:text", Buffer.from(toTextCarrier(zstd.compress(json))));
    const plain = await cli().run(["get", "foreign:plain"]);
    expect(plain.output.equals(random.subarray(0, 100_000))).toBe(true);
    expect((await cli().run(["get", "foreign:text"])).output.equals(json)).toBe(true);
    expect(await cli().run(["get", "foreign:plain", "--compressed"])).toMatchObject({
      code: 1,
      errors: expect.stringMatching(
        /^Cannot get "foreign:plain" compressed: it is stored uncompressed\. Leave out --compressed/,
      ),
    });
  });

  test("a dictionary that Redis names is used, found again by its id, and left out on demand", async () => {
    const { url } = served();
    const { id } = await createDictionaryManager({ url, token: TOKEN }).publish(newer, {
      pattern: "dict:*",
      share: 1,
    });
    const input = JSON.stringify({
      session: "a1",
      user: { id: 7, name: "grace", roles: ["editor"] },
      cart: [],
    }).repeat(3);
    const withIt = await cli().run(["put", "dict:1", "--json"], { input });
    const without = await cli().run(["put", "dict:2", "--json", "--no-dictionary"], { input });
    const sizeOf = ({ output }: { readonly output: Buffer }): number =>
      (JSON.parse(output.toString()) as { storedSize: number }).storedSize;
    expect(sizeOf(withIt)).toBeLessThan(sizeOf(without));
    expect((await cli().run(["get", "dict:1"])).output.toString()).toBe(input);
    const frames = await cli().run(["get", "dict:1", "--compressed"]);
    await served().command("SET", "zstash:dicts", "no manifest");
    const failed = await cli().run(["put", "dict:3"], { input });
    expect(failed).toMatchObject({
      code: 0,
      errors: expect.stringMatching(/^Stored without a dictionary: .*it is not JSON/),
    });
    expect(frames.errors).toContain(`It needs dictionary ${id}: zstash get zstash:dict:${id} | base64 -d`);
    if (!hasZstd) return;
    // The advice itself, as it is printed.
    const line = `zstash get zstash:dict:${id} | base64 -d > ${id}.dict && zstash get dict:1 --compressed | zstd -d -D ${id}.dict`;
    expect((await cli().shell(line)).output.toString()).toBe(input);
  });

  test("pipes: a reader that goes away is no error, and other programs read and write", async () => {
    await cli().run(["put", "pipe"], { input: random });
    expect(await cli().shell("zstash get pipe | head -c 10; echo :${PIPESTATUS[0]}")).toMatchObject({
      errors: "",
      output: Buffer.concat([random.subarray(0, 10), Buffer.from(":0\n")]),
    });
    const line = "zstash get pipe | gzip -1 | gunzip | zstash put pipe2 > /dev/null && zstash get pipe2";
    expect((await cli().shell(line)).output.equals(random)).toBe(true);
    expect(await cli().shell("zstash get pipe > /dev/full")).toMatchObject({
      code: 1,
      errors: "Cannot write the output: no space is left\n",
    });
  });

  test("20 at once, each its own value", { timeout: 120_000 }, async () => {
    const values = Array.from({ length: 20 }, (_, index) => Buffer.from(`${index} `.repeat(20_000 + index)));
    const puts = values.map((input, index) => cli().run(["put", `many:${index}`], { input }));
    for (const { code } of await Promise.all(puts)) expect(code).toBe(0);
    const gets = await Promise.all(values.map((_, index) => cli().run(["get", `many:${index}`])));
    for (const [index, { output }] of gets.entries()) expect(output.equals(values[index]!)).toBe(true);
  });

  test("--if-absent keeps what is there", async () => {
    await cli().run(["put", "absent"], { input: "first" });
    for (const more of [[], ["--ttl", "60"], ["--carrier", "text"], ["--seekable"]]) {
      expect(await cli().run(["put", "absent", "--if-absent", ...more], { input: json })).toMatchObject({
        code: 1,
        errors: 'Nothing was stored: "absent" holds a value already. Leave out --if-absent to replace it\n',
      });
    }
    expect((await cli().run(["get", "absent"])).output.toString()).toBe("first");
  });
});

describe("files", () => {
  const served = useServer({ backend: "embedded" });
  const cli = useCli(served);

  test("one that is there is kept, unless --force is given; then it keeps its rights and its link", async () => {
    const { folder, run } = cli();
    await run(["put", "k"], { input: "new" });
    writeFileSync(join(folder, "target"), "old", { mode: 0o600 });
    symlinkSync("target", join(folder, "link"));
    for (const name of ["target", "link"]) {
      expect(await run(["get", "k", name])).toMatchObject({
        code: 1,
        errors: `Cannot write ${name}: it is there already. --force replaces it\n`,
      });
    }
    expect(readFileSync(join(folder, "target"), "utf8")).toBe("old");
    expect(await run(["get", "k", "link", "--force"])).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "target"), "utf8")).toBe("new");
    expect(statSync(join(folder, "target")).mode & 0o777).toBe(0o600);
  });

  test("nothing is left of one that could not be written", async () => {
    const { folder, run } = cli();
    await served().command("SET", "k", "new");
    const before = readdirSync(folder);
    const frame = (await loadZstd()).compress(json);
    frame[frame.length - 1]! ^= 1;
    await served().setBytes("damaged", frame);
    const damaged = await run(["get", "damaged", "damaged.json"]);
    expect(damaged).toMatchObject({ code: 1, errors: expect.stringContaining("checksum") });
    expect(await run(["get", "k", "no/such/folder"])).toMatchObject({
      code: 1,
      errors: "Cannot write no/such/folder: there is no such folder. Nothing was changed there\n",
    });
    expect(await run(["get", "none", "none.json"])).toMatchObject({
      code: 1,
      errors: 'Cannot get "none": there is no such key. Check its name, and --url; it may have expired\n',
    });
    await served().command("SET", "short", "lived", "PX", 1);
    expect(await run(["get", "short"])).toMatchObject({
      code: 1,
      errors: expect.stringContaining("may have expired"),
    });
    expect(await run(["get", "k", "."])).toMatchObject({
      code: 1,
      errors: "Cannot write .: it is a folder\n",
    });
    expect(readdirSync(folder)).toEqual(before);
  });

  test.each([
    [["get"], 2, /<key> is missing/],
    [["get", "k", "a", "b"], 2, /takes <key> \[file\] and no more/],
    [["get", "k", "--range", "9:3"], 2, /ends before it begins/],
    [["get", "k", "--range", "x"], 2, /as 0:100 for the first 100 bytes/],
    [["get", "k", "--range", "0:1", "--compressed"], 2, /together with --compressed/],
    [["put", "k", "none.json"], 1, /^Cannot read none\.json: there is no such file\n$/],
    [["put", "k", "."], 1, /it is a folder/],
    [["put", "k", "--ttl", "1y"], 2, /90 \(seconds\), 15m, 12h or 7d/],
    [["put", "k", "--ttl", "0"], 2, /--ttl/],
    [["put", "k", "--level", "23"], 2, /from -7 to 22/],
    [["put", "k", "--seekable", "--mtu", "1500"], 2, /only one of --seekable/],
    [["put", "k", "--mtu", "10"], 2, /--mtu: a size in bytes.* from 576 to 65536/],
    [["put", "k", "--frame-size", "17M"], 2, /--frame-size: a size in bytes.* from 1 to 16777216/],
    [["put", "k", "--carrier", "base64"], 2, /raw or text/],
    [["put", "k", "--carrier", "text", "--seekable"], 2, /together with a layout/],
    [["put", "k", "--if-absnt"], 2, /--if-absent/],
  ] as const)("%j is exit code %i", async (args, code, text) => {
    const run = await cli().run(args, { input: "x" });
    expect(run).toMatchObject({ code, errors: expect.stringMatching(text) });
    expect(run.output.toString()).toBe("");
  });

  test("a file that changes while it is stored is told, and changes nothing", async () => {
    const { folder, run } = cli();
    await served().command("SET", "changing", "old");
    // At this level the rest of it takes many seconds: it is changed long before its end.
    writeFileSync(join(folder, "changing.bin"), randomBytes(40 << 20));
    const child = cli().start(["put", "changing", "changing.bin", "--level", "19"]);
    const end = ended(child);
    // Its temporary key shows that it is read.
    for (let found: unknown[] = []; found.length === 0 && child.exitCode === null;)
      found = (await served().command("KEYS", "changing:zstash:*")) as unknown[];
    writeFileSync(join(folder, "changing.bin"), "shorter");
    const { code, errors } = await end;
    expect(errors).toBe(
      'Cannot read changing.bin: it was changed while it was read. "changing" is as it was before\n',
    );
    expect(code).toBe(1);
    expect((await run(["get", "changing"])).output.toString()).toBe("old");
  });

  test("an error shows nothing that acts on a terminal", async () => {
    const { errors } = await cli().run(["get", "a\u202e\u009b31m\u001b]0;x"]);
    expect(errors).toMatch(/^Cannot get "a\\u\{?202e/);
    expect(errors).not.toMatch(/[^\P{C}\n]/u);
  });

  test("errors of servers say what to do, and never the token", async () => {
    const { run } = cli();
    await served().command("HSET", "hash", "f", "v");
    for (const [args, env, text] of [
      [
        ["get", "k"],
        { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9" },
        /Check --url or UPSTASH_REDIS_REST_URL/,
      ],
      [
        ["get", "k"],
        { UPSTASH_REDIS_REST_TOKEN: "a-wrong-token" },
        /Check --token or UPSTASH_REDIS_REST_TOKEN/,
      ],
      [["put", "k"], { UPSTASH_REDIS_REST_TOKEN: READER }, /NOPERM.*Use a token that may read and write/],
      [["get", "hash"], {}, /WRONGTYPE.*It holds no string/],
    ] as const) {
      const { code, errors, output } = await run(args, { input: "x", env });
      expect(code).toBe(1);
      expect(errors).toMatch(text);
      expect(errors.trim().split("\n").length).toBe(1);
      for (const token of [TOKEN, READER, "a-wrong-token"])
        expect(errors + output.toString()).not.toContain(token);
    }
    expect(await run(["get", "k"], { env: { UPSTASH_REDIS_REST_URL: "" } })).toMatchObject({
      code: 2,
      errors: "Cannot get without a url: give --url or set UPSTASH_REDIS_REST_URL\n",
    });
    const vercel = {
      UPSTASH_REDIS_REST_URL: "",
      UPSTASH_REDIS_REST_TOKEN: "",
      KV_REST_API_URL: served().url,
      KV_REST_API_TOKEN: TOKEN,
    };
    expect(await run(["get", "k"], { env: vercel })).toMatchObject({ code: 0 });
  });
});

describe("servers that can do less", () => {
  const cli = useCli(useServer({ backend: "embedded" }));

  test.each([
    ["without RESP2", { noResp2: true }],
    ["without raw bodies", { noRawBody: true }],
    ["without scripts", { noScripts: true }],
    ["without any of it", { noResp2: true, noRawBody: true, noScripts: true }],
    ["with small limits", { maxRequestSize: 1 << 20, maxResponseSize: 1 << 20 }],
  ] as const)("%s", { timeout: 120_000 }, async (_, options) => {
    const server = await serve({ backend: backends.at(-1)!, ...options });
    try {
      const env = { UPSTASH_REDIS_REST_URL: server.url };
      for (const [key, content, layout] of [
        ["small", json, []],
        ["large", random, ["--seekable"]],
      ] as const) {
        const put = await cli().run(["put", key, ...layout], { input: content, env });
        if (key === "large" && "noRawBody" in options) {
          expect(put).toMatchObject({
            code: 1,
            errors: expect.stringContaining('"zstash doctor" tries it out'),
          });
          continue;
        }
        const note = "Stored in base64, a third longer: the server takes no raw bodies. See zstash doctor\n";
        expect(put).toMatchObject({ code: 0, errors: "noRawBody" in options ? note : "" });
        expect((await cli().run(["get", key], { env })).output.equals(content)).toBe(true);
        const range = await cli().run(["get", key, "--range", "1000:2000"], { env });
        expect(range.output.equals(content.subarray(1000, 2000))).toBe(true);
      }
    } finally {
      await server.server.close();
    }
  });
});

describe("connections that break", () => {
  const served = useServer({ backend: backends.at(-1)! });
  const cli = useCli(served);

  test("a download and an upload go on where they were", { timeout: 60_000 }, async () => {
    // Passes requests on; of each third connection it breaks off the answer, or the request, after 300 kB.
    let connections = 0;
    let broken = 0;
    const target = new URL(served().url);
    const proxy = createServer((socket) => {
      const upstream = connect(Number(target.port), target.hostname);
      const breaks = ++connections % 3 === 1;
      let passed = 0;
      const watch = (chunk: Buffer): void => {
        passed += chunk.length;
        if (!breaks || passed < 300_000) return;
        broken += 1;
        socket.destroy();
        upstream.destroy();
      };
      socket.on("data", watch).on("error", () => upstream.destroy());
      upstream.on("data", watch).on("error", () => socket.destroy());
      socket.pipe(upstream).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    try {
      const env = { UPSTASH_REDIS_REST_URL: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
      for (const options of [["--seekable"], []]) {
        expect(await cli().run(["put", "broken", ...options], { input: random, env })).toMatchObject({
          code: 0,
        });
        expect(broken).toBeGreaterThan(0);
        broken = 0;
        connections = 0;
        for (const args of [
          ["get", "broken"],
          ["get", "broken", "--range", `0:${random.length}`],
        ]) {
          const { output, code } = await cli().run(args, { env });
          expect(code).toBe(0);
          expect(output.equals(random)).toBe(true);
        }
        expect(broken).toBeGreaterThan(0);
      }
    } finally {
      proxy.close();
    }
  });
});

describe("killed in the middle", () => {
  const served = useServer({ backend: backends.at(-1)! });
  const cli = useCli(served);
  const temporary = async (key: string): Promise<string[]> =>
    (await served().command("KEYS", `${key}:zstash:*`)) as string[];

  test.each(["SIGINT", "SIGTERM", "SIGKILL"] as const)(
    "an upload by %s leaves the old value, and at most a key that sweep finds",
    { timeout: 60_000 },
    async (signal) => {
      const key = `killed:${signal}`;
      await cli().run(["put", key], { input: "old" });
      const child = cli().start(["put", key]);
      const end = ended(child);
      child.stdin!.on("error", () => undefined);
      // The pipe stays open: the program waits for more when the signal comes.
      child.stdin!.write(random);
      let found: string[] = [];
      while (found.length === 0) found = await temporary(key);
      // Once all of it has been read and nothing more arrives, the program waits for its pipe.
      let size = -1;
      for (let next = 0; next !== size || child.stdin!.writableLength > 0;) {
        size = next;
        await delay(300);
        next = (await served().command("STRLEN", found[0]!)) as number;
      }
      child.kill(signal);
      const { code, signal: by, errors } = await end;
      if (signal === "SIGKILL") {
        expect(by).toBe(signal);
        const ttl = (await served().command("TTL", found[0]!)) as number;
        expect(ttl).toBeGreaterThan(0);
        expect(ttl).toBeLessThanOrEqual(900);
        const swept = await cli().run(["sweep", "--all", "--delete"]);
        expect(swept.output.toString()).toContain(found[0]);
      } else {
        expect(code).toBe(1);
        expect(errors).toMatch(/^Stopped: "killed:.*" is as it was before\./);
      }
      // Where a piece may still arrive, the key is emptied and expires within a minute.
      for (const name of await temporary(key)) {
        expect(await served().command("STRLEN", name)).toBe(0);
        expect(await served().command("TTL", name)).toBeLessThanOrEqual(60);
      }
      expect((await cli().run(["get", key])).output.toString()).toBe("old");
    },
  );

  test("a download leaves no file", { timeout: 60_000 }, async () => {
    await cli().run(["put", "slow"], { input: random });
    const { folder } = cli();
    const child = cli().start(["get", "slow", "part.bin"]);
    const end = ended(child);
    const isThere = (): boolean => readdirSync(folder).some((name) => name.endsWith(".part"));
    await until(() => isThere() || child.exitCode !== null);
    child.kill("SIGINT");
    const { code } = await end;
    expect(isThere()).toBe(false);
    // It may have been whole before the signal came.
    if (code !== 0) expect(existsSync(join(folder, "part.bin"))).toBe(false);
    else expect(readFileSync(join(folder, "part.bin")).equals(random)).toBe(true);
  });
});
