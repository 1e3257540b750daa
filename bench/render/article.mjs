/** docs/article.md: the article's claims beside what was measured here, made of a file of results alone. */
import { format } from "prettier";
import { cellsOf, figure, markdownTable, sizeName } from "./tables.mjs";

/**
 * @typedef {import("../results.mjs").Results} Results
 * @typedef {import("../results.mjs").Against} Against
 * @typedef {import("../results.mjs").Article} Article
 */

const whole = (/** @type {number} */ number) => Math.round(number).toLocaleString("en");
const megabytes = (/** @type {number} */ bytes) => `${figure(bytes / 1e6)} MB`;

/** @param {Article} article @param {Against} against */
function levels({ writes }, against) {
  const cell = (/** @type {number} */ level) =>
    cellsOf(against, "compress", level).find(({ value }) => value === "json-1024")?.sides ?? {};
  const [fast, normal] = [cell(1), cell(3)];
  /** @param {import("../results.mjs").Summary | undefined} side */
  const codec = (side) =>
    side === undefined ? ["", ""] : [`${figure(side.us[1])} µs`, `${sizeName(side.bytes ?? 0)} B`];
  const write = (/** @type {keyof Article["writes"]} */ name) =>
    `${figure(writes[name].p50)} / ${figure(writes[name].p99)} ms`;
  const rows = [
    [
      "none",
      "0 µs, 1,024 B, +1.1 ms",
      "",
      `${sizeName(writes.uncompressed.stored)} B`,
      "",
      write("uncompressed"),
    ],
    [
      "fastest (level 1)",
      "9 µs, 410 B, +3.2 ms",
      ...codec(fast["zstash"]),
      codec(fast["klauspost in Go"]).join(", "),
      write("level 1"),
    ],
    [
      "default (level 3)",
      "42 µs, 380 B, +17 ms",
      ...codec(normal["zstash"]),
      codec(normal["klauspost in Go"]).join(", "),
      write("level 3"),
    ],
    ["level 19", "", "", `${sizeName(writes["level 19"].stored)} B`, "", write("level 19")],
  ];
  return `## Levels, times, sizes and the tail of writes: JSON of 1 KB

**It claims** that the default level takes 42 µs and the fastest 9, three to five times less, that the fastest still makes the value 1.8 times
smaller, and that the 99th percentile of writes grows by 17 and by 3.2 ms.

${markdownTable(["level", "the article: time, bytes, write p99", "zstash, median", "bytes", "its Go library here", "SET here, p50 / p99"], rows)}

**Why they differ.** zstd has a table of settings for each level and length, and for a kilobyte the levels 1 and 3 lie close together. The Go
library's two encoders do so too where they are used again; what takes longer there is to make one for each call (the last section). A
SET is a request over HTTP to a Redis on the same machine, ${whole(writes.uncompressed.n)} of each kind in turn: beside it a few microseconds of compression
hardly show, and the tail is that of the machine. That the fastest level is enough for small values is true here too, for a reason of
bytes rather than of time: the higher levels hardly make them smaller.`;
}

/** @param {Article} article */
function encodings({ records }) {
  const claims = /** @type {Readonly<Record<string, string>>} */ ({
    JSON: "328 B, gzip 186 B, network +12.5 %",
    MessagePack: "192 B, gzip 141 B, network +2.1 %",
    "Protocol Buffers": "107 B, network +0.3 %",
  });
  const base = records["JSON"].stock.bytes;
  const rows = Object.entries(records).map(([name, { plain, gzip, zstd, stock, zstash }]) => [
    name,
    claims[name],
    `${plain} B`,
    `${gzip} B`,
    `${zstd} B`,
    `${whole(stock.bytes)} B (${((stock.bytes / base) * 100).toFixed(0)} %), ${stock.segments}`,
    `${whole(zstash.bytes)} B (${((zstash.bytes / base) * 100).toFixed(0)} %), ${zstash.segments}`,
  ]);
  const [first, ...others] = Object.values(records).map(({ stock }) => stock.segments);
  const segments = others.every((count) => count === first)
    ? `all encodings fill as many segments, ${first}`
    : "and a segment is sent whole or not";
  return `## Encodings: a record of ten fields

**It claims** 328 bytes as JSON, 192 as MessagePack and 107 as Protocol Buffers, and that the size goes linearly into replication, gossip and round
trips.

${markdownTable(["encoding", "the article", "plain", "gzip", "zstd", "SET and GET by @upstash/redis: bytes, segments", "by zstash/redis"], rows)}

**Why they differ.** The article does not give its fields; these are ours, of an order, with a UUID, which no encoding makes short.
The order of the encodings is the same. The rest is not linear: over HTTP the heads of requests and replies are most of the bytes of a
small record, ${segments} (1,460 bytes each, computed from the bytes of each message), and the SDK carries
text only, so MessagePack and Protocol Buffers travel as base64, a third longer. What is as short as this gains little from zstd,
and zstash leaves it as it is; the compression here was told to try. Of records that repeat their shapes
[a dictionary](dictionaries.md) makes more than an encoding does.`;
}

/** @param {Article} article */
function bursts({ bursts: { burst, times, allocated, held, streams } }) {
  const rows = Object.entries(times).map(([name, [least, median, , high]]) => [
    name,
    `${figure(least)} µs`,
    `${figure(median)} µs`,
    `${figure(high)} µs`,
  ]);
  return `## Contexts from a pool: a burst of ${whole(burst)} values of 1 KB

**It claims** that a pool of encoders is needed, so that thousands of concurrent jobs do not churn memory. It gives no figures.

${markdownTable(["a call", "least", "median", "90th percentile"], rows)}

In Go an encoder for each call allocates ${whole(allocated.own ?? 0)} bytes a call, an encoder that is used again ${whole(allocated.pooled ?? 0)}: there the claim holds. In
WebAssembly a context for each call costs what the table says, because nothing collects garbage: the allocator hands out what the
last call gave back. What counts there is how many are in hand at once: ${whole(held.held)} contexts that have each compressed one value take ${megabytes(held.bytes)} of
linear memory, which never shrinks. zstash compresses a value at once with one context. For streams, which hold theirs while their users
pause, it has a pool with a bound: ${whole(burst)} compression streams opened at once had at most ${whole(streams.contexts)} contexts, the others waited, and all were done
after ${figure(streams.ms / 1000)} s with ${megabytes(streams.bytes)} more.`;
}

/**
 * @param {Results} results
 * @param {string} file the name of the file that they are from
 * @returns {Promise<string>}
 */
export async function articlePage({ article, against }, file) {
  if (article === undefined || against === undefined) throw new Error("the file has no run of the article");
  const { date, machine, load, versions, backend } = article;
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const page = `# The article's claims, measured

zstash grew from an article about writing to Redis from Go with zstd. This page sets what it claims beside what was measured here
on the same kind of work, and says why they differ. Its times belong to its machine and its link; what can be
compared are ratios and orders.

Written by \`npm run bench -- --only article\` on ${date} from \`bench/results/${file}\`: ${machine}, load average ${load.toFixed(1)} at the start,
${list.join(", ")}, ${backend}. The times of the codec are those of [the benchmarks](benchmarks.md).

${[levels(article, against), encodings(article), bursts(article)].join("\n\n")}
`;
  return format(page, { parser: "markdown", printWidth: 110 });
}
