// Over what the adapter for Node sends its requests, on each Node and beside what hosts, mocks, proxies and instrumentation
// do to `fetch`: node:http only where nobody has touched it. Prints one line a case.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs, promisify } from "node:util";
import { build } from "esbuild";
import { root } from "./fixture.mjs";
import { reportParts } from "./parts.mjs";

const { values: flags } = parseArgs({ options: { node: { type: "string", multiple: true } } });
const modules = join(root, "test/runtimes/node_modules");
const module = (path) => pathToFileURL(join(modules, path)).href;
const undici = (version) => module(`${version}/index.js`);

/** What a program does before it sends, and what sends then; `needs` is a package of test/runtimes. */
const cases = [
  ["nothing", "node", ""],
  ["fetch was used", "node", "await fetch(url, { method: 'POST', body: '' }).then((r) => r.text());"],
  [
    "fetch was read and put back",
    "node",
    "const was = fetch; globalThis.fetch = () => 1; globalThis.fetch = was;",
  ],
  ["no fetch at all", "node", "delete globalThis.fetch;"],
  ["assigned", "fetch", "const was = fetch; globalThis.fetch = (a, b) => was(a, b);"],
  [
    "assigned after a first request",
    "fetch",
    "await send(); const was = fetch; globalThis.fetch = (...a) => was(...a);",
  ],
  ["bound", "fetch", "globalThis.fetch = fetch.bind(globalThis);"],
  ["a Proxy", "fetch", "globalThis.fetch = new Proxy(fetch, {});"],
  [
    "defined by a getter",
    "fetch",
    "const was = fetch; Object.defineProperty(globalThis, 'fetch', { get: () => (...a) => was(...a), configurable: true });",
  ],
  [
    "an observer of undici",
    "fetch",
    "const d = await import('node:diagnostics_channel'); d.subscribe('undici:request:create', () => {});",
  ],
  [
    "an observer that has left",
    "node",
    "const d = await import('node:diagnostics_channel'); const f = () => {}; d.subscribe('undici:request:create', f); d.unsubscribe('undici:request:create', f);",
  ],
  ...["undici", "undici6"].flatMap((name) => [
    [`${name}: imported`, "node", `await import("${undici(name)}");`, name],
    [
      `${name}: MockAgent`,
      "fetch",
      `const { MockAgent, setGlobalDispatcher: s } = await import("${undici(name)}"); s(new MockAgent());`,
      name,
    ],
    [
      `${name}: ProxyAgent`,
      "proxy",
      `const { ProxyAgent, setGlobalDispatcher: s } = await import("${undici(name)}"); s(new ProxyAgent(url));`,
      name,
    ],
    [
      `${name}: an Agent with options`,
      "fetch",
      `const { Agent, setGlobalDispatcher: s } = await import("${undici(name)}"); s(new Agent({ connect: { timeout: 5000 } }));`,
      name,
    ],
    [
      `${name}: an Agent with a factory`,
      "fetch",
      `const { Agent, Pool, setGlobalDispatcher: s } = await import("${undici(name)}"); s(new Agent({ factory: (origin, options) => new Pool(origin, options) }));`,
      name,
    ],
    [
      `${name}: a class of its own`,
      "fetch",
      `const undici = await import("${undici(name)}"); undici.setGlobalDispatcher(new (class Agent extends undici.Agent { dispatch(...a) { return super.dispatch(...a); } })());`,
      name,
    ],
    [
      `${name}: composed`,
      "fetch",
      `const { Agent, setGlobalDispatcher: s } = await import("${undici(name)}"); s(new Agent().compose((dispatch) => (options, handler) => dispatch(options, handler)));`,
      name,
    ],
  ]),
  ["undici: install()", "fetch", `(await import("${undici("undici")}")).install();`, "undici"],
  [
    "MSW",
    "fetch",
    `const { setupServer } = await import("${module("msw/lib/node/index.mjs")}"); setupServer().listen({ onUnhandledRequest: "bypass" });`,
    "msw",
  ],
  [
    "OpenTelemetry",
    "fetch",
    `const { UndiciInstrumentation: I } = (await import("${module("@opentelemetry/instrumentation-undici/build/src/index.js")}")).default; new I().enable();`,
    "@opentelemetry/instrumentation-undici",
  ],
  ["NODE_USE_ENV_PROXY", "proxy", "", undefined],
];

const program = (before) => `
import { createServer } from "node:http";
import { openFlight } from "./adapter.mjs";
const seen = [];
const server = createServer((request, response) => {
  seen.push(request.url.startsWith("http") ? "proxy" : "user-agent" in request.headers ? "fetch" : "node");
  request.resume().on("end", () => response.end("ok"));
});
// A tunnel was asked for: that is all that is asked here.
server.on("connect", () => { console.log("proxy"); process.exit(0); });
await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", resolve));
const url = process.env.TARGET ?? "http://127.0.0.1:" + server.address().port;
async function send() {
  const flight = openFlight(undefined, url, { method: "POST", body: "body", headers: {} });
  try { const reply = await flight.response; while (await reply.read()); } catch {}
  // Who mocks answers, or refuses, by itself: nothing arrives then, and node:http would have arrived.
  return seen.pop() ?? "fetch";
}
${before}
seen.length = 0;
console.log(await send());
process.exit(0);
`;

const folder = await mkdtemp(join(tmpdir(), "zstash-fetch-"));
try {
  await build({
    entryPoints: [join(root, "src/adapters/http/node.ts")],
    outfile: join(folder, "adapter.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    tsconfigRaw: {},
  });
  const parts = [];
  for (const node of flags.node ?? ["node200", "node20", "node22", "node24", "node26"]) {
    parts.push({
      name: `${node}: over fetch where somebody relies on it`,
      missing: existsSync(join(modules, node)) ? undefined : "npm ci --prefix test/runtimes",
      async run() {
        const wrong = [];
        for (const [name, expected, before, needs] of cases) {
          const newer = !["node200", "node20"].includes(node);
          if (needs !== undefined && !existsSync(join(modules, needs))) {
            console.log(`          left out: ${name} (${needs} is not installed)`);
            continue;
          }
          // What these packages ask of Node, and what only newer Nodes have.
          if (node === "node200" && needs !== undefined) continue;
          if (name === "NODE_USE_ENV_PROXY" && !newer) continue;
          const file = join(folder, "main.mjs");
          await writeFile(file, program(before));
          const port = 40_000 + Math.floor(Math.random() * 20_000);
          const env = { ...process.env, NODE_NO_WARNINGS: "1" };
          if (name === "NODE_USE_ENV_PROXY") {
            const proxy = `http://127.0.0.1:${port}`;
            Object.assign(env, {
              NODE_USE_ENV_PROXY: "1",
              HTTP_PROXY: proxy,
              http_proxy: proxy,
              PORT: `${port}`,
            });
            Object.assign(env, { TARGET: "http://zstash.invalid/", NO_PROXY: "", no_proxy: "" });
          }
          const { stdout } = await promisify(execFile)(join(modules, node, "bin/node"), [file], {
            env,
            timeout: 30_000,
          }).catch((error) => ({ stdout: `failed: ${String(error.stderr).slice(-300)}` }));
          // Node 26 has its dispatcher under another name than undici 6: its fetch takes no notice.
          const expectedHere = node === "node26" && name === "undici6: ProxyAgent" ? "fetch" : expected;
          if (stdout.trim() !== expectedHere)
            wrong.push(`${name}: ${stdout.trim()}, expected ${expectedHere}`);
        }
        if (wrong.length > 0) throw new Error(wrong.join("\n"));
      },
    });
  }
  await reportParts("the choice of fetch or node:http", parts);
} finally {
  await rm(folder, { recursive: true, force: true });
}
