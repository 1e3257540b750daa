/** Bundles the command-line program from the sources for a test file, so that tests do not depend on a build. */
import type { ChildProcess } from "node:child_process";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";
import { nodeBuiltins } from "../../bundle-plugins.mjs";

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
      plugins: [nodeBuiltins],
      alias: {
        "#host": join(root, "src/adapters/host/node.ts"),
        "#http": join(root, "src/adapters/http/node.ts"),
        "#channels": join(root, "src/adapters/channels/node.ts"),
        "#wasm/full": join(root, "src/adapters/full/inline.ts"),
        "#wasm/trainer": join(root, "src/adapters/trainer/inline.ts"),
      },
      logLevel: "error",
    });
    await cp(join(root, "package.json"), join(folder, "package.json"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return () => join(folder, "dist/cli/main.js");
}

/** How a process ended, and all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** A running process, and what it has printed so far. */
export interface Followed {
  readonly child: ChildProcess;
  readonly texts: { readonly output: string; readonly errors: string };
  readonly ended: Promise<Ended>;
  /** All output as soon as there is a line; rejects if the process ends without one. */
  readonly firstLine: Promise<string>;
}

/** Collects what a process prints to its pipes. */
export function follow(child: ChildProcess): Followed {
  const texts = { output: "", errors: "" };
  child.stdout?.on("data", (text: Buffer) => (texts.output += text.toString()));
  child.stderr?.on("data", (text: Buffer) => (texts.errors += text.toString()));
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal, ...texts })),
  );
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => texts.output.includes("\n") && resolve(texts.output));
    void ended.then(({ errors }) => reject(new Error(`ended without a word: ${errors}`)));
  });
  firstLine.catch(() => undefined);
  return { child, texts, ended, firstLine };
}

/** Looks until something holds; the test's own timeout bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
