/** The section of docs/article.md about pipelines of many small values. */
import { figure, markdownTable, megabytes, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["pipelines"]} Part
 * @typedef {Part["cells"][number]} Cell
 */

/** Below this share of the stock client's operations a second zstash loses a cell, above its inverse it wins it; between them lies noise. */
const EVEN = 0.97;

/** Bytes of a request to Upstash, unless the plan says otherwise. */
const REQUEST_LIMIT = 10_000_000;

/** @param {number} mbit */
const rateName = (mbit) => (mbit >= 1000 ? `${mbit / 1000} Gbit` : `${mbit} Mbit`);

/** @param {Cell} cell */
const gain = ({ sides: { stock, zstash } }) => zstash.perSecond / stock.perSecond;

/** @param {Part} part */
export function section({ count, size, rtt, cells }) {
  const name = (/** @type {Cell} */ { mbit, shape, operation }) =>
    `${rateName(mbit)}, ${shape}, ${operation.toUpperCase()}`;
  const inWords = (/** @type {Cell} */ { mbit, shape, operation }) =>
    `${operation.toUpperCase()} in ${shape.replace(/, /, " with ")} at ${rateName(mbit)}`;
  const rows = cells.map((cell) => {
    const { stock, zstash } = cell.sides;
    const times = gain(cell);
    return [
      name(cell),
      ...[stock, zstash].map(({ perSecond }) => whole(perSecond)),
      times < EVEN ? `**×${figure(times)} !**` : `×${figure(times)}`,
      ...[stock, zstash].map(({ p50, p99 }) => `${figure(p50)} / ${figure(p99)}`),
      ...[stock, zstash].map(({ bytes }) => megabytes(bytes)),
      ...[stock, zstash].map(({ cpuMs }) => whole(cpuMs)),
    ];
  });
  const lost = cells.filter((cell) => gain(cell) < EVEN);
  const even = cells.filter((cell) => gain(cell) >= EVEN && gain(cell) <= 1 / EVEN);
  const evenText = even.length === 0 ? "" : ` ${even.length} are even.`;
  const byRate = [...new Set(cells.map(({ mbit }) => mbit))].map((mbit) => {
    const gains = cells.filter((cell) => cell.mbit === mbit).map(gain);
    return `${range(gains, (times) => `×${figure(times)}`)} at ${rateName(mbit)}`;
  });
  const dearer = cells.filter(({ sides }) => sides.zstash.cpuMs > sides.stock.cpuMs).length;
  const longer = cells.filter(({ sides }) => sides.zstash.p99 > sides.stock.p99).length;
  const saved = cells.map(({ sides }) => sides.stock.bytes / sides.zstash.bytes);
  const single = cells.find(({ shape, operation }) => shape.startsWith("one") && operation === "set");
  const isTooLarge = single !== undefined && single.sides.stock.bytes > REQUEST_LIMIT;
  const fastest = Math.max(...cells.map(({ mbit }) => mbit));
  const crossed = Math.max(
    ...cells
      .filter(({ mbit }) => mbit === fastest)
      .flatMap(({ sides }) =>
        Object.values(sides).map(({ bytes, perSecond }) => (bytes * 8 * perSecond) / count / 1e6),
      ),
  );
  return `## Pipelines of ${whole(count)} values of ${figure(size / 1000)} KB

**It claims**, of pipelines of 10,000 values of 1.2 KB, 50 at once, with LZ4: 38,200 → 52,600 operations a second at 1 Gbit and 41,500 → 59,800 at
10 Gbit, p99 42 → 28 ms, 12.4 → 3.1 MB a batch.

Measured in [the network laboratory](network.md), ${rtt} ms of round trip: ${whole(count)} values, in one pipeline, and in pipelines of 50 of which 50 are under way at
once. Stock client and zstash ran in turn; operations a second are those of the median round, times are of a pipeline in milliseconds, p50 / p99, bytes are
those of the link in both directions, and processor time is the client's for all values. "!" marks where zstash has fewer operations a second.

${markdownTable(
  [
    "",
    "stock, ops/s",
    "zstash, ops/s",
    "",
    "stock, ms",
    "zstash, ms",
    "stock, bytes",
    "zstash, bytes",
    "stock, CPU ms",
    "zstash, CPU ms",
  ],
  rows,
)}

**Why they differ.** By the link: ${listed(byRate)}. ${
    lost.length === 0
      ? `zstash lost none of ${cells.length} cells in this run.`
      : `**zstash loses** ${lost.length} of ${cells.length} cells: ${listed(lost.map(inWords))}.`
  }${evenText} The client took more processor time with zstash in ${dearer} of ${cells.length} cells, and the 99th
percentile was higher in ${longer}. Client, server and link share the machine's processors: at ${rateName(fastest)} at most ${figure(crossed)} Mbit a second crossed, so that
${crossed < fastest / 2 ? "the processors are the limit there and not the link." : "the link counts there too."} 10 Gbit was not emulated, for the same reason.

The article's batch becomes a quarter; this one, real JSON, takes ${range(saved, figure)} times fewer bytes on the link: each value is compressed alone and
travels as base64 where many share a request. What repeats from value to value is worth [a dictionary](dictionaries.md). The article's rates are those of
connections of Redis' own protocol; this is HTTP, with heads for every request.${
    isTooLarge
      ? ` One pipeline of all is ${megabytes(single.sides.stock.bytes)} by the stock client, more than the 10 MB that Upstash takes in a request by default (the laboratory's server takes it); zstash divides pipelines above 10 MiB.`
      : ""
  }`;
}
