// Runs the conformance suite on the packed package in every runtime of this machine and prints the table: each must
// run the same cases (their number and the hash of their names) and pass them. `--only NAME` takes some of them,
// `--json FILE` writes the table.

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createFixture } from "./fixture.mjs";
import { reportParts } from "./parts.mjs";
import { runtimes } from "./table.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string" }, json: { type: "string" } } });
const fixture = await createFixture();
const rows = [];
try {
  const selected = runtimes.filter(({ name }) => flags.only === undefined || name.includes(flags.only));
  await reportParts(
    "conformance suite by runtime",
    selected.map(({ name, missing, run }) => ({
      name,
      missing,
      async run() {
        const report = await run(fixture);
        rows.push({ name, ...report });
        const [first] = rows;
        if (report.failures.length > 0) {
          const lines = report.failures.slice(0, 10).map((failure) => `${failure.name}: ${failure.message}`);
          throw new Error(`${report.failures.length} of ${report.count} cases failed\n${lines.join("\n")}`);
        }
        if (report.hash !== first.hash || report.count !== first.count) {
          throw new Error(
            `ran other cases than ${first.name}: ${report.count} ${report.hash}, not ${first.count} ${first.hash}`,
          );
        }
      },
    })),
  );
} finally {
  await fixture.remove();
}

console.log(
  `\n${"runtime".padEnd(14)} ${"cases".padStart(5)}  ${"hash of their names".padEnd(20)} failed  skipped`,
);
for (const { name, count, hash, failures, skipped } of rows) {
  console.log(
    `${name.padEnd(14)} ${String(count).padStart(5)}  ${String(hash).padEnd(20)} ${String(failures.length).padStart(6)}  ${String(skipped?.length ?? 0).padStart(7)}`,
  );
}
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(rows, null, 1)}\n`);
// Drivers of browsers keep sockets open after they have been told to stop.
process.exit();
