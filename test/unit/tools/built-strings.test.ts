/** The built package holds the sources' names as they are, keys in Redis above all, and its parts agree on them. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { root } from "../../support/repository.ts";

const textsOf = (folder: string, ending: string): string =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(ending) && !/inlined\./.test(path) && !path.startsWith("types"))
    .map((path) => readFileSync(join(root, folder, path), "utf8"))
    .join("\n");

test("every string with the prefix of zstash is in dist/ as it is in the sources", () => {
  const named = (text: string): Set<string> =>
    new Set([...text.matchAll(/["'`](zstash:[\w:-]*)/g)].map((match) => match[1]!));
  const wanted = named(textsOf("src", ".ts").replaceAll(/^\s*(\/\*\*|\*|\/\/).*$/gm, ""));
  expect([...wanted]).toEqual(expect.arrayContaining(["zstash:dicts", "zstash:dict:", "zstash:request"]));
  const built = named(textsOf("dist", ".js"));
  expect([...wanted].filter((name) => !built.has(name))).toEqual([]);
});

/** Programs of users: one publishes a dictionary, another writes with it by itself, a third uses the kill switch. */
const RECORD = `const record = (id) => JSON.stringify({ id, type: "session", user: { name: "user " + (id % 97), region: "eu-west" },
  active: true, agent: "Mozilla/5.0 (X11; Linux x64)", path: "/orders/" + (id % 31) });
const options = { url: process.env.URL, token: process.env.TOKEN };`;
const PUBLISH = `${RECORD}
import { createDictionaryManager } from "zstash/dictionaries";
import { trainDictionary } from "zstash/train";
const samples = Array.from({ length: 2000 }, (_, id) => record(id));
const { dictionary } = await trainDictionary(samples, { maxSize: 8192 });
const manager = createDictionaryManager(options);
await manager.publish(dictionary, { pattern: "session:*" });
await manager.promote("session:*");
console.log(JSON.stringify({ size: record(5000).length }));`;
const SWITCH = `${RECORD}
import { createDictionaryManager } from "zstash/dictionaries";
await createDictionaryManager(options).setMode("read-only");
console.log("{}");`;
const WRITE = `${RECORD}
import { Redis } from "zstash/redis";
import { createStore } from "zstash/store";
const redis = new Redis({ ...options, compression: { dictionaries: "auto" }, automaticDeserialization: false });
// The first write of a program waits for the manifest for 50 ms at most; a busy machine may need longer.
for (let round = 0; round < 3; round++) await redis.set("session:1", record(5000));
if ((await redis.get("session:1")) !== record(5000)) throw new Error("another value");
const store = createStore({ ...options, dictionaries: "auto" });
for (let round = 0; round < 3; round++) await store.put("session:2", record(5001));
console.log(JSON.stringify({ set: await redis.strlen("session:1"), put: await redis.strlen("session:2") }));`;

test("a published dictionary is written with by clients and stores, until the switch says no", async () => {
  const server = await createDevServer({ backend: "embedded" });
  const { url } = await server.listen();
  const run = async (program: string): Promise<Record<string, number>> => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", program],
      { cwd: root, env: { ...process.env, URL: url, TOKEN: server.token } },
    );
    return JSON.parse(stdout) as Record<string, number>;
  };
  try {
    const { size } = await run(PUBLISH);
    const on = await run(WRITE);
    expect(on["set"]).toBeLessThan(size! / 2);
    expect(on["put"]).toBeLessThan(size! / 2);
    await run(SWITCH);
    expect(await run(WRITE)).toMatchObject({ set: size });
  } finally {
    await server.close();
  }
});
