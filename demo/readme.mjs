// Puts what was measured into README.md and docs/: without a flag the demo's output, which it runs, into docs/demo.md
// (`--from FILE` takes one that was saved before). `--runtimes FILE` puts in the table of
// `node test/runtimes/run.mjs --json FILE`, `--weights` what bundles weigh, `--network` what a real link gains.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureWeights, weightTable } from "../bench/weights.mjs";
import { gainPicture, leadLine, networkTable, readNetwork, weightLine } from "../docs/generate/face.mjs";

const { values: flags } = parseArgs({
  options: {
    from: { type: "string" },
    runtimes: { type: "string" },
    weights: { type: "boolean" },
    network: { type: "boolean" },
  },
});
const root = fileURLToPath(new URL("..", import.meta.url));

function runDemo() {
  const { status, stdout } = spawnSync(process.execPath, [`${root}/demo/demo.mjs`, "--full"], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error("the demo failed");
  return stdout;
}

/**
 * How each runtime gets its WebAssembly, and where a project of its kind is.
 *
 * @type {Readonly<Record<string, readonly [adapter: string, example: string]>>}
 */
const adapters = {
  Node: ["node: by node:zlib", "node"],
  Deno: ["inline", "deno"],
  Bun: ["node: by node:zlib", "bun"],
  workerd: ["workerd: `import` of the .wasm", "worker"],
  "Edge runtime": ["edge-light: `import` of the .wasm?module", "vercel-edge"],
  Chromium: ["inline", "browser"],
  Firefox: ["inline", "browser"],
  WebKit: ["inline", "browser"],
};

/**
 * What test/runtimes/run.mjs reports of a runtime.
 *
 * @typedef {{ name: string, version?: string, count: number, hash: string, failures: string[], skipped: string[] }} Report
 *
 * @param {readonly Report[]} reports
 */
function runtimeTable(reports) {
  const rows = reports.map(({ name, version, count, hash, failures, skipped }) => {
    const [adapter, example] = adapters[name] ?? adapters[name.split(" ")[0]];
    const passed = `${count - failures.length - skipped.length} of ${count}`;
    return `| ${name}${version ? ` (${version})` : ""} | ${adapter} | [examples/${example}](../examples/${example}) | ${passed} | \`${hash}\` |`;
  });
  return [
    "| runtime | adapter | example | cases passed | hash of their names |",
    "| --- | --- | --- | --: | --- |",
    ...rows,
  ].join("\n");
}

/**
 * Puts the parts between their markers in a page.
 *
 * @param {string} path
 * @param {Readonly<Record<string, string>>} parts
 */
function update(path, parts) {
  let text = readFileSync(`${root}${path}`, "utf8");
  for (const [name, content] of Object.entries(parts)) {
    const block = new RegExp(`(<!-- ${name}: [^\\n]* -->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
    if (!block.test(text)) throw new Error(`${path} has no markers for ${name}`);
    text = text.replace(block, (_, start, end) => `${start}\n${content}\n\n${end}`);
  }
  writeFileSync(`${root}${path}`, text);
}

try {
  if (flags.weights) {
    const rows = await measureWeights();
    update("docs/runtimes.md", { weights: weightTable(rows) });
    update("README.md", { weighs: `- ${weightLine(rows)}` });
  } else if (flags.network) {
    const measured = readNetwork();
    update("README.md", { lead: leadLine(measured), network: networkTable(measured) });
    for (const theme of /** @type {const} */ (["light", "dark"]))
      writeFileSync(`${root}docs/readme/gain-${theme}.svg`, gainPicture(measured, theme));
  } else if (flags.runtimes !== undefined) {
    const reports = JSON.parse(readFileSync(flags.runtimes, "utf8"));
    update("docs/runtimes.md", { runtimes: runtimeTable(reports) });
  } else {
    const output = flags.from === undefined ? runDemo() : readFileSync(flags.from, "utf8");
    update("docs/demo.md", { demo: `\`\`\`text\n${output.trimEnd()}\n\`\`\`` });
  }
} catch (error) {
  console.error(`Cannot update the pages: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
