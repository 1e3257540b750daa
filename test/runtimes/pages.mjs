// Stored values in real browsers: a page, a worker and a service worker read every layout and every outcome of the
// negotiation from a server that uses `serveKey`, and compare by hash; the page is loaded as it lies and as Vite, esbuild
// and webpack bundle it. Each browser runs the same checks. `--only NAME` takes those with such a name.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build as esbuild } from "esbuild";
import { createFixture, root } from "./fixture.mjs";
import { reportParts } from "./parts.mjs";
import { contentOf, KEYS, startServer } from "./pages/server.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
const folder = await mkdtemp(join(tmpdir(), "zstash-pages-"));
const fixture = await createFixture();
const scripts = ["page", "worker", "service-worker"];
const source = (name) => join(root, "test/runtimes/pages", name);

/** The folder of a page; each way gets its scripts there, which import `zstash/browser`. */
async function prepare(name, writeScripts) {
  const path = join(folder, name);
  await mkdir(path, { recursive: true });
  await cp(source("index.html"), join(path, "index.html"));
  await writeScripts(path);
  return path;
}

/** Without a build step: the scripts name the file of the package, which lies beside them. */
const asItLies = () =>
  prepare("as-it-lies", async (path) => {
    await cp(join(fixture.folder, "node_modules/zstash/dist/browser/index.js"), join(path, "zstash.js"));
    for (const name of scripts) {
      const text = await readFile(source(`${name}.js`), "utf8");
      await writeFile(join(path, `${name}.js`), text.replace('"zstash/browser"', '"./zstash.js"'));
    }
  });

/** Copies of the scripts in the fixture, where bundlers find the package by its name. */
async function project(name) {
  const path = join(fixture.folder, name);
  await mkdir(path, { recursive: true });
  for (const script of scripts) await cp(source(`${script}.js`), join(path, `${script}.js`));
  return path;
}

const bundled = {
  esbuild: (from, to) =>
    esbuild({
      entryPoints: scripts.map((name) => join(from, `${name}.js`)),
      outdir: to,
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      tsconfigRaw: {},
      logLevel: "warning",
    }),
  async Vite(from, to) {
    const { build } = await import("vite");
    for (const name of scripts)
      await build({
        root: from,
        configFile: false,
        logLevel: "error",
        build: {
          outDir: to,
          emptyOutDir: false,
          target: "es2022",
          lib: { entry: join(from, `${name}.js`), formats: ["es"], fileName: () => `${name}.js` },
        },
      });
  },
  async webpack(from, to) {
    const { default: webpack } = await import("webpack");
    const options = {
      context: from,
      mode: "production",
      entry: Object.fromEntries(scripts.map((name) => [name, `./${name}.js`])),
      output: { path: to, filename: "[name].js" },
      target: "web",
    };
    await new Promise((resolve, reject) => {
      webpack(options, (error, stats) => {
        if (error || stats.hasErrors())
          reject(error ?? new Error(stats.toString({ all: false, errors: true })));
        else resolve();
      });
    });
  },
};

/** How each browser is started: nothing but the page drives it. */
const browsers = {
  Chromium: {
    path: "/usr/bin/chromium",
    args: (profile, url) => [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      `--user-data-dir=${profile}`,
      url,
    ],
  },
  Firefox: {
    path: "/usr/bin/firefox-esr",
    args: (profile, url) => ["--headless", "--no-remote", "--profile", profile, url],
  },
  WebKit: {
    path: "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser",
    display: true,
    args: (_, url) => [url],
  },
};
const remedy = "apt-get install chromium firefox-esr webkit2gtk-driver xvfb xauth dbus";

/** Opens a page in a browser of its own until its report is there. */
async function open(name, path) {
  const { path: program, args, display = false } = browsers[name];
  const server = await startServer(path);
  const profile = await mkdtemp(join(folder, "profile-"));
  const all = args(profile, `${server.url}/index.html`);
  const command = display ? ["xvfb-run", ["-a", program, ...all]] : [program, all];
  const child = spawn(...command, {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, HOME: profile, XDG_DATA_HOME: profile, XDG_CACHE_HOME: profile },
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  try {
    const limit = new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`${name} gave no report in 120 s`)), 120_000).unref();
    });
    return await Promise.race([server.report, limit]);
  } finally {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await ended;
    await server.close();
  }
}

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** What a check must have found, by its name. */
function expected(name) {
  const [key, what = ""] = name.split(": ");
  // Nothing tells its size.
  if (key === "wide" && what.startsWith("a range")) return "status 200";
  if (what.startsWith("a range past")) return "status 416";
  if (what.startsWith("not modified")) return "304 or no tag";
  if (what.startsWith("neither")) return "status 406";
  if (what === "HEAD") return sha256("");
  if (name === "a limit ends the body") return "error";
  if (/forbids/.test(name)) return "WASM_UNAVAILABLE: true";
  if (what !== "" && !KEYS.includes(key)) return "error";
  const content = contentOf();
  return sha256(what === "a range" ? content.subarray(1000, 201_000) : content);
}

function judge({ checks }) {
  const wrong = checks.filter(({ name, found }) => found !== expected(name));
  if (wrong.length > 0)
    throw new Error(
      wrong.map(({ name, found }) => `${name}: ${found}, expected ${expected(name)}`).join("\n"),
    );
  return { count: checks.length, hash: sha256(checks.map(({ name }) => name).join("\n")).slice(0, 16) };
}

const seen = [];
const part = (name, browser, prepared) => ({
  name,
  missing: existsSync(browsers[browser].path) ? undefined : remedy,
  async run() {
    const report = await open(browser, await prepared());
    const ran = judge(report);
    seen.push({ name, ...ran });
    const [first] = seen;
    if (ran.count !== first.count || ran.hash !== first.hash)
      throw new Error(`${ran.count} checks (${ran.hash}), not those of ${first.name}`);
  },
});

try {
  const parts = [
    ...Object.keys(browsers).map((name) => part(`${name}, one file without a build step`, name, asItLies)),
    ...Object.entries(bundled).map(([name, build]) =>
      part(`Chromium, bundled by ${name}`, "Chromium", async () => {
        const from = await project(name);
        return prepare(name, (to) => build(from, to));
      }),
    ),
  ];
  await reportParts(
    "stored values in browsers",
    parts.filter(({ name }) => name.toLowerCase().includes(flags.only.toLowerCase())),
  );
  for (const { name, count, hash } of seen)
    console.log(`          ${name.padEnd(40)} ${count} checks  ${hash}`);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  await fixture.remove();
}
process.exit();
