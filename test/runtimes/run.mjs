// Runs the conformance suite on the packed package in every runtime of this machine and prints the table: each must run
// the cases of the sources (their number and the hash of their names) and pass them. Each talks over HTTP to a local
// server of its own, in this process. `--quick` takes the fastest of each kind, `--rest` the others, `--only NAME` those with
// such a name; `--json FILE` writes the table.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { createDevServer } from "../../dist/dev/index.js";
import { bundleSuite, createFixture, root } from "./fixture.mjs";
import { reportParts } from "./parts.mjs";
import { runtimes } from "./table.mjs";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    quick: { type: "boolean", default: false },
    rest: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const fixture = await createFixture();
const rows = [];

/** Runs the suite in a runtime, beside a server that it must have reached. */
async function runWithServer(run) {
  const server = await createDevServer();
  try {
    const { url } = await server.listen();
    const report = await run({ ...fixture, server: { url, token: server.token } });
    const headers = { authorization: `Bearer ${server.token}` };
    const { result } = await (await fetch(`${url}/get/ran`, { headers })).json();
    if (result !== `hash ${report.hash}`) throw new Error("its requests did not reach the server");
    return { ...report, transport: "http", server: server.backend.kind };
  } finally {
    await server.close();
  }
}

/** Number and hash of the cases as the sources list them. */
async function listedCases() {
  const file = join(fixture.folder, "cases.mjs");
  await bundleSuite(file, {
    entryPoints: [join(root, "test/conformance/index.ts")],
    external: ["zstash", "zstash/*", "@upstash/*", "node:*"],
  });
  const { cases, describeCases } = await import(pathToFileURL(file).href);
  return describeCases(cases.map(({ name }) => name));
}

const selected = runtimes.filter(
  ({ name, quick = false }) =>
    name.toLowerCase().includes(flags.only.toLowerCase()) && !(quick ? flags.rest : flags.quick),
);

try {
  const listed = await listedCases();
  if (selected.length === 0) {
    throw new Error(`no runtime is called ${flags.only}: ${runtimes.map(({ name }) => name).join(", ")}`);
  }
  await reportParts(
    "conformance suite by runtime",
    selected.map(({ name, missing, run }) => ({
      name,
      missing,
      async run() {
        const report = await runWithServer(run);
        rows.push({ name, ...report });
        if (report.failures.length > 0) {
          const lines = report.failures.slice(0, 10).map((failure) => `${failure.name}: ${failure.message}`);
          throw new Error(`${report.failures.length} of ${report.count} cases failed\n${lines.join("\n")}`);
        }
        if (report.hash !== listed.hash || report.count !== listed.count) {
          throw new Error(
            `ran other cases than those of test/conformance: ${report.count} ${report.hash}, not ${listed.count} ${listed.hash}`,
          );
        }
      },
    })),
  );
} finally {
  await fixture.remove();
}

const columns = [
  ["runtime", 18, ({ name }) => name],
  ["cases", -5, ({ count }) => count],
  ["hash of their names", 20, ({ hash }) => hash],
  ["failed", -6, ({ failures }) => failures.length],
  ["skipped", -7, ({ skipped }) => skipped.length],
  ["transport", 9, ({ transport }) => transport],
  ["server", 12, ({ server }) => server],
];
const pad = (cell, width) => (width < 0 ? String(cell).padStart(-width) : String(cell).padEnd(width));
console.log(`\n${columns.map(([title, width]) => pad(title, width)).join("  ")}`);
for (const row of rows) {
  console.log(columns.map(([, width, cell]) => pad(cell(row), width)).join("  "));
}
if (flags.quick) {
  const others = runtimes.filter((runtime) => !selected.includes(runtime)).map(({ name }) => name);
  console.log(`left out: ${others.join(", ")}`);
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(rows, null, 1)}\n`);
// Drivers of browsers keep sockets open after they have been told to stop.
process.exit();
