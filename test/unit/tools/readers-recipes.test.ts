/** The recipes of docs/readers.md, as they stand there, read every value of a Redis that their languages can. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connectRedis } from "../../../src/dev/redis/index.ts";
import { writeValues } from "../../readers/values.mjs";
import { redisAvailable, useRedis } from "../../support/redis.ts";
import { read } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

const execute = promisify(execFile);
const page = read("docs/readers.md");
const folder = mkdtempSync(join(tmpdir(), "zstash-recipes-"));
const goPath = "/usr/share/gocode";
const env = {
  ...process.env,
  GO111MODULE: "off",
  GOPATH: goPath,
  GOCACHE: join(tmpdir(), "zstash-readers-go"),
};

interface Recipe {
  readonly file: string;
  readonly command: readonly [string, ...string[]];
  /** Whether its program and packages are here, by a program that ends with 0. */
  readonly probe: readonly [string, ...string[]];
  readonly remedy: string;
  /** Makes the recipe use the test's Redis. */
  onPort(code: string, port: number): string;
}

const recipes: Readonly<Record<string, Recipe>> = {
  shell: {
    file: "get.sh",
    command: ["bash"],
    probe: ["bash", "-c", "command -v redis-cli zstd base64"],
    remedy: "apt-get install redis-tools zstd",
    onPort: (code, port) => `redis-cli() { command redis-cli -p ${port} "$@"; }\n${code}`,
  },
  python: {
    file: "get.py",
    command: ["/usr/bin/python3"],
    probe: ["/usr/bin/python3", "-c", "import redis, zstandard"],
    remedy: "apt-get install python3-redis python3-zstandard",
    onPort: (code, port) => code.replace("redis.Redis()", `redis.Redis(port=${port})`),
  },
  go: {
    file: "get.go",
    command: ["go", "run"],
    probe: ["go", "list", "github.com/gomodule/redigo/redis", "github.com/klauspost/compress/zstd"],
    remedy:
      "apt-get install golang-go golang-github-klauspost-compress-dev golang-github-gomodule-redigo-dev",
    onPort: (code, port) => code.replace("127.0.0.1:6379", `127.0.0.1:${port}`),
  },
  php: {
    file: "get.php",
    command: ["php"],
    probe: ["php", "-r", `exit(defined("Redis::COMPRESSION_ZSTD") ? 0 : 1);`],
    remedy: "apt-get install php-cli php-redis",
    onPort: (code, port) => code.replace("6379", `${port}`),
  },
};

const codeOf = (name: string): string => {
  const block = new RegExp(`<!-- recipe: ${name} -->\n\n\`\`\`\\w+\n([^]*?)\`\`\``).exec(page);
  expect(block, `the recipe ${name}`).not.toBeNull();
  return block![1]!;
};

describe.runIf(redisAvailable())("the recipe for", () => {
  const redis = useRedis();
  const expected: Record<string, Uint8Array> = {};
  beforeAll(async () => {
    const { text, stored } = await writeValues(join(folder, "values"));
    const backend = await connectRedis(redis().url);
    const store = async (key: string, bytes: Uint8Array, value: Uint8Array): Promise<void> => {
      await backend.execute([Buffer.from("SET"), Buffer.from(key), new Uint8Array(bytes)]);
      expected[key] = value;
    };
    try {
      for (const layout of ["ramp", "mtu"]) {
        await store(`raw ${layout}`, stored[layout]!, text);
        const base64 = Buffer.from(`zs1:${stored[layout]!.toString("base64")}`);
        await store(`text ${layout}`, base64, text);
      }
      const short = Buffer.from("two lines\n\n");
      await store("uncompressed", short, short);
    } finally {
      await backend.close();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  for (const [name, { file, command, probe, remedy, onPort }] of Object.entries(recipes)) {
    test(`${name} reads both carriers and what is not compressed`, async ({ skip }) => {
      const code = codeOf(name);
      const here = await execute(probe[0], probe.slice(1), { env }).then(
        () => true,
        () => false,
      );
      skip(!requireOrSkip(`the recipe for ${name}`, here, remedy, false));
      const path = join(folder, file);
      const changed = onPort(code, redis().port);
      expect(changed).not.toBe(code);
      writeFileSync(path, changed);
      for (const [key, value] of Object.entries(expected)) {
        const run = execute(command[0], [...command.slice(1), path, key], {
          env,
          encoding: "buffer",
          maxBuffer: 64 << 20,
        });
        // phpredis reads one frame; the recipe says so and throws.
        if (name === "php" && key.endsWith(" mtu")) {
          await expect(run).rejects.toMatchObject({ code: 255 });
          continue;
        }
        const { stdout } = await run;
        expect(Buffer.compare(stdout, value), `${name} ${key}: ${stdout.length} of ${value.length}`).toBe(0);
      }
    });
  }
});
