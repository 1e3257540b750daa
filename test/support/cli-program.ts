/** Bundles the command-line program from the sources for a test file, so that tests do not depend on a build. */
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";

/**
 * Bundles the program before the tests of the enclosing file, and removes it after them.
 *
 * @returns a function that gives its path, once the tests have begun
 */
export function useProgram(): () => string {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "zstash-cli-"));
    const root = fileURLToPath(new URL("../../", import.meta.url));
    await build({
      entryPoints: [join(root, "src/cli/main.ts")],
      outdir: join(folder, "dist/cli"),
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      alias: {
        "#host": join(root, "src/adapters/host/process.ts"),
        "#http": join(root, "src/adapters/http/node.ts"),
        "#wasm/full": join(root, "src/adapters/full/inline.ts"),
      },
      logLevel: "error",
    });
    await cp(join(root, "package.json"), join(folder, "package.json"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => join(folder, "dist/cli/main.js");
}
