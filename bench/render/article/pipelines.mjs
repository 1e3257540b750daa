/** The section of docs/article.md about pipelines of many small values. */
import { figure, markdownTable, megabytes, whole } from "../tables.mjs";
import { listed } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["pipelines"]} Part
 * @typedef {Part["cells"][number]} Cell
 */

/** Below this share of the stock client's operations a second zstash loses a cell, above its inverse it wins it; between them lies noise. */
const EVEN = 0.97;

/** @param {number} mbit */
const rateName = (mbit) => (mbit >= 1000 ? `${mbit / 1000} Gbit` : `${mbit} Mbit`);

/** @param {Cell} cell */
const gain = ({ sides: { stock, zstash } }) => zstash.perSecond / stock.perSecond;

/** @param {Part} part */
export function section({ count, size, rtt, cells }) {
  const rows = cells.map((cell) => {
    const { mbit, shape, operation, sides } = cell;
    const { stock, zstash } = sides;
    const times = gain(cell);
    const mark = times < EVEN ? `**×${figure(times)} !**` : `×${figure(times)}`;
    return [
      `${rateName(mbit)}, ${shape}, ${operation.toUpperCase()}`,
      ...[stock, zstash].map(({ perSecond }) => whole(perSecond)),
      mark,
      ...[stock, zstash].map(({ p50, p99 }) => `${figure(p50)} / ${figure(p99)}`),
      ...[stock, zstash].map(({ bytes }) => megabytes(bytes)),
      ...[stock, zstash].map(({ cpuMs }) => whole(cpuMs)),
    ];
  });
  const name = (/** @type {Cell} */ { mbit, shape, operation }) =>
    `${rateName(mbit)}, ${shape}, ${operation.toUpperCase()}`;
  const lost = cells.filter((cell) => gain(cell) < EVEN);
  const won = cells.filter((cell) => gain(cell) > 1 / EVEN);
  const gains = cells.map(gain);
  const byRate = [...new Set(cells.map(({ mbit }) => mbit))].map((mbit) => {
    const of = cells.filter((cell) => cell.mbit === mbit).map(gain);
    return `×${figure(Math.min(...of))} to ×${figure(Math.max(...of))} at ${rateName(mbit)}`;
  });
  const dearer = cells.filter(({ sides }) => sides.zstash.cpuMs > sides.stock.cpuMs).length;
  const saved = cells.map(({ sides }) => sides.stock.bytes / sides.zstash.bytes);
  const single = cells.find(({ shape, operation }) => shape.startsWith("one") && operation === "set");
  return `## Pipelines of ${whole(count)} values of ${figure(size / 1000)} KB

**It claims**, of pipelines of 10,000 values of 1.2 KB, 50 at once, with LZ4: 38,200 → 52,600 operations a second at 1 Gbit and 41,500 → 59,800 at 10 Gbit, p99 42 → 28 ms, 12.4 → 3.1 MB a batch.

Measured in [the network laboratory](network.md), ${rtt} ms of round trip: ${whole(count)} values, in one pipeline and in pipelines of 50 of which 50 are under way at once. Stock and zstash ran
in turn; operations a second are those of the median round, times are of a pipeline, p50 / p99, bytes are of the link in both
directions, and processor time is the client's for all values. "!" marks where zstash has fewer operations a second.

${markdownTable(
  [
    "",
    "stock, ops/s",
    "zstash, ops/s",
    "",
    "stock, ms",
    "zstash, ms",
    "stock",
    "zstash",
    "stock, CPU ms",
    "zstash, CPU ms",
  ],
  rows,
)}

**Why they differ.** The gain follows the link: ${listed(byRate)}. ${
    lost.length === 0
      ? `zstash lost no cell of this run${won.length < cells.length ? `; ${cells.length - won.length} of ${cells.length} are even` : ""}.`
      : `**zstash loses** ${lost.length} of ${cells.length} cells: ${listed(lost.map(name))}.`
  } Where the link is fast, both ends and the link itself share two
processors here, and what is compressed has to be paid for: the client took more processor time with zstash in ${dearer} of ${cells.length} cells.${
    Math.max(...gains) > 1 && won.some(({ mbit }) => mbit >= 1000)
      ? " That some cells gain at 1 Gbit as well is bytes that the other parties need not copy."
      : ""
  }

The article's batch becomes a quarter; this one, real JSON, takes ${figure(Math.min(...saved))} to ${figure(Math.max(...saved))} times fewer bytes on the link. Values of ${figure(size / 1000)} KB that share nothing compress ${"alone"} by half, and in a pipeline they travel as base64. What repeats from value to value is
worth [a dictionary](dictionaries.md).${
    single === undefined
      ? ""
      : ` One pipeline of all is ${megabytes(single.sides.stock.bytes)} by the stock client, more than the 10 MB that a request to Upstash may have by default (the laboratory's server takes it); zstash divides pipelines.`
  } The rates of the article need connections of Redis' own
protocol; this is HTTP, with a request's head for every pipeline. 10 Gbit was not emulated: two cores do not fill 1 Gbit here.`;
}
