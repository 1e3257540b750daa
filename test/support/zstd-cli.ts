/** The `zstd` program: the reader that everybody has. */
import { spawnSync } from "node:child_process";
import { requireOrSkip } from "./require-or-skip.ts";

const present = spawnSync("zstd", ["--version"]).status === 0;

/** Whether comparisons with the program can run here; see requireOrSkip. */
export function zstdCliAvailable(): boolean {
  // Never a failure: no machine is made to install a second zstd, and native.ts compares with libzstd everywhere.
  return requireOrSkip("the zstd program", present, "apt-get install zstd", false);
}

/** What `zstd -d` makes of the bytes, all frames; throws with its message where it refuses them. */
export function zstdDecode(data: Uint8Array, options: readonly string[] = []): Uint8Array {
  const { status, stdout, stderr } = spawnSync("zstd", ["-d", "-c", "-q", ...options], {
    input: data,
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`zstd -d ended with ${status}: ${stderr.toString()}`);
  return new Uint8Array(stdout);
}
