// Writes the generated parts of docs/architecture.md and docs/metrics.md: the picture of the layers, the table of
// folders, the count of hops, the files on four ways, and the table of metrics; docs/command-line.md's sections; the
// pictures of docs/concepts.md; the table of layouts in docs/store.md; and ids and dates of new decisions. `--quick` writes only
// the last three. Needs a build and a redis-server: without scripts a range takes another way.
//
//   npm run docs
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { measureWays } from "../bench/hops/ways.mjs";
import { readSources } from "../test/support/import-graph.mjs";
import { createMetrics } from "zstash/metrics";
import { folderTable, hopTable, metricsTable, replaceBlock, wayLists } from "./generate/page.mjs";
import { commandSections, loadCommands } from "./generate/commands.mjs";
import { CONCEPTS } from "./generate/concepts.mjs";
import { numberDecisions } from "./generate/decisions.mjs";
import { layoutTable } from "./generate/layouts.mjs";
import { drawLayers } from "./generate/picture.mjs";

const docs = fileURLToPath(new URL(".", import.meta.url));
const page = `${docs}architecture.md`;
const files = readSources(fileURLToPath(new URL("../src/", import.meta.url)));

mkdirSync(`${docs}concepts`, { recursive: true });
for (const [name, picture] of Object.entries(CONCEPTS)) writeFileSync(`${docs}concepts/${name}`, picture);
const decisions = readFileSync(`${docs}decisions.md`, "utf8");
const today = new Date().toISOString().slice(0, 10);
writeFileSync(
  `${docs}decisions.md`,
  numberDecisions(decisions, () => today),
);
const storePage = `${docs}store.md`;
const layouts = layoutTable(readFileSync(`${docs}benchmarks.md`, "utf8"));
const storeText = replaceBlock(readFileSync(storePage, "utf8"), "layouts", layouts);
writeFileSync(storePage, await format(storeText, { parser: "markdown", printWidth: 110 }));
if (process.argv.includes("--quick")) process.exit();

const { backend, ways } = await measureWays();
if (!backend.includes("redis-server")) {
  console.error(`Cannot write the docs: there is no redis-server on the PATH (the server has ${backend})`);
  process.exit(1);
}
const blocks = { folders: folderTable(files), hops: hopTable(ways), ways: wayLists(ways) };
const text = Object.entries(blocks).reduce(
  (whole, [name, content]) => replaceBlock(whole, name, content),
  readFileSync(page, "utf8"),
);
writeFileSync(page, await format(text, { parser: "markdown", printWidth: 110 }));

const metricsPage = `${docs}metrics.md`;
const zstd = { stats: () => ({ live: 0, idle: 0, waiters: 0, memory: 0 }) };
const metrics = metricsTable(createMetrics({ zstd }).toPrometheus());
const metricsText = replaceBlock(readFileSync(metricsPage, "utf8"), "metrics", metrics);
writeFileSync(metricsPage, await format(metricsText, { parser: "markdown", printWidth: 110 }));

const commandPage = `${docs}command-line.md`;
const sections = commandSections(await loadCommands());
const commandText = replaceBlock(readFileSync(commandPage, "utf8"), "commands", sections);
writeFileSync(commandPage, await format(commandText, { parser: "markdown", printWidth: 110 }));

mkdirSync(`${docs}architecture`, { recursive: true });
writeFileSync(`${docs}architecture/layers.svg`, drawLayers(files));
