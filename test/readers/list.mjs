// The readers, as data: what each is called, which part of it reads, where its program lies and how its version is told.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { program } from "../runtimes/fixtures/tools.mjs";

/** @typedef {"javascript" | "python" | "go" | "php" | "zstd" | "curl" | "chromium" | "firefox"} Kind */
/**
 * @typedef {object} Reader
 * @property {string} name what the table calls it
 * @property {string} call which part of it reads
 * @property {Kind} kind how it is run
 * @property {string} [way] which of the program's ways
 * @property {readonly string[]} [command] the program and what stands before its file's name
 * @property {boolean} [http] whether it gets the value over HTTP, with `Content-Encoding: zstd`
 * @property {() => Promise<string | undefined>} version undefined where it is not on this machine
 */

const run = promisify(execFile);

/** What a program prints with these arguments, as far as the pattern's group; undefined where it cannot run. */
const versionOf = (command, args, pattern, options = {}) =>
  run(command, args, options).then(
    ({ stdout }) => pattern.exec(stdout)?.[1],
    () => undefined,
  );

const here = fileURLToPath(new URL("programs/", import.meta.url));
const playwright = fileURLToPath(new URL("../runtimes/node_modules/playwright", import.meta.url));
const node = program("node24");
const bun = program("bun");
const deno = program("deno");
const nodeVersion = () => versionOf(node, ["--version"], /v([\d.]+)/);
const bunVersion = () => versionOf(bun, ["--version"], /([\d.]+)/);
const denoVersion = () => versionOf(deno, ["--version"], /deno ([\d.]+)/);
const packageVersion = (name) =>
  existsSync(`${here}node_modules/${name}/package.json`)
    ? versionOf(node, ["-p", `require("./node_modules/${name}/package.json").version`], /([\d.]+)/, {
        cwd: here,
      })
    : Promise.resolve(undefined);
const pythonVersion = (name, expression) =>
  versionOf("/usr/bin/python3", ["-c", `import ${name}; print(${expression})`], /([\d.]+)/);
const debianVersion = (name) =>
  versionOf("dpkg-query", ["-W", "-f=${Status} ${Version}", name], /^install ok installed (?:\d:)?([\d.]+)/);
/** Browsers are driven by the playwright of test/runtimes. */
const browserVersion = (path, pattern) =>
  existsSync(playwright) ? versionOf(path, ["--version"], pattern) : Promise.resolve(undefined);

const onNode = { kind: /** @type {const} */ ("javascript"), command: [node] };
const onBun = { kind: /** @type {const} */ ("javascript"), command: [bun] };
const onDeno = { kind: /** @type {const} */ ("javascript"), command: [deno, "run", "-A"] };
const python = { kind: /** @type {const} */ ("python"), command: ["/usr/bin/python3"] };
const zstandardVersion = () => pythonVersion("zstandard", "zstandard.__version__");
const klauspost = () =>
  versionOf("go", ["version"], /go([\d.]+)/).then((go) =>
    go === undefined ? undefined : debianVersion("golang-github-klauspost-compress-dev"),
  );

/** @type {readonly Reader[]} */
export const readers = [
  {
    name: "zstd",
    call: "`zstd -d`, `-D`",
    kind: "zstd",
    version: () => versionOf("zstd", ["--version"], /v([\d.]+)/),
  },
  {
    name: "curl",
    call: "`--compressed`",
    kind: "curl",
    http: true,
    // A curl without libzstd does not ask for zstd.
    version: () => versionOf("curl", ["--version"], /^curl ([\d.]+) [^\n]*\bzstd\//),
  },
  {
    name: "Chromium",
    call: "`fetch`",
    kind: "chromium",
    http: true,
    version: () => browserVersion("/usr/bin/chromium", /Chromium (\d+)/),
  },
  {
    name: "Firefox",
    call: "`fetch`",
    kind: "firefox",
    http: true,
    version: () => browserVersion("/usr/bin/firefox-esr", /Firefox (\d+)/),
  },
  { name: "Node", call: "`zstdDecompressSync`", ...onNode, way: "zlibSync", version: nodeVersion },
  { name: "Node", call: "`createZstdDecompress`", ...onNode, way: "zlibStream", version: nodeVersion },
  { name: "Node", call: "`fetch`", ...onNode, way: "fetch", http: true, version: nodeVersion },
  { name: "Bun", call: "`Bun.zstdDecompressSync`", ...onBun, way: "bun", version: bunVersion },
  { name: "Bun", call: "`zstdDecompressSync`", ...onBun, way: "zlibSync", version: bunVersion },
  { name: "Bun", call: "`createZstdDecompress`", ...onBun, way: "zlibStream", version: bunVersion },
  {
    name: "Bun",
    call: "`DecompressionStream`",
    ...onBun,
    way: "decompressionStream",
    version: bunVersion,
  },
  { name: "Bun", call: "`fetch`", ...onBun, way: "fetch", http: true, version: bunVersion },
  { name: "Deno", call: "`zstdDecompressSync`", ...onDeno, way: "zlibSync", version: denoVersion },
  { name: "Deno", call: "`createZstdDecompress`", ...onDeno, way: "zlibStream", version: denoVersion },
  { name: "Deno", call: "`fetch`", ...onDeno, way: "fetch", http: true, version: denoVersion },
  { name: "fzstd", call: "`decompress`", ...onNode, way: "fzstd", version: () => packageVersion("fzstd") },
  { name: "zstddec", call: "`decode`", ...onNode, way: "zstddec", version: () => packageVersion("zstddec") },
  {
    name: "zstddec/stream",
    call: "`decodeStreaming`",
    ...onNode,
    way: "zstddecStream",
    version: () => packageVersion("zstddec"),
  },
  {
    name: "python3-zstandard",
    call: "`decompress`",
    ...python,
    way: "decompress",
    version: zstandardVersion,
  },
  {
    name: "python3-zstandard",
    call: "`stream_reader(read_across_frames=True)`",
    ...python,
    way: "reader",
    version: zstandardVersion,
  },
  {
    name: "python3-zstd",
    call: "`decompress`",
    ...python,
    way: "zstd",
    version: () => pythonVersion("zstd", "zstd.version()"),
  },
  {
    name: "redis-py",
    call: "`get`, then `stream_reader` as above",
    ...python,
    way: "redis",
    version: async () =>
      (await zstandardVersion()) === undefined ? undefined : pythonVersion("redis", "redis.__version__"),
  },
  { name: "klauspost/compress", call: "`DecodeAll`", kind: "go", way: "all", version: klauspost },
  { name: "klauspost/compress", call: "`NewReader`", kind: "go", way: "reader", version: klauspost },
  {
    name: "phpredis",
    call: "`get` with `COMPRESSION_ZSTD`",
    kind: "php",
    command: ["php"],
    version: () => versionOf("php", ["-r", `echo phpversion("redis");`], /([\d.]+)/),
  },
];
