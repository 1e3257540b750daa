// The cache handler of docs/nextjs.md as it stands there: pages show what they show without it, also after tags and paths were
// revalidated, two servers share it, and what lies in Redis is compressed.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, build, serve } from "./next.mjs";

const PATHS = ["/", "/fetched", "/kept", "/route"];

/** Visitors' requests in turn, and what they were shown. */
async function visit(url, other = url) {
  const seen = [];
  const look = async (server, title) => {
    for (const path of PATHS) {
      const { status, shown } = await ask(`${server}${path}`);
      seen.push(`${title} ${path} ${status} ${shown}`);
    }
  };
  const forget = async (query) => {
    const { status } = await ask(`${url}/forget?${query}`, { method: "POST" });
    assert.equal(status, 200, query);
  };
  await look(url, "first");
  await look(other, "again");
  for (const query of ["tag=fetched", "tag=kept&tag=route", "path=/fetched", "tag=none"]) {
    await forget(query);
    await look(other, `after ${query}`);
    await look(url, `after ${query}, once more`);
  }
  return seen;
}

/** Visits of a project's own paths begin at 1 with a path of their own. */
const environmentOf = (rig, name, handler) => ({
  ...rig.environment,
  VISITS: `${rig.environment.VISITS}/${name}`,
  BUILD_ID: name,
  CACHE_HANDLER: handler ? "1" : "",
});

export async function judgeCacheHandler(rig, project, args) {
  await rig.command(["FLUSHALL"]);
  const page = await readFile(new URL("../../docs/nextjs.md", import.meta.url), "utf8");
  const [, recipe] = /^```js\n(\/\/ cache-handler\.mjs\n[^]*?)^```$/m.exec(page) ?? [];
  assert.ok(recipe, "docs/nextjs.md has the recipe");
  await writeFile(join(project.folder, "cache-handler.mjs"), recipe);
  const run = async (name, handler, work) => {
    const environment = environmentOf(rig, `${name}-${project.version}`, handler);
    await rm(join(project.folder, ".next"), { recursive: true, force: true });
    await build(project, environment, args);
    return serve(project, environment, ["start"], (server) => work(server, environment));
  };
  const stock = await run("stock", false, ({ url }) => visit(url));
  assert.equal(
    new Set(stock.filter((line) => / \/fetched /.test(line)).map((line) => line.split("value=")[1])).size,
    3,
  );
  assert.deepEqual(await run("one", true, ({ url }) => visit(url)), stock, "one server");
  // Two servers of one build; what one revalidates the other renders anew.
  let pageSize;
  const two = await run("two", true, ({ url }, environment) =>
    serve(project, environment, ["start"], async (other) => {
      const seen = await visit(url, other.url);
      pageSize = (await ask(`${url}/fetched`)).text.length;
      return seen;
    }),
  );
  assert.deepEqual(two, stock, "two servers");
  const keys = await rig.command(["KEYS", `next:two-${project.version}:*`]);
  assert.ok(keys.length > 4, `keys: ${keys}`);
  const pageKey = keys.find((key) => key.endsWith("/fetched"));
  assert.ok(pageKey !== undefined, `the page is not kept, but made at each visit: ${keys}`);
  const size = await rig.command(["STRLEN", pageKey]);
  // The entry holds the page twice, as HTML and as what React reads.
  assert.ok(size > 0 && size < pageSize / 3, `${size} bytes for a page of ${pageSize}`);
}
