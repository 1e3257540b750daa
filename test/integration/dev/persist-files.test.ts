/** The path of `persist` when it is no plain file: refused at the start, and nothing is waited for. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createDevServer } from "../../../src/dev/index.ts";
import { rejection } from "../../support/rejection.ts";

test("a pipe is refused at once, and so is a link that leads nowhere", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zstash-persist-"));
  try {
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    const link = join(folder, "link");
    symlinkSync(join(folder, "nowhere", "file"), link);
    for (const [path, reason] of [
      [pipe, /^Cannot load .*: it is no plain file/],
      [link, /^Cannot keep the keyspace in .*: there is no such folder/],
    ] as const)
      expect((await rejection(createDevServer({ persist: path }))).message).toMatch(reason);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
