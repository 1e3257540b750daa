// What the article that zstash grew from claims, measured here on the same kind of work: levels and writes of 1 KB, encodings of a
// record, contexts from a pool. Needs `npm ci --prefix bench/peers`, a redis-server, and Go for the article's library.
//
//   node bench/article.mjs [--json FILE] [--quick]

import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureBursts } from "./article/bursts.mjs";
import { measureRecord } from "./article/records.mjs";
import { timeWrites } from "./article/writes.mjs";
import { jsonOfSize } from "./json-of-size.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "string" }, quick: { type: "boolean" } } });
const server = fork(fileURLToPath(new URL("./wire/server.mjs", import.meta.url)));
try {
  const started = once(server, "message");
  const ended = once(server, "exit").then(([code]) => {
    throw new Error(`Cannot start the local server: exit code ${code}`);
  });
  const [{ url, counted, token, backend }] = await Promise.race([started, ended]);
  ended.catch(() => undefined);
  const text = jsonOfSize(1024);
  const writes = await timeWrites({ url, token }, text, flags.quick ? 20 : 3000);
  const records = await measureRecord(server, { counted, token });
  const bursts = await measureBursts(new Uint8Array(new TextEncoder().encode(text)), flags.quick ?? false);
  const { versions, ...burst } = bursts;
  const result = {
    versions: { Node: process.versions.node, ...versions },
    backend: backend.replace(/ started on .*| on 127.*/, ""),
    writes,
    records,
    bursts: burst,
  };
  if (flags.json === undefined) console.log(JSON.stringify(result, null, 1));
  else writeFileSync(flags.json, JSON.stringify(result));
} finally {
  server.disconnect();
}
