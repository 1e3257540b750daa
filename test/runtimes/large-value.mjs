// A value of 100 MB on runtimes that move such values: it comes back equal, and put and get each take fewer than the 50
// requests that a Worker may send.

import { createDevServer } from "../../dist/dev/index.js";
import { createFixture } from "./fixture.mjs";
import { reportParts } from "./parts.mjs";
import { runtimes } from "./table.mjs";

const WORKER_REQUESTS = 50;
const names = ["Node 20", "Deno", "Bun", "workerd"];

const fixture = await createFixture("large-value.ts");
const server = await createDevServer();
const rows = [];
try {
  const { url } = await server.listen();
  await reportParts(
    `100 MB through the store, on ${server.backend.kind}`,
    runtimes
      .filter(({ name }) => names.includes(name))
      .map(({ name, missing, run }) => ({
        name,
        missing,
        async run() {
          const report = await run({ ...fixture, server: { url, token: server.token } });
          rows.push({ name, ...report });
          if (!report.equal) throw new Error("the value that came back is another one");
          const most = Math.max(report.put, report.get);
          if (most >= WORKER_REQUESTS)
            throw new Error(`it took ${most} requests, and a Worker may send ${WORKER_REQUESTS}`);
        },
      })),
  );
} finally {
  await server.close();
  await fixture.remove();
}
for (const { name, storedSize, put, get, most } of rows) {
  console.log(
    `          ${name.padEnd(8)} ${(storedSize / 1e6).toFixed(1)} MB stored, ${put} requests to put it and ${get} to get it, at most ${most} at once`,
  );
}
process.exit();
