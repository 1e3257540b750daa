// Runs the benchmarks and writes what they print to docs/benchmarks.md, with machine, versions and command.
// Node 22.15 or later, and a C compiler for the kernel. `--only NAME,NAME` runs the sections and files of these names and leaves the
// other sections as they are.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const report = `${root}/docs/benchmarks.md`;
const { values: flags } = parseArgs({ options: { only: { type: "string" } } });
const only = flags.only?.split(",");

/** The sections of the last report, by their titles. */
const before = new Map(
  (existsSync(report) ? readFileSync(report, "utf8") : "")
    .split(/^(?=## )/m)
    .map((section) => [/^## (.*)$/m.exec(section)?.[1], `${section.trimEnd()}\n`]),
);

/** Both sides in Node's oldest supported release and in the one that the runtimes' tests bring. */
const node24 = "test/runtimes/node_modules/node24/bin/node";
const wireSpeed = ["bench/wire-speed.mjs", "--node", "node", "--node", node24, "--quick"];
const others = [
  ["--deno", "test/runtimes/node_modules/@deno/linux-x64-glibc/deno"],
  ["--bun", "test/runtimes/node_modules/@oven/bun-linux-x64/bin/bun"],
].flat();

const parts = [
  {
    title: "Through the JavaScript API, against the runtime's own zstd and @bokuweb/zstd-wasm",
    command: ["bench/codec.mjs"],
    about: "Times of zstash in microseconds, and as multiples of the others': below 1 zstash is faster.",
  },
  {
    title: "The kernel, against native zstd",
    command: ["bench/kernel.mjs"],
    about: "The C functions alone, without copies; native is the same sources at -O3 -mbmi2.",
  },
  {
    title: "Streams",
    command: ["--expose-gc", "bench/streams.mjs"],
    about: "Against one-shot on the same bytes; then a gibibyte through both directions.",
  },
  {
    title: "Through @upstash/redis: bytes, processor time, latencies, the event loop",
    command: ["bench/wire.mjs"],
    about:
      "JSON of the corpus through the client alone and with zstash, over loopback to a local server on a real Redis.",
  },
  {
    name: "http",
    title: "zstash/redis over the stock client: HTTP",
    command: wireSpeed,
    about: "Texts of JSON, through the transport that Node gets.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "at-once",
    title: "zstash/redis over the stock client: 64 at once",
    command: [...wireSpeed, "--at-once"],
    about: "The same, 64 at once: in one pipeline, and each in a request of its own.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "https",
    title: "zstash/redis over the stock client: HTTPS",
    command: [...wireSpeed, "--https"],
    about: "The same with TLS.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "random",
    title: "zstash/redis over the stock client: values that stay uncompressed",
    command: [...wireSpeed, "--random"],
    about: "Texts of random characters.",
    needs: "test/runtimes/node_modules",
  },
  {
    name: "fetch",
    title: "zstash/redis over the stock client: over fetch",
    command: [...wireSpeed, "--fetch", ...others],
    about:
      "JSON through `fetch`, which zstash uses on other runtimes, and on Node where it is not Node's own.",
    needs: "test/runtimes/node_modules",
  },
  {
    title: "Dictionaries",
    command: ["bench/train.mjs"],
    about: "Those of `zstash/train` beside those of `zstd --train`, on records that neither has seen.",
  },
  {
    title: "Small values with dictionaries",
    command: ["bench/dictionaries.mjs"],
    about: "What was asked of dictionaries, and what they do: for values, for requests, for clients.",
  },
  {
    title: "Values of any size",
    command: ["--expose-gc", "bench/store.mjs"],
    about: "Through the store, over loopback to a local server on a real Redis; see also network.md.",
  },
  {
    title: "Serving stored values",
    command: ["bench/serve.mjs"],
    about:
      "A frame that is passed on beside one that is decoded, and a page in Chromium on a slow link; without Chromium its table is left out.",
  },
  {
    title: "Cold load",
    command: ["test/runtimes/load-bench.mjs"],
    about: "From nothing to the first compressed kilobyte, in new processes, isolates and pages.",
    needs: "test/runtimes/node_modules",
  },
];

const date = new Date().toISOString().slice(0, 10);
const measured = (/** @type {string | undefined} */ name, /** @type {readonly string[]} */ command) =>
  only === undefined ||
  only.some((one) => one === name || command.some((argument) => argument.endsWith(`${one}.mjs`)));

/** Writes the report with what has been measured so far; the other sections stay as they were. */
function write() {
  const sections = parts.flatMap(({ title }) => before.get(title) ?? []);
  writeFileSync(
    report,
    `# Benchmarks\n\nWritten by \`npm run bench\` on ${date}. Both sides of a ratio ran in turn within the same seconds; the machine is small\nand shared, so read the ratios and their spread, not the times. Cells where zstash loses are marked or above 1.\n\n${sections.join("\n")}`,
  );
}

for (const { name, title, command, about, needs } of parts) {
  if (!measured(name, command)) continue;
  if (needs !== undefined && !existsSync(`${root}/${needs}`)) {
    // Its figures would be of another version.
    if (only === undefined) before.delete(title);
    console.error(`${title}: left out, ${needs} is missing`);
    continue;
  }
  process.stderr.write(`${title} …\n`);
  const { status, stdout } = spawnSync(process.execPath, command, {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) {
    console.error(`Cannot write the report: node ${command.join(" ")} failed`);
    process.exit(1);
  }
  before.set(
    title,
    `## ${title}\n\n${about}\n\n\`node ${command.join(" ")}\`\n\n\`\`\`text\n${stdout.trim()}\n\`\`\`\n`,
  );
  write();
}
