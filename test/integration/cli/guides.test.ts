/** The guides docs/migrate-from.md and docs/leave.md, followed as they stand: their commands and their program, on real values. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { Redis as Stock } from "@upstash/redis";
import { transformSync } from "esbuild";
import { afterAll, describe, expect, test } from "vitest";
import { createDictionaryManager } from "../../../src/life-cycle/index.ts";
import { newer } from "../../support/dictionaries.ts";
import { read, root } from "../../support/repository.ts";
import { TOKEN, useCli, useServer } from "./rig.ts";

const served = useServer({ token: TOKEN });
const cli = useCli(served);

/** Below the package's own folder, so that `import "zstash/redis"` resolves as it does for a user. */
const folder = join(root, ".cache/guides");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The blocks of a page in a language. */
const blocks = (page: string, language: string): string[] =>
  [...read(page).matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) =>
    match[1]!.trim(),
  );

/** Runs the commands of a block, in the order of the page; resolves to what they print. */
async function follow(block: string): Promise<string> {
  const { code, output, errors } = await cli().shell(block.replaceAll("npx zstash", "zstash"));
  expect([code, errors], block).toEqual([0, expect.any(String)]);
  return output.toString();
}

/** The block of a page, as a module. */
async function load(code: string): Promise<Record<string, (...args: string[]) => Promise<string | null>>> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "pages.mjs");
  writeFileSync(file, transformSync(code, { loader: "ts", format: "esm" }).code);
  process.env["UPSTASH_REDIS_REST_URL"] = served().url;
  process.env["UPSTASH_REDIS_REST_TOKEN"] = TOKEN;
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as never;
}

const html = (name: string): string => `<ul>${`<li>${name}</li>`.repeat(400)}</ul>`;
const stock = (): Stock => new Stock({ url: served().url, token: TOKEN, automaticDeserialization: false });

describe("docs/migrate-from.md", () => {
  test("leads from gzip in base64 to zstash, and every reader reads at every step", async () => {
    const page = "docs/migrate-from.md";
    const { readPage, writePage } = await load(blocks(page, "ts")[0]!);
    const [look, apply, more] = blocks(page, "sh");
    expect(more).toBeUndefined();
    expect(apply).toBe(`${look} --apply`);
    await stock().set("page:1", gzipSync(html("one")).toString("base64"), { ex: 1000 });
    await stock().set("page:3", "short");
    await writePage!("2", html("two"));

    const readAll = async (): Promise<void> => {
      expect(await readPage!("1")).toBe(html("one"));
      expect(await readPage!("2")).toBe(html("two"));
      expect([await readPage!("3"), await readPage!("4")]).toEqual(["short", null]);
    };
    await readAll();
    expect(await stock().strlen("page:2")).toBeLessThan(html("two").length / 10);
    const before = await stock().get("page:1");
    expect(await follow(look!)).toContain("Dry run");
    expect(await stock().get("page:1")).toBe(before);
    await follow(apply!);
    await readAll();
    expect(await stock().ttl("page:1")).toBeGreaterThan(900);
    expect(await follow("npx zstash inspect page:1")).toMatch(/^compressed by zstash \(raw carrier\)/);
    expect(await follow(look!)).not.toContain("would be written");
  });
});

describe("docs/leave.md", () => {
  test("leads back to what a client without zstash reads", async () => {
    const [mode, undo, look, remove, ...more] = blocks("docs/leave.md", "sh");
    expect(remove).toContain("npx zstash dict gc --delete");
    expect(more).toEqual([]);
    expect(mode).toBe("export ZSTASH_MODE=read-only");
    const { Redis, readMode } = await import("../../../src/redis.ts");
    const client = (word?: string): InstanceType<typeof Redis> =>
      new Redis({ url: served().url, token: TOKEN, compression: { mode: readMode(word) } });
    const cart = { items: Array.from({ length: 200 }, (_, id) => ({ id, name: "item", price: 10 })) };
    await client().set("cart", cart);
    await client().hset("user", { cart });
    expect(await stock().get("cart")).not.toBe(JSON.stringify(cart));

    const leaving = client(mode!.split("=")[1]);
    await leaving.set("later", cart);
    expect(await stock().get("later")).toBe(JSON.stringify(cart));
    expect(await leaving.get("cart")).toEqual(cart);
    const said = await follow(undo!);
    expect(said.match(/would be written/g)).toHaveLength(1);
    expect(await stock().get("cart")).toBe(JSON.stringify(cart));
    expect(await stock().hget("user", "cart")).toBe(JSON.stringify(cart));
    expect(await leaving.get("cart")).toEqual(cart);
    expect(await follow(undo!.split("\n")[0]!)).not.toContain("would be written");
    expect(await follow(look!)).toMatch(/^not compressed/);
  });

  test("removes the dictionaries, an hour after they were retired and not before", async () => {
    const [list, retire, count, remove, ...more] = blocks("docs/leave.md", "sh").at(-1)!.split("\n");
    expect(more).toEqual([]);
    const manager = createDictionaryManager({ url: served().url, token: TOKEN });
    const { id } = await manager.publish(newer, { pattern: "session:*", share: 1 });
    expect(await follow(count!)).toContain("No dictionary is retired or unused");
    expect(await follow(list!)).toMatch(new RegExp(`${id} +session:\\* +current`));
    await follow(retire!.replace(/\d+/, `${id}`));
    expect(await follow(remove!)).toContain("kept: retired too recently");
    const manifest = await stock().get<string>("zstash:dicts");
    const hourAgo = Math.floor(Date.now() / 1000) - 3601;
    await stock().set("zstash:dicts", manifest!.replaceAll(/"at":\d+/g, `"at":${hourAgo}`));
    expect(await follow(count!)).toMatch(new RegExp(`${id} +0 +would be removed`));
    expect(await manager.list()).toHaveLength(1);
    await follow(remove!);
    expect(await manager.list()).toEqual([]);
  });
});
