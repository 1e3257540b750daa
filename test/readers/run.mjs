// Runs readers on the values of values.mjs and says what each made of every layout.

import { createHash } from "node:crypto";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, listening } from "../runtimes/drivers/browser.mjs";
import { columns, DICTIONARY, writeValues } from "./values.mjs";

/** "all": every byte; "error": a refusal; "as it lies": not decoded, without an error; "wrong bytes": others, without
 * an error; a number: that many bytes of the beginning, without an error. */
/** @typedef {"all" | "error" | "as it lies" | "wrong bytes" | "never ends" | number} Outcome */
/** @typedef {{ layout: string, size: number, sha256: string } | { layout: string, error: string } | { layout: string, endless: true }} Line */
/** @typedef {{ folder: string, url: string, redisPort: number, text: Buffer, stored: Readonly<Record<string, Buffer>> }} Bench */

const execute = promisify(execFile);
const names = Object.keys(columns);
const programs = fileURLToPath(new URL("programs/", import.meta.url));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/**
 * Makes the values, serves them over HTTP, starts a Redis for the clients, and gives a function that runs a reader.
 *
 * @param {(read: (reader: import("./list.mjs").Reader) => Promise<Record<string, Outcome>>, size: number) => Promise<void>} work
 */
export async function withValues(work) {
  const folder = await mkdtemp(join(tmpdir(), "zstash-readers-"));
  const redisPort = await freePort();
  const redis = spawn("redis-server", ["--port", `${redisPort}`, "--save", "", "--dir", folder], {
    stdio: "ignore",
  });
  const ended = new Promise((resolve) => redis.on("close", resolve).on("error", resolve));
  try {
    const values = await writeValues(folder);
    const server = serve(values.stored);
    await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
    try {
      await listening(redisPort);
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      const bench = { ...values, folder, url: `http://127.0.0.1:${port}`, redisPort };
      await work((reader) => outcomes(reader, bench), values.text.length);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  } finally {
    redis.kill();
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

/** A server of the stored bytes, as `zstash/serve` hands them out; `/` is a page for browsers. */
function serve(stored) {
  return createServer((request, response) => {
    const layout = String(request.url).slice(1);
    const body = stored[layout];
    const headers =
      body === undefined ? { "content-type": "text/html" } : { "content-type": "application/json" };
    const encoding = body === undefined || layout === "uncompressed" ? {} : { "content-encoding": "zstd" };
    response.writeHead(200, { ...headers, ...encoding }).end(body ?? "<!doctype html><title>readers</title>");
  });
}

/**
 * What a reader made of each layout.
 *
 * @param {import("./list.mjs").Reader} reader
 * @param {Bench} bench
 */
async function outcomes(reader, bench) {
  const lines = await (runners[reader.kind] ?? runProgram)(reader, bench);
  if (lines.length !== names.length) throw new Error(`${reader.name} gave ${lines.length} lines`);
  return Object.fromEntries(lines.map((line) => [line.layout, outcomeOf(line, bench)]));
}

/** @returns {Outcome} */
function outcomeOf(line, { text, stored }) {
  if ("error" in line) return "error";
  if ("endless" in line) return "never ends";
  if (line.size === text.length && line.sha256 === sha256(text)) return "all";
  if (line.sha256 === sha256(text.subarray(0, line.size))) return line.size;
  if (line.sha256 === sha256(stored[line.layout])) return "as it lies";
  return "wrong bytes";
}

/** Programs of programs/, which print a line for each layout. */
async function runProgram({ kind, way = "", command = [] }, { folder, url, redisPort }) {
  const files = { javascript: "javascript.mjs", python: "python.py", php: "phpredis.php" };
  const [file, ...before] = [...command, `${programs}${files[kind]}`];
  const where = kind === "javascript" ? url : `${redisPort}`;
  const { stdout } = await execute(file, [...before, way, folder, where, ...names], options);
  return parse(stdout);
}

const options = { maxBuffer: 64 << 20, timeout: 120_000, encoding: /** @type {const} */ ("utf8") };
/** @returns {Line[]} */
const parse = (stdout) =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

/** One run of a program for each layout, whose output is the value. */
async function runEach(program, argumentsOf) {
  /** @type {Line[]} */
  const lines = [];
  for (const layout of names) {
    lines.push(
      await execute(program, argumentsOf(layout), { ...options, encoding: "buffer" }).then(
        ({ stdout }) => ({ layout, size: stdout.length, sha256: sha256(stdout) }),
        (error) => ({ layout, error: String(error.stderr) }),
      ),
    );
  }
  return lines;
}

const inPage = (url) => `(async () => {
  const lines = [];
  for (const layout of ${JSON.stringify(names)}) {
    try {
      const bytes = await (await fetch("${url}/" + layout)).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const sha256 = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
      lines.push({ layout, size: bytes.byteLength, sha256 });
    } catch (error) {
      lines.push({ layout, error: String(error) });
    }
  }
  return lines;
})()`;

async function runBrowser({ kind }, { url }) {
  // By address: the types of WebDriver that come with it are no part of the tests' compilation.
  const { openBrowser } = await import(new URL("../runtimes/drivers/pages.mjs", import.meta.url).href);
  const browser = await openBrowser(kind);
  try {
    const page = await browser.open(`${url}/`, { width: 800, height: 600, colorScheme: "light" });
    return await page.evaluate(inPage(url));
  } finally {
    await browser.close();
  }
}

const runners = {
  zstd: (_, { folder }) =>
    runEach("zstd", (layout) => [
      "-d",
      "-c",
      "-q",
      ...(layout === "dictionary" ? ["-D", join(folder, DICTIONARY)] : []),
      join(folder, layout),
    ]),
  curl: (_, { url }) => runEach("curl", (layout) => ["--compressed", "-sS", "--fail", `${url}/${layout}`]),
  chromium: runBrowser,
  firefox: runBrowser,
  go: async ({ way }, { folder, redisPort }) => {
    const env = {
      ...process.env,
      GO111MODULE: "off",
      GOPATH: "/usr/share/gocode",
      GOCACHE: join(tmpdir(), "zstash-readers-go"),
    };
    const file = `${programs}klauspost.go`;
    return parse(
      (await execute("go", ["run", file, way, folder, `${redisPort}`, ...names], { ...options, env })).stdout,
    );
  },
};
