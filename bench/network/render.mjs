// Writes docs/network.md and docs/network/*.svg from results: `node bench/network/render.mjs [FILE]`, by default from
// the latest file in bench/network/results/.

import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { format } from "prettier";
import { experiments } from "./experiments.mjs";
import { renderClients } from "./render/clients.mjs";
import { renderFirstByte, renderUploads } from "./render/large.mjs";
import { renderBlackHole, renderPaths, renderPerFrame, renderRequestCost } from "./render/paths.mjs";
import { readResults } from "./results.mjs";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));

/**
 * By experiment: results to Markdown, and charts by file name. Each is given what its experiment has measured.
 *
 * @type {Record<string, (measured: never) => { text: string, charts?: Record<string, string> }>}
 */
const renderers = {
  clients: renderClients,
  "request-cost": renderRequestCost,
  "first-byte": renderFirstByte,
  uploads: renderUploads,
  "per-frame": renderPerFrame,
  paths: renderPaths,
  "black-hole": renderBlackHole,
};

/** @param {Awaited<ReturnType<typeof import("./results.mjs").mergeResults>>} results */
export async function renderAll(results) {
  const { date, machine, node, versions, corpus } = results;
  mkdirSync(`${docs}network`, { recursive: true });
  const sections = [];
  for (const { name, title } of experiments) {
    const measured = results.experiments[name];
    if (measured === undefined) continue;
    const { text, charts = {} } = renderers[name](/** @type {never} */ (measured));
    const load = measured.load === undefined ? "" : `; the machine's load at the start was ${measured.load}`;
    sections.push(`## ${title}\n\n${text}\n\nTook ${measured.seconds} s${load}.\n`);
    for (const [file, svg] of Object.entries(charts)) writeFileSync(`${docs}network/${file}.svg`, svg);
  }
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const head = `# On the network

Written by \`npm run bench:network\` on ${date}: ${machine}; Node ${node}, ${packages.join(", ")}; corpus
\`${corpus.slice(0, 16)}\`. Client and server (redis-server behind \`zstash dev\`'s handler) run in two network namespaces of one
machine, joined by a link with rate, round trip, loss and a queue of one bandwidth-delay product, at least 150 KB; TCP is
cubic, there is no TLS. What is compared ran in turn, round by round. Both ends and the link share the machine's cores, so at 1 Gbit
the processors are the limit as much as the link.
`;
  writeFileSync(
    `${docs}network.md`,
    await format([head, ...sections].join("\n"), { parser: "markdown", printWidth: 110 }),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await renderAll(readResults(process.argv[2]));
