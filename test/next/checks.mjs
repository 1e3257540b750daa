// What must hold in a project of Next.js, whatever version and bundler: the pages' fixtures are in app/.

import assert from "node:assert/strict";
import { connect } from "node:net";
import { ask, build, serve } from "./next.mjs";
import { compare, compareCounts, fill, prerendered } from "./observe.mjs";
import { carriers } from "./project.mjs";

const KINDS = ["page", "force-static", "revalidate", "route", "kept", "thrown", "any", "again", "middleware"];
const AT_ONCE = 64;
/**
 * A development server is not made for load: with 64 it needed a minute on a busy machine. And on the edge runtime a store
 * takes a context from an upload that shows no life for a second: with 64 on a machine with ten times as much to do as it
 * has processors, one of three runs had such an upload.
 */
const FEW_AT_ONCE = 16;
/** No call of a healthy server takes so long, however busy the machine is; a stuck one takes for ever. */
const CALL_MS = 90_000;

const times = (count, work) => Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** The route handlers of a project, on Node and on the edge runtime. */
const pathsOf = ({ edgeRoutes }) => (edgeRoutes ? ["", "/edge"] : [""]);

/** Builds the project and starts it; every page must be what it is with the stock client. */
export async function judgeBuild(rig, project, args) {
  await rig.command(["FLUSHALL"]);
  await fill(project, KINDS, "built");
  await rig.takeCounts();
  await build(project, rig.environment, args);
  const built = compareCounts("next build", await rig.takeCounts());
  assert.deepEqual(
    [...new Set(built.map(([name]) => name))],
    ["GET force-static:value", "INCR force-static:count"],
    "next build asks for nothing else",
  );
  const pages = await prerendered(project);
  for (const carrier of carriers) assert.deepEqual(pages[carrier], pages.stock, `prerendered: ${carrier}`);
  assert.deepEqual(pages.stock, ["force-static false"]);
  await serve(project, rig.environment, ["start"], async (server) => {
    for (const [round, word] of ["second", "third"].entries()) {
      await fill(project, KINDS, word);
      await judgeFresh(rig, server, word);
      await judgeFixed(rig, server, round);
    }
    await judgeNotFound(rig, project, server);
    await judgeKept(rig, project, server);
    await judgeThrown(rig, server);
    await judgeLibrary(rig, server);
    for (const path of pathsOf(project)) await judgeManyAtOnce(server, path);
    await judgeLeaving(project, server);
  });
}

/** Runs the development server, which compiles each page when it is asked for. */
export async function judgeDev(rig, project, args) {
  await rig.command(["FLUSHALL"]);
  await serve(project, rig.environment, ["dev", ...args], async (server) => {
    for (const word of ["first", "second"]) {
      await fill(project, KINDS, word);
      await judgeFresh(rig, server, word, ["any/CARRIER/page", "any/CARRIER/edge-page", "guarded/CARRIER"]);
    }
    await judgeThrown(rig, server);
    await judgeLibrary(rig, server);
    for (const path of pathsOf(project)) await judgeManyAtOnce(server, path, FEW_AT_ONCE);
  });
}

const FRESH = [
  "CARRIER/page",
  "CARRIER/revalidate",
  "CARRIER/route",
  "any/CARRIER/page",
  "any/CARRIER/edge-page",
  "guarded/CARRIER",
];

/** Pages that show what lies in Redis now, and have asked for it once. */
async function judgeFresh(rig, { url }, word, paths = FRESH) {
  for (const path of paths) {
    const urlOf = (carrier) => `${url}/${path.replace("CARRIER", carrier)}`;
    const { status, word: shown, counts } = await compare(rig, path, urlOf);
    assert.deepEqual({ status, shown }, { status: 200, shown: word }, path);
    assert.deepEqual(
      counts.map(([name, count]) => `${name.replace(/ .*:/, " ")} ${count}`),
      ["GET value 1", "INCR count 1"],
      path,
    );
  }
  const again = await compare(rig, "again", (carrier) => `${url}/any/${carrier}/again`);
  assert.equal(again.shown, `value=${word} ${word}+;`);
}

/** A page that says that it is static keeps what it read when it was built. */
async function judgeFixed(rig, { url }, round) {
  const urlOf = (carrier) => `${url}/${carrier}/force-static`;
  // Next.js 14 renders it twice and keeps either: how often it was rendered has been compared after the build.
  const uncounted = (shown) => shown?.replace(/count=\w+/, "");
  const { word, counts } = await compare(rig, "force-static", urlOf, {}, uncounted);
  assert.deepEqual({ word, counts }, { word: "built", counts: [] }, `force-static in round ${round}`);
}

/** What was not there is found as soon as it is. */
async function judgeNotFound(rig, { clients }, { url }) {
  const urlOf = (carrier) => `${url}/${carrier}/not-found`;
  assert.equal((await compare(rig, "not found", urlOf)).status, 404);
  for (const carrier of carriers)
    await clients[carrier].write(`${carrier}:not-found:missing`, { word: "there" });
  assert.equal((await compare(rig, "found", urlOf)).status, 200);
}

/** `unstable_cache` keeps a value until its tag is revalidated. */
async function judgeKept(rig, project, { url }) {
  const urlOf = (carrier) => `${url}/any/${carrier}/kept`;
  assert.equal((await compare(rig, "kept", urlOf)).word, "third");
  await fill(project, ["kept"], "fourth");
  const kept = await compare(rig, "kept", urlOf);
  assert.deepEqual([kept.word, kept.counts], ["third", []]);
  await compare(rig, "forget", (carrier) => `${url}/any/${carrier}/forget`, { method: "POST" });
  assert.equal((await compare(rig, "kept anew", urlOf)).word, "fourth");
}

/** Next.js ends a page by throwing, after a read or within a request; nothing is sent then. */
async function judgeThrown(rig, { url }) {
  const urlOf = (end) => (carrier) => `${url}/any/${carrier}/thrown?end=${end}`;
  const after = await compare(rig, "redirect after a read", urlOf("after"));
  assert.match(after.location ?? "", /^\/\?word=\w+$/);
  const within = await compare(rig, "redirect within a request", urlOf("redirect"));
  assert.deepEqual([within.location, within.counts], ["/?word=hook", []]);
  const missing = await compare(rig, "notFound within a request", urlOf("notFound"));
  assert.deepEqual([missing.status, missing.counts], [404, []]);
}

/** A library's own client compresses where the bundler's alias says so. */
async function judgeLibrary({ command, environment }, { url }) {
  const value = { word: "library", filler: "own client ".repeat(500) };
  const { status, shown } = await ask(`${url}/library`, { method: "POST", body: JSON.stringify(value) });
  assert.deepEqual([status, shown], [200, "value=library count=5500;"]);
  const stored = await command(["STRLEN", "library:own:value"]);
  const plain = JSON.stringify(value).length;
  if (environment.ZSTASH_ALIAS === "1") assert.ok(stored < 200, `the library's value has ${stored} bytes`);
  else assert.equal(stored, plain);
}

/** Many requests on the clients that all of them share, each with a value of its own, of 1 to 130 KB. */
async function judgeManyAtOnce({ url }, path, most = AT_ONCE) {
  for (const carrier of carriers) {
    const count = carrier === "store" && path === "/edge" ? FEW_AT_ONCE : most;
    const word = (index) => `${carrier}${index}`;
    const keyOf = (index) => `${url}/any/${carrier}${path}?key=${carrier}:many:${index}`;
    await times(count, async (index) => {
      const body = JSON.stringify({ word: word(index), filler: `${index} `.repeat(500 + 700 * index) });
      const { status } = await ask(keyOf(index), { method: "POST", body });
      assert.equal(status, 200, `${carrier}${path}: write ${index}`);
    });
    const start = performance.now();
    await times(count, async (index) => {
      const { shown } = await ask(keyOf(index));
      const length = `${index} `.length * (500 + 700 * index);
      assert.equal(shown, `value=${word(index)} count=${length};`, `${carrier}${path}: read ${index}`);
    });
    const taken = performance.now() - start;
    assert.ok(taken < CALL_MS, `${carrier}${path}: ${count} reads took ${Math.round(taken)} ms`);
  }
}

/** Sends a request and leaves, after so many bytes of the answer or so many milliseconds. */
async function leave(port, path, { bytes = Infinity, ms = CALL_MS }) {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  const timer = setTimeout(() => socket.destroy(), ms);
  try {
    socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    let size = 0;
    for await (const chunk of socket) {
      size += chunk.length;
      if (size > bytes) break;
    }
    return size;
  } catch {
    return 0;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Clients that leave, while a read is under way or in the middle of a download, take nothing along. */
async function judgeLeaving({ clients }, server) {
  const size = 20_000_000;
  const large = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536)
    crypto.getRandomValues(large.subarray(at, Math.min(size, at + 65_536)));
  await clients.store.put("store:large:value", large);
  const path = "/any/store/download?key=store:large:value";
  const sizes = await times(20, () => leave(server.port, path, { bytes: 100_000 }));
  for (const seen of sizes) assert.ok(seen > 100_000 && seen < size, `${seen} bytes before leaving`);
  for (const carrier of carriers) {
    await times(AT_ONCE, (index) =>
      leave(server.port, `/any/${carrier}?key=${carrier}:many:${index}`, { ms: index }),
    );
  }
  await judgeManyAtOnce(server, "");
  const whole = await fetch(server.url + path, { signal: AbortSignal.timeout(CALL_MS) });
  assert.ok(
    Buffer.from(await whole.arrayBuffer()).equals(large),
    "the whole download after those that broke off",
  );
}

const COMPONENT_KINDS = ["cached", "streamed", "route"];

/** Cache Components: a static shell, kept results, and what is read at each request. */
export async function judgeComponents(rig, project, args) {
  await rig.command(["FLUSHALL"]);
  await fill(project, COMPONENT_KINDS, "built");
  await rig.takeCounts();
  await build(project, rig.environment, args);
  const built = compareCounts("next build", await rig.takeCounts());
  assert.deepEqual(built, [
    ["GET cached:value", 1],
    ["INCR cached:count", 1],
  ]);
  const pages = await prerendered(project);
  for (const carrier of carriers) assert.deepEqual(pages[carrier], pages.stock, `prerendered: ${carrier}`);
  await serve(project, rig.environment, ["start"], async ({ url }) => {
    for (const word of ["second", "third"]) {
      await fill(project, COMPONENT_KINDS, word);
      for (const kind of COMPONENT_KINDS) {
        const shown = await compare(rig, kind, (carrier) => `${url}/${carrier}/${kind}`);
        assert.equal(shown.word, kind === "cached" ? "built" : word, kind);
        assert.equal(shown.counts.length, kind === "cached" ? 0 : 2, kind);
      }
    }
  });
}
