// What the article that zstash grew from claims, measured here on the same kind of work: one section of docs/article.md, by
// its name in bench/article/sections.mjs. Needs `npm ci --prefix bench/peers`, a redis-server, Go for the article's library,
// and for some what the network laboratory needs (bench/network/lab.mjs).
//
//   node bench/article.mjs NAME [--json FILE] [--quick]

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { articleSections } from "./article/sections.mjs";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "string" }, quick: { type: "boolean" } },
});
const section = articleSections.find(({ name }) => name === positionals[0]);
if (section === undefined)
  throw new Error(`Name a section: ${articleSections.map(({ name }) => name).join(", ")}`);
const { measure } = await import(`./article/${section.name}.mjs`);
const { versions, ...result } = await measure(flags.quick ?? false);
const whole = { ...result, versions: { Node: process.versions.node, ...versions } };
if (flags.json === undefined) console.log(JSON.stringify(whole, null, 1));
else writeFileSync(flags.json, JSON.stringify(whole));
