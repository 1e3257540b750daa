/** Compiles the harness with zstd's own sources, as a release build of them would be, and keeps it. Needs a C compiler (cc). */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));

/** Where what benchmarks build is kept. */
export const CACHE = fileURLToPath(new URL("../../.cache/bench/", import.meta.url));

/** @returns {string} the program */
export function compileHarness() {
  const zstd = dirname(createRequire(import.meta.url).resolve("zstd-napi/package.json"));
  const lib = join(zstd, "deps/zstd/lib");
  const inputs = [join(here, "harness.c"), join(zstd, "package.json")];
  const hash = createHash("sha256");
  for (const input of inputs) hash.update(readFileSync(input));
  const program = join(CACHE, `harness-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(program)) return program;
  const sources = ["common", "compress", "decompress"].flatMap((name) =>
    readdirSync(join(lib, name))
      .filter((file) => /\.[cS]$/.test(file))
      .map((file) => join(lib, name, file)),
  );
  mkdirSync(CACHE, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  const args = [
    "-O3",
    "-mbmi2",
    `-I${lib}`,
    join(here, "harness.c"),
    ...sources,
    "-o",
    unfinished,
    "-lpthread",
  ];
  execFileSync("cc", args);
  renameSync(unfinished, program);
  return program;
}
