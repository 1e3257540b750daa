/** What a cold start of the built package costs Node by kind: how many files it reads, and which of Node's modules it loads. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../support/repository.ts";

type Target = string | { readonly [condition: string]: Target };
interface Manifest {
  readonly exports: Readonly<Record<string, Target>>;
  readonly imports: Readonly<Record<string, Target>>;
}
const manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Manifest;

/** The file that Node takes. */
function chosen(target: Target): string | undefined {
  if (typeof target === "string") return target;
  for (const [condition, inner] of Object.entries(target)) {
    const found = ["node", "import", "default"].includes(condition) ? chosen(inner) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The files of the package that an import of a subpath loads. */
function filesOf(subpath: string): string[] {
  const found = new Set([join(root, chosen(manifest.exports[subpath]!)!)]);
  for (const path of found) {
    const text = readFileSync(path, "utf8");
    for (const [, specifier = ""] of text.matchAll(/^(?:import|export)\b[^"'()]*["']([^"']+)["']/gm)) {
      const target = specifier.startsWith("#") ? chosen(manifest.imports[specifier]!) : specifier;
      if (target?.startsWith(".")) found.add(join(specifier.startsWith("#") ? root : dirname(path), target));
    }
  }
  return [...found];
}

// Each file is half a millisecond of a cold start.
test.each([
  [".", 5],
  ["./decode", 5],
  ["./redis", 8],
  ["./upstash", 8],
  ["./store", 9],
  ["./serve", 7],
  ["./next", 10],
  ["./metrics", 1],
  ["./train", 7],
  ["./dictionaries", 9],
])("%s is at most %i files of the package", (subpath, most) => {
  const files = filesOf(subpath);
  expect(files.filter((path) => !existsSync(path))).toEqual([]);
  expect(files.length, files.join("\n")).toBeLessThanOrEqual(most);
});

describe("a copy of the package", () => {
  let folder = "";
  let server = createServer();
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "zstash-cold-"));
    cpSync(`${root}package.json`, join(folder, "package.json"));
    cpSync(`${root}dist`, join(folder, "dist"), { recursive: true });
    symlinkSync(`${root}node_modules`, join(folder, "node_modules"));
    server = createServer((request, response) => {
      request.resume().on("end", () => response.end('{"result":"OK"}'));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    server.close();
  });

  /** Runs a module in it and gives what it prints as JSON. */
  async function run(code: string): Promise<unknown> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `const print = (value) => console.log(JSON.stringify(value));${code}`,
      ],
      { cwd: folder },
    );
    return JSON.parse(stdout);
  }
  const compress = `const { loadZstd } = await import("zstash"); print((await loadZstd()).compress("x".repeat(100)).length > 9);`;

  test("compresses without the module's copy in JavaScript", async () => {
    const copy = join(folder, "dist/chunks/full-module.js");
    expect(existsSync(copy)).toBe(true);
    rmSync(copy);
    expect(await run(compress)).toBe(true);
    cpSync(`${root}dist/chunks/full-module.js`, copy);
  });

  test.each([
    ["has been left behind", (path: string) => rmSync(path)],
    ["is another one", (path: string) => cpSync(`${root}dist/zstash-decoder.wasm`, path)],
  ])("compresses where the module's file %s", async (_, change) => {
    const path = join(folder, "dist/zstash.wasm");
    change(path);
    expect(await run(compress)).toBe(true);
    cpSync(`${root}dist/zstash.wasm`, path);
  });

  test("loads no HTTP before the first request, and neither TLS nor undici for that", async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const loaded = `["http", "https", "zlib", "internal/deps/undici/undici"].filter((name) => process.moduleLoadList.includes("NativeModule " + name))`;
    expect(
      await run(`
        const before = ${loaded};
        const { Redis } = await import("zstash/redis");
        const imported = ${loaded}.filter((name) => !before.includes(name));
        const redis = new Redis({ url: ${JSON.stringify(url)}, token: "token", retry: false });
        const reply = await redis.set("key", "value");
        print({ imported, reply, sent: ${loaded}.filter((name) => !before.includes(name)) });`),
    ).toEqual({ imported: [], reply: "OK", sent: ["http"] });
  });
});
