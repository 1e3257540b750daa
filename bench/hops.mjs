// How often a reader turns the page: the way of one value through the sources, counted on a tracing copy of the build.
// A hop is the entry of a function in another file than the function entered before it; what runs inside the client of
// @upstash/redis and inside the platform is not counted. Paths are warm: everything is loaded and has run before.
//
//   node bench/hops.mjs [--json] [--trace NAME]
//
// `--trace "text SET"` prints the files in the order in which they are entered. The table and the files of four of the
// ways stand in docs/architecture.md, where `npm run docs` puts them.
import { parseArgs } from "node:util";
import { measureWays } from "./hops/ways.mjs";
import { table } from "./table.mjs";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" }, trace: { type: "string" } } });
const { ways } = await measureWays();
if (flags.trace !== undefined) {
  const way = ways[flags.trace];
  if (way === undefined) throw new Error(`there is no such way: expected ${Object.keys(ways).join(", ")}`);
  console.log(way.trace.join("\n"));
} else if (flags.json) console.log(JSON.stringify(ways));
else {
  const rows = Object.entries(ways).map(([name, { files, hops }]) => [name, `${files}`, `${hops}`]);
  console.log(table(["way of a value", "files", "hops"], rows));
}
