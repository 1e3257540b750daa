// `npm run example`: packs this checkout, installs it into examples/browser as a user would, and starts the page there.
// What comes behind `--` goes to its server: npm run example -- --rate 10mbit

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "examples/browser");
const temporary = mkdtempSync(join(tmpdir(), "zstash-example-"));
try {
  const packed = execFileSync("npm", ["pack", "--json", "--pack-destination", temporary], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const tarball = join(temporary, JSON.parse(packed)[0].filename);
  const quiet = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--prefer-offline"];
  execFileSync("npm", ["install", ...quiet, tarball], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
  });
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
const child = spawn("npm", ["run", "--silent", "example", "--", ...process.argv.slice(2)], {
  cwd: folder,
  stdio: "inherit",
});
// Ctrl-C reaches the child too; what it ends with is what this ends with.
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
  process.on(signal, () => child.kill(signal));
child.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
