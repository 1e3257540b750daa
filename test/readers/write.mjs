// Runs the readers that are on this machine, keeps the recorded rows of the others, and writes results.json and the table
// of docs/readers.md: `npm run build`, `npm ci --prefix test/readers/programs`, `node test/readers/write.mjs [--only NAME]`.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format } from "prettier";
import { replaceBlock } from "../../docs/generate/page.mjs";
import { readers } from "./list.mjs";
import { withValues } from "./run.mjs";
import { readersTable } from "./table.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string" } } });
const file = fileURLToPath(new URL("results.json", import.meta.url));
const page = fileURLToPath(new URL("../../docs/readers.md", import.meta.url));
/** @type {import("./table.mjs").Results} */
const recorded = JSON.parse(readFileSync(file, "utf8"));

/** @type {import("./table.mjs").Row[]} */
const rows = [];
let size = recorded.size;
await withValues(async (read, textSize) => {
  size = textSize;
  for (const reader of readers) {
    const { name, call } = reader;
    const version =
      flags.only === undefined || name.includes(flags.only) ? await reader.version() : undefined;
    const before = recorded.readers.find((row) => row.name === name && row.call === call);
    if (version !== undefined) rows.push({ name, call, version, outcomes: await read(reader) });
    else if (before !== undefined) rows.push(before);
    console.log(`${name} ${call}: ${version ?? (before === undefined ? "missing" : "as recorded")}`);
  }
});
const results = { date: new Date().toISOString().slice(0, 10), size, readers: rows };
writeFileSync(file, await format(JSON.stringify(results), { parser: "json", printWidth: 110 }));
const text = replaceBlock(readFileSync(page, "utf8"), "readers", readersTable(results));
writeFileSync(page, await format(text, { parser: "markdown", printWidth: 110 }));
