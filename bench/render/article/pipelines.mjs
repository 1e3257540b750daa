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

/** From this share of its time on a round waits for the link, below the other it does not. */
const [BOUND, FREE] = [0.8, 0.5];

/** @typedef {Cell["sides"]["stock"]} Side */

/**
 * The time that a round's bytes take on the link at least, as a share of the round's: those of the direction that has more, or, in files
 * from before these were counted, of both, which is too much.
 *
 * @param {Side} side
 * @param {number} mbit
 * @param {number} count
 */
const linkShare = ({ bytes, oneWay = bytes, perSecond }, mbit, count) =>
  Math.min(1, (oneWay * 8) / (mbit * 1e6) / (count / perSecond));

/** The client's processor time as a share of a round's. @param {Side} side @param {number} count */
const clientShare = ({ cpuMs, perSecond }, count) => cpuMs / 1000 / (count / perSecond);

/** @param {number} share */
const percent = (share) => `${Math.round(share * 100)} %`;

/** @param {string} text @param {boolean} lost */
const marked = (text, lost) => (lost ? `**${text} !**` : text);

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
      marked(`×${figure(times)}`, times < EVEN),
      ...[stock, zstash].map((side) =>
        [side.p50, side.p99]
          .map((ms, at) => marked(figure(ms), side === zstash && ms > [stock.p50, stock.p99][at]))
          .join(" / "),
      ),
      ...[stock, zstash].map(({ bytes }) => megabytes(bytes)),
      ...[stock, zstash].map((side) => percent(linkShare(side, cell.mbit, count))),
      whole(stock.cpuMs),
      marked(whole(zstash.cpuMs), zstash.cpuMs > stock.cpuMs),
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
  const bounds = [...new Set(cells.map(({ mbit }) => mbit))].map((mbit) => {
    const sides = cells.filter((cell) => cell.mbit === mbit).flatMap((cell) => Object.values(cell.sides));
    const shares = sides.map((side) => linkShare(side, mbit, count));
    const [least, most] = [Math.min(...shares), Math.max(...shares)];
    const who =
      least >= BOUND
        ? "the link binds"
        : most < FREE
          ? "the link does not bind: it is idle most of the time"
          : "the link binds in some cells, and in others it does not alone";
    const clients = range(
      sides.map((side) => clientShare(side, count)),
      percent,
    );
    const rest =
      most < FREE
        ? `; the client's own processor time is ${clients} of a round, and the rest is the server, Redis, the link's program and waiting for one of the machine's processors`
        : "";
    return `at ${rateName(mbit)} the bytes take ${range(shares, percent)} of a round, so ${who}${rest}`;
  });
  return `## Pipelines of ${whole(count)} values of ${figure(size / 1000)} KB

**It claims**, of pipelines of 10,000 values of 1.2 KB, 50 at once, with LZ4: 38,200 → 52,600 operations a second at 1 Gbit and 41,500 → 59,800 at
10 Gbit, p99 42 → 28 ms, 12.4 → 3.1 MB a batch.

Measured in [the network laboratory](network.md), ${rtt} ms of round trip: ${whole(count)} values, in one pipeline, and in pipelines of 50 of which 50 are under way at
once. Stock client and zstash ran in turn; operations a second are those of the median round, times are of a pipeline in milliseconds, p50 / p99, bytes are
those of the link in both directions, and processor time is the client's for all values. "Link" is the share of a round that its bytes take on the
link${cells.every(({ sides }) => Object.values(sides).every(({ oneWay }) => oneWay !== undefined)) ? " in the direction that has more" : ", those of both directions, at most"}. "!" marks where zstash has fewer operations a second, a longer time, or takes more processor time.

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
    "stock, link",
    "zstash, link",
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
percentile was higher in ${longer}. Who binds: ${bounds.join("; ")}. Where the link does not bind, what zstash gains or loses
is work of client and server, and not the link's time. 10 Gbit was not emulated: client, server and link share the machine's processors.

The article's batch becomes a quarter; this one, real JSON, takes ${range(saved, figure)} times fewer bytes on the link: each value is compressed alone and
travels as base64 where many share a request. What repeats from value to value is worth [a dictionary](dictionaries.md). The article's rates are those of
connections of Redis' own protocol; this is HTTP, with heads for every request.${
    isTooLarge
      ? ` One pipeline of all is ${megabytes(single.sides.stock.bytes)} by the stock client, more than the 10 MB that Upstash takes in a request by default (the laboratory's server takes it); zstash divides pipelines above 10 MiB.`
      : ""
  }`;
}
