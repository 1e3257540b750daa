/** The section of docs/article.md about values of 10 MB, many at once: collections, memory and the event loop. */
import { figure, isLost, markdownTable, markedRatio, megabytes, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["memory"]} Memory
 * @typedef {import("../../article/memory.mjs").Cell} Cell
 * @typedef {import("../../article/memory.mjs").Side} Side
 */

const NAMES = /** @type {const} */ ({
  stock: "@upstash/redis",
  off: "zstash/redis, compression off",
  zstash: "zstash/redis",
  store: "zstash/store, streams",
});

/** @param {Cell} cell @returns {string[]} */
function rowOf({ side, operation, count, figures, failed }) {
  const name = `${operation}, ${NAMES[side]}`;
  if (figures === undefined) return [name, failed ?? "", ...Array.from({ length: 8 }, () => "")];
  const { seconds, cpuSeconds, collections, major, pauseMs, longestPauseMs, allocated } = figures;
  const { heap, arrayBuffers, linear, rss, delayP99Ms, delayMostMs, failures } = figures;
  const faults = failures === 0 ? "" : `; ${failures} of ${count} failed: ${failed ?? ""}`;
  return [
    name,
    `${figure(seconds)} s, ${figure(cpuSeconds)} s${faults}`,
    `${whole(collections)} (${whole(major)}), ${figure(collections / seconds)}`,
    `${figure(pauseMs / Math.max(1, collections))} ms, ${figure(longestPauseMs)} ms`,
    `${figure(pauseMs)} ms`,
    `${megabytes(allocated)}, ${megabytes(allocated / seconds)}`,
    `${megabytes(heap)}, ${megabytes(arrayBuffers)}`,
    megabytes(linear),
    megabytes(rss),
    `${figure(delayP99Ms)} / ${figure(delayMostMs)} ms`,
  ];
}

const HEAD = [
  "",
  "time, processor",
  "collections (full ones), a second",
  "pause: mean, longest",
  "pauses, sum",
  "heap allocated, a second",
  "at most on top: heap, array buffers",
  "linear memory",
  "RSS",
  "loop delay, p99 / most",
];

/** @typedef {NonNullable<Cell["figures"]>} Figures */

/** @type {readonly (readonly [name: string, read: (figures: Figures) => number])[]} */
const COMPARED = [
  ["time", ({ seconds }) => seconds],
  ["processor time", ({ cpuSeconds }) => cpuSeconds],
  ["collections a second", ({ collections, seconds }) => collections / seconds],
  ["collections in all", ({ collections }) => collections],
  ["mean pause", ({ pauseMs, collections }) => pauseMs / Math.max(1, collections)],
  ["longest pause", ({ longestPauseMs }) => longestPauseMs],
  ["pauses in all", ({ pauseMs }) => pauseMs],
  ["heap allocated a second", ({ allocated, seconds }) => allocated / seconds],
  ["heap allocated in all", ({ allocated }) => allocated],
  ["heap at most on top", ({ heap }) => heap],
  ["array buffers at most on top", ({ arrayBuffers }) => arrayBuffers],
  ["linear memory", ({ linear }) => linear],
  ["RSS", ({ rss }) => rss],
  ["delay of the loop, 99th percentile", ({ delayP99Ms }) => delayP99Ms],
  ["longest delay of the loop", ({ delayMostMs }) => delayMostMs],
];

/** Pairs of a cell of zstash/redis and that of the client alone, where both did all that they were asked. @param {readonly Cell[]} cells */
function pairsOf(cells) {
  return cells.flatMap(({ side, operation, count, figures }) => {
    if (side !== "zstash") return [];
    const stock = cells.find(
      (cell) => cell.side === "stock" && cell.operation === operation && cell.count === count,
    )?.figures;
    const isWhole = figures !== undefined && stock !== undefined && figures.failures + stock.failures === 0;
    return [{ name: `${count} ${operation}s`, operation, own: isWhole ? figures : undefined, stock }];
  });
}

/** @typedef {ReturnType<typeof pairsOf>[number]} Pair */

/** zstash's figure over the client's; undefined where they are not compared. @param {Pair} pair @param {(figures: Figures) => number} read */
function ratioOf({ own, stock }, read) {
  if (own === undefined || stock === undefined) return undefined;
  const [a, b] = [read(own), read(stock)];
  return a === b ? 1 : a / b;
}

/** Figures of zstash/redis over those of the client alone, for the counts and operations that both have. @param {readonly Pair[]} pairs */
function ratioTable(pairs) {
  const rows = COMPARED.map(([name, read]) => [
    name,
    ...pairs.map((pair) => {
      const ratio = ratioOf(pair, read);
      if (ratio === undefined) return "not compared";
      return ratio === Infinity ? "**from 0 !**" : markedRatio(ratio);
    }),
  ]);
  return markdownTable(["zstash/redis over @upstash/redis", ...pairs.map(({ name }) => name)], rows);
}

/** In which of its figures zstash loses, by operation. @param {readonly Pair[]} pairs */
function lostText(pairs) {
  const texts = [...new Set(pairs.map(({ operation }) => operation))].flatMap((operation) => {
    const lost = COMPARED.flatMap(([name, read]) => {
      const all = pairs.filter((pair) => pair.operation === operation && pair.own !== undefined);
      const worse = all.filter((pair) => isLost(ratioOf(pair, read) ?? 0));
      if (worse.length === 0) return [];
      return [worse.length === all.length ? name : `${name} (at ${listed(worse.map((pair) => pair.name))})`];
    });
    return lost.length === 0 ? [] : [`${operation}s in ${listed(lost)}`];
  });
  return texts.length === 0
    ? "zstash/redis loses in none of them."
    : `**zstash/redis loses** with ${texts.join(", and with ")}.`;
}

/** What the loop's delays say of the codec's slices. @param {readonly Pair[]} pairs */
function delayText(pairs) {
  const texts = pairs.flatMap((pair) => {
    const [p99, most] = [
      ratioOf(pair, ({ delayP99Ms }) => delayP99Ms),
      ratioOf(pair, ({ delayMostMs }) => delayMostMs),
    ];
    return p99 === undefined || most === undefined ? [] : [{ name: pair.name, p99, most }];
  });
  const shorter = texts.filter(({ p99, most }) => p99 > 1 && most < 1);
  return shorter.length === 0
    ? ""
    : ` The codec works in slices between which the event loop turns: with ${listed(shorter.map(({ name }) => name))} its delays are longer at the 99th percentile (${listed(shorter.map(({ p99 }) => `${figure(p99)} times`))}) and shorter at most (${listed(shorter.map(({ most }) => `${figure(most)}`))}).`;
}

/** @param {Memory} part */
export function section({ size, stored, cells }) {
  const counts = [...new Set(cells.map(({ count }) => count))];
  const tables = counts.map((count) => {
    const rows = cells.filter((cell) => cell.count === count).map(rowOf);
    return `${whole(count)} at once:\n\n${markdownTable(HEAD, rows)}`;
  });
  const most = Math.max(...counts);
  const pairs = pairsOf(cells);
  const measured = cells.flatMap(({ figures }) => figures ?? []);
  const full = measured.map(({ major, collections }) => major / Math.max(1, collections));
  const claimed = [
    ["collections a second", 1.1 / 8.4],
    ["mean pause", 32 / 127],
    ["heap allocated a second", 145 / 1120],
  ].map(([name, claim]) => {
    const read = COMPARED.find(([one]) => one === name)?.[1];
    const ratios = pairs.flatMap((pair) => (read && ratioOf(pair, read)) ?? []);
    return `${name} ${ratios.length === 0 ? "not compared" : range(ratios, figure)} (${figure(Number(claim))})`;
  });
  /** What a stream of the store needs at most on top, beside what a client does. */
  const byStore = cells.flatMap(({ side, figures }) => (side === "store" && figures ? [figures.heap] : []));
  const apart = pairs.filter(
    (pair) => (ratioOf(pair, ({ heap }) => heap) ?? 0) > 1 && pair.operation === "GET",
  );
  const slow = cells.every(
    ({ figures }) => figures === undefined || figures.pauseMs >= Math.max(1, figures.collections),
  );
  return `## Values of 10 MB, ${most} at once: garbage collection, memory, the event loop

**It claims**, for ${most} values of 10 MB at once, uncompressed against compressed to 1.2 MB: 8.4 against 1.1 collections a second, mean pauses of
127 against 32 µs, and a heap that grows by 1,120 against 145 MB a second.

${tables.join("\n\n")}

${ratioTable(pairs)}

Where a number is above 1, in bold with "!", zstash loses; what failed in part is not compared. ${lostText(pairs)}

**Why they differ.** zstash's figures over the client's, and in brackets the article's compressed over uncompressed: ${claimed.join(", ")}. A value is ${whole(size)} bytes of JSON with a few letters beyond Latin 1, so that V8 keeps it as a string of twice that; in
Redis it is ${whole(stored["zstash"])} bytes compressed. Each row is a process of its own, after one call and a full collection; Redis and the local
server are other processes. The SDK's pipelining is off: a request of all ${most} would be a string of ${whole(most * size)} letters, and V8 has none above
536,870,888. ${slow ? "Mean pauses are milliseconds here, not microseconds" : "Mean pauses differ from the article's"}: what is collected is V8's heap, not Go's, and
of the collections ${range(full, (share) => `${Math.round(share * 100)} %`)} were full ones, which buffers outside of the heap ask for too. How many there are in a second hangs on how soon a side is done;
their sum, and memory, can be compared.${delayText(pairs)}${
    apart.length === 0
      ? ""
      : ` Values that are read at once are decoded 32 MiB at a time, so that some of their texts lie in memory together: more heap with ${listed(apart.map(({ name }) => name))}.`
  } A stream holds no value as a whole${byStore.length === 0 ? "" : `: with \`zstash/store\` the heap grew by ${megabytes(Math.max(...byStore))} at most`}.`;
}
