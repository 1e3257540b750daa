// Puts the demo's real output into the README: between the markers, as it was printed.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const readme = `${root}/README.md`;
const block = /(<!-- demo: [^\n]* -->\n)[\s\S]*?(<!-- \/demo -->)/;

const { status, stdout } = spawnSync(process.execPath, [`${root}/examples/demo/demo.mjs`], {
  cwd: root,
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"],
});
if (status !== 0) {
  console.error("Cannot update the README: the demo failed");
  process.exit(1);
}
const text = readFileSync(readme, "utf8");
if (!block.test(text)) {
  console.error("Cannot update the README: its demo markers are missing");
  process.exit(1);
}
writeFileSync(
  readme,
  text.replace(block, (_, start, end) => `${start}\n\`\`\`text\n${stdout.trimEnd()}\n\`\`\`\n\n${end}`),
);
