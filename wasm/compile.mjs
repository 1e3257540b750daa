// Compiles zstd to WebAssembly with nothing but npm packages: the C sources that zstd-napi ships and the LLVM that
// @yowasp/clang ships (itself WebAssembly). The result depends on the inputs alone, so it is cached by their hash.

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { applyPatches, patches } from "./patches.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const cacheFolder = join(here, "..", ".cache", "wasm");

// -Os with LTO at -O3 beats -O2 in size (−20 %) and equals it in speed; a 256 KiB stack at the bottom of memory turns
// an overflow into a trap where it would otherwise overwrite data.
const commonFlags = [
  "--target=wasm32-wasip1",
  "-flto",
  "-msimd128",
  "-mbulk-memory",
  "-msign-ext",
  "-mnontrapping-fptoint",
  "-mmultivalue",
  "-DNDEBUG",
  "-DZSTD_DISABLE_ASM",
  "-DZSTD_LEGACY_SUPPORT=0",
  "-DZSTD_NO_TRACE",
  "-DZSTD_STRIP_ERROR_STRINGS=1",
  "-DXXH_NAMESPACE=ZSTD_",
  "-D__SSE2__=1",
  "-DXXH_VECTOR=0",
  "-I.",
  "-Ilib",
];
const linkFlags = [
  "--target=wasm32-wasip1",
  "-mexec-model=reactor",
  "-Os",
  "-flto",
  "-Wl,--lto-O3",
  "-Wl,--gc-sections,--strip-all",
  "-Wl,--stack-first,-z,stack-size=262144",
];

/**
 * What is built: our own file of C (default `zstash.c`) and others of ours, the folders of zstd's lib/ and the extra
 * definitions.
 *
 * @satisfies {Readonly<Record<string, { entry?: string, also?: readonly string[], folders: readonly string[], flags: readonly string[] }>>}
 */
export const targets = {
  "zstash.wasm": { also: ["text.c"], folders: ["common", "compress", "decompress"], flags: ["-Os"] },
  // The short single-symbol Huffman and sequence decoders alone: −40 % code at the same speed in WebAssembly; -Oz takes
  // another 7 % off the gzipped module for 5–7 % of decoding time.
  "zstash-decoder.wasm": {
    folders: ["common", "decompress"],
    flags: [
      "-Oz",
      "-DZSTASH_DECODER",
      "-DHUF_FORCE_DECOMPRESS_X1",
      "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT",
    ],
  },
  // Levels above 12 train as 12 does: the slow strategies are a fifth of the module, and their dictionaries no better.
  "zstash-trainer.wasm": {
    entry: "trainer.c",
    folders: ["common", "compress"],
    flags: [
      "-Os",
      "-DZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR",
      "-DZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR",
      "-DZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR",
    ],
  },
};

// Threads are off, so their files hold nothing but empty translation units; debug.c belongs to zstd's own tests.
const leftOut = new Set([
  "common/pool.c",
  "common/threading.c",
  "common/debug.c",
  "compress/zstdmt_compress.c",
]);

/**
 * Reads zstd's sources and our own, patched unless told otherwise.
 * @param {{ entry?: string, also?: readonly string[], folders: readonly string[] }} target
 * @param {{ unpatched?: boolean }} options `unpatched` builds plain 32-bit zstd, to compare with
 * @returns {Promise<Record<string, string>>} text by path; zstd's files below `lib/`
 */
async function readSources({ entry = "zstash.c", also = [], folders }, { unpatched = false } = {}) {
  const lib = join(dirname(require.resolve("zstd-napi/package.json")), "deps", "zstd", "lib");
  /** @type {Record<string, string>} */
  const sources = {};
  for (const folder of ["", "common", "compress", "decompress"]) {
    for (const name of (await readdir(join(lib, folder))).sort()) {
      if (!/\.[ch]$/.test(name)) continue;
      const path = folder === "" ? name : `${folder}/${name}`;
      if (name.endsWith(".c") && (!folders.includes(folder) || leftOut.has(path))) continue;
      sources[path] = await readFile(join(lib, path), "utf8");
    }
  }
  const wanted = patches.filter(({ file }) => sources[file] !== undefined || !file.endsWith(".c"));
  const patched = unpatched ? sources : applyPatches(sources, wanted);
  const all = Object.fromEntries(Object.entries(patched).map(([path, text]) => [`lib/${path}`, text]));
  for (const name of [entry, ...also, "emmintrin.h"]) all[name] = await readFile(join(here, name), "utf8");
  return all;
}

/**
 * The nested files that @yowasp/clang takes and gives, and the commands of it that are run here; its own types lack
 * `runClang`, and that without arguments it only loads.
 *
 * @typedef {import("@yowasp/clang").Tree} Tree
 * @typedef {(args: readonly string[] | null, files: Tree, options: import("@yowasp/clang").RunOptions) => Promise<Tree>} Command
 * @typedef {{ runClang: Command, runLLVM: Command }} Clang
 */

/**
 * The files as a tree.
 *
 * @param {Readonly<Record<string, string>>} files
 */
function toTree(files) {
  /** @type {Tree} */
  const tree = {};
  for (const [path, content] of Object.entries(files)) {
    const parts = path.split("/");
    let folder = tree;
    for (const part of parts.slice(0, -1)) folder = /** @type {Tree} */ (folder[part] ??= {});
    folder[parts[parts.length - 1]] = content;
  }
  return tree;
}

/**
 * Compiles one target from scratch.
 * @param {keyof typeof targets} name
 * @param {{ unpatched?: boolean, named?: boolean, onProgress?: (done: number, total: number, what: string) => void }} options
 * `named` keeps the functions' names, for profiles; the code is the same
 * @returns {Promise<Uint8Array>} the WebAssembly module
 */
export async function compile(name, { unpatched = false, named = false, onProgress = () => {} } = {}) {
  const { flags } = targets[name];
  const sources = await readSources(targets[name], { unpatched });
  const files = Object.keys(sources).filter((path) => path.endsWith(".c"));
  const clang = await import("@yowasp/clang");
  const { runClang, runLLVM } = /** @type {Clang} */ (/** @type {unknown} */ (clang));
  // Without arguments it only loads its 100 MB of resources, and so without its own progress lines.
  await runLLVM(null, {}, { fetchProgress: () => {} });
  const total = files.length + 1;
  /** @type {Tree} */
  const objects = {};
  let done = 0;
  for (const file of files) {
    onProgress(done, total, file);
    const object = file.replaceAll("/", "_").replace(/\.c$/, ".o");
    const output = await run(
      runClang,
      ["clang", ...commonFlags, ...flags, "-c", file, "-o", object],
      toTree(sources),
    );
    objects[object] = output[object];
    done += 1;
  }
  onProgress(done, total, "link");
  const flagsOfLink = named
    ? linkFlags.map((flag) => flag.replace("--strip-all", "--strip-debug"))
    : linkFlags;
  const linked = await run(runClang, ["clang", ...flagsOfLink, ...Object.keys(objects), "-o", name], objects);
  onProgress(total, total, name);
  return /** @type {Uint8Array} */ (linked[name]);
}

/**
 * Runs clang and turns its diagnostics into the error's message.
 *
 * @param {Command} runClang
 * @param {readonly string[]} argv
 * @param {Tree} tree
 */
async function run(runClang, argv, tree) {
  /** @type {Buffer[]} */
  const diagnostics = [];
  /** @param {Uint8Array | null} bytes */
  const sink = (bytes) => {
    if (bytes !== null) diagnostics.push(Buffer.from(bytes));
  };
  try {
    return await runClang(argv, tree, { stdout: sink, stderr: sink });
  } catch (cause) {
    throw new Error(`Cannot compile: ${argv.join(" ")}\n${Buffer.concat(diagnostics).toString()}`, { cause });
  }
}

/**
 * The hash of everything that the result depends on.
 *
 * @param {keyof typeof targets} name
 * @param {Parameters<typeof compile>[1]} options
 */
async function hashInputs(name, options) {
  const hash = createHash("sha256");
  /** @param {string} text */
  const add = (text) => hash.update(`${text.length}:`).update(text);
  const named = options?.named ? { named: true } : {};
  add(JSON.stringify({ name, commonFlags, linkFlags, target: targets[name], ...named }));
  add(await readFile(join(dirname(require.resolve("@yowasp/clang")), "..", "package.json"), "utf8"));
  for (const [path, text] of Object.entries(await readSources(targets[name], options))) {
    add(path);
    add(text);
  }
  return hash.digest("hex");
}

/**
 * The compiled module, out of the cache if its inputs are unchanged.
 * @param {keyof typeof targets} name
 * @param {Parameters<typeof compile>[1]} options
 * @returns {Promise<Uint8Array>}
 */
export async function build(name, options = {}) {
  const cached = join(cacheFolder, `${await hashInputs(name, options)}.wasm`);
  try {
    return await readFile(cached);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
  }
  const bytes = await compile(name, options);
  await mkdir(cacheFolder, { recursive: true });
  const temporary = `${cached}.${process.pid}`;
  await writeFile(temporary, bytes);
  await rename(temporary, cached);
  return bytes;
}
