// The cache handlers of docs/nextjs.md as they stand there: pages show what they show without them, also after tags and paths were
// revalidated, two servers share them, what lies in Redis is compressed, and pages do without a Redis that fails.

import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask, build, serve } from "./next.mjs";
import { SERVED } from "./rig.mjs";

/** What there is to visit in the two projects, and what is revalidated in turn. */
const FIXTURES = {
  "cache-handler": {
    paths: ["/", "/fetched", "/kept", "/route"],
    forgotten: ["tag=fetched", "tag=kept&tag=route", "path=/fetched", "tag=none"],
    slow: "fetched",
  },
  "use-cache": {
    paths: ["/", "/kept", "/nested", "/bytes", "/large", "/prerendered"],
    forgotten: ["tag=kept", "tag=inner", "tag=bytes&tag=large", "tag=prerendered", "path=/kept", "tag=none"],
    slow: "kept",
  },
};
const STALE_MS = 60_000;
/** Bytes that a large result of the fixture has at least, compressed. */
const LARGE = 2.5e6;

/**
 * The calls of the handlers that write, begun and ended. Next.js answers a request before what it made is kept, and before a
 * tag is revalidated; another server that is asked too early makes the page once more, and has every right to.
 */
const COUNTING = `import { appendFileSync } from "node:fs";
const counted = async (work) => {
  appendFileSync(process.env.CALLS, "+");
  try {
    return await work();
  } finally {
    appendFileSync(process.env.CALLS, "-");
  }
};
`;
const COUNTED = {
  "counted-cache-handler.mjs": `import Handler from "./cache-handler.mjs";
${COUNTING}
export default class extends Handler {
  set(...args) {
    return counted(() => super.set(...args));
  }
  revalidateTag(...args) {
    return counted(() => super.revalidateTag(...args));
  }
}
`,
  "counted-use-cache-handler.mjs": `import handler from "./use-cache-handler.mjs";
${COUNTING}
export default {
  ...handler,
  set: (...args) => counted(() => handler.set(...args)),
  updateTags: (...args) => counted(() => handler.updateTags(...args)),
  expireTags: (...args) => counted(() => handler.expireTags(...args)),
};
`,
};

/** Waits until all calls that have begun have ended. */
async function settled(calls) {
  const deadline = performance.now() + STALE_MS;
  for (;;) {
    const text = await readFile(calls, "latin1").catch(() => "");
    if (text.length === 2 * text.replaceAll("-", "").length) return;
    assert.ok(performance.now() < deadline, "a call of a handler has not ended");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** What is shown, with a word for counts of the build, which renders a page as often as its workers like. */
const withoutBuild = (shown) =>
  shown?.replace(/(?<=value=(\d+, )?)\b\d+(?=[;, ])/g, (count) => (Number(count) > SERVED ? count : "built"));

/** Visitors' requests in turn, and what they were shown. */
async function visit({ paths, forgotten, slow }, calls, url, other = url) {
  const seen = [];
  const look = async (server, title) => {
    for (const path of paths) {
      const { status, shown } = await ask(`${server}${path}`);
      seen.push(`${title} ${path} ${status} ${withoutBuild(shown)}`);
      await settled(calls);
    }
  };
  const forget = async (query) => {
    const { status } = await ask(`${url}/forget?${query}`, { method: "POST" });
    assert.equal(status, 200, query);
    await settled(calls);
  };
  await look(url, "first");
  await look(other, "again");
  for (const query of forgotten) {
    await forget(query);
    await look(other, `after ${query}`);
    await look(url, `after ${query}, once more`);
  }
  // What is only stale is shown, and made anew meanwhile.
  const before = await ask(`${other}/${slow}`);
  await forget(`stale=${slow}`);
  const deadline = performance.now() + STALE_MS;
  let after = before;
  while (after.shown === before.shown) {
    assert.ok(
      performance.now() < deadline,
      `/${slow} is not made anew after its tag is stale: ${before.shown}`,
    );
    after = await ask(`${other}/${slow}`);
  }
  assert.equal(after.status, 200);
  return seen;
}

/** Visits are counted for each project and run by itself: how many a run ends with is left to chance. */
const environmentOf = (rig, folder, name, handler) => ({
  ...rig.environment,
  CALLS: join(folder, "calls.txt"),
  VISITS: `${rig.environment.VISITS}/${name}`,
  BUILD_ID: name,
  CACHE_HANDLER: handler ? "1" : "",
});

/** Writes the modules that the page has, and those that count their calls. */
async function writeModules(folder) {
  const page = await readFile(new URL("../../docs/nextjs.md", import.meta.url), "utf8");
  for (const name of ["cache-handler.mjs", "use-cache-handler.mjs"]) {
    const code = new RegExp(`^\`\`\`js\n(// ${name}\n[^]*?)^\`\`\`$`, "m").exec(page)?.[1];
    assert.ok(code, `docs/nextjs.md has ${name}`);
    await writeFile(join(folder, name), code);
  }
  for (const [name, code] of Object.entries(COUNTED)) await writeFile(join(folder, name), code);
}

/** The handlers in one of the two projects. */
async function judge(rig, project, args, name) {
  const fixture = FIXTURES[name];
  await writeModules(project.folder);
  const run = async (title, handler, work) => {
    const environment = environmentOf(rig, project.folder, `${title}-${project.version}-${name}`, handler);
    await rm(environment.CALLS, { force: true });
    await rig.command(["FLUSHALL"]);
    await rm(join(project.folder, ".next"), { recursive: true, force: true });
    rig.countServed(false);
    requireUse(await build(project, environment, args));
    rig.countServed(true);
    return serve(project, environment, ["start"], async (server) => {
      const result = await work(server, environment);
      requireUse(server.printed());
      return result;
    });
  };
  const stock = await run("stock", false, ({ url }, { CALLS }) => visit(fixture, CALLS, url));
  const of = new RegExp(` /${fixture.slow} `);
  assert.equal(
    new Set(stock.filter((line) => of.test(line)).map((line) => line.split("value=")[1])).size,
    3,
    stock.join("\n"),
  );
  if (process.env.ZSTASH_LONG === "1")
    assert.deepEqual(
      await run("one", true, ({ url }, { CALLS }) => visit(fixture, CALLS, url)),
      stock,
      "one server",
    );
  // Two servers of one build; what one revalidates the other renders anew.
  const two = await run("two", true, ({ url }, environment) =>
    serve(project, environment, ["start"], async (other) => {
      const seen = await visit(fixture, environment.CALLS, url, other.url);
      requireUse(other.printed());
      await judgeStored(rig, project, url, name);
      await judgeWithoutRedis(project, environment, fixture);
      return seen;
    }),
  );
  assert.deepEqual(two, stock, "two servers");
}

/** The handlers have told of no failure. */
function requireUse(printed) {
  assert.doesNotMatch(printed, /Cannot use the cache/);
}

/** What lies in Redis is there, and compressed. */
async function judgeStored(rig, project, url, name) {
  const keys = await rig.command([
    "KEYS",
    name === "use-cache" ? "next:*" : `next:two-${project.version}-${name}:*`,
  ]);
  assert.ok(keys.length > 4, `keys: ${keys}`);
  const path = name === "use-cache" ? "/prerendered" : "/fetched";
  const pageSize = (await ask(`${url}${path}`)).text.length;
  const pageKey = keys.find(
    (key) => key.startsWith(`next:two-${project.version}-${name}:`) && key.endsWith(path),
  );
  assert.ok(pageKey !== undefined, `the page is not kept, but made at each visit: ${keys}`);
  const size = await rig.command(["STRLEN", pageKey]);
  // The entry holds the page twice, as HTML and as what React reads.
  assert.ok(size > 0 && size < pageSize / 3, `${size} bytes for a page of ${pageSize}`);
  if (name === "use-cache") {
    const sizes = await Promise.all(keys.map((key) => rig.command(["STRLEN", key]).catch(() => 0)));
    // What was kept at a visit, and what was kept within the build.
    assert.equal(sizes.filter((bytes) => bytes > LARGE).length, 2, `sizes: ${sizes}`);
  }
  const lives = await Promise.all(keys.map((key) => rig.command(["TTL", key])));
  assert.ok(
    lives.every((ttl) => ttl > 0),
    `keys that do not expire: ${keys.filter((_, at) => lives[at] <= 0)}`,
  );
}

/** A server whose Redis does not answer shows every page. */
async function judgeWithoutRedis(project, environment, { paths }) {
  const gone = { ...environment, UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9" };
  await serve(project, gone, ["start"], async ({ url, printed }) => {
    for (const path of paths) assert.equal((await ask(`${url}${path}`)).status, 200, `${path} without Redis`);
    assert.match(printed(), /Cannot use the cache/);
  });
}

export const judgeCacheHandler = (rig, project, args) => judge(rig, project, args, "cache-handler");
export const judgeUseCache = (rig, project, args) => judge(rig, project, args, "use-cache");
