/** The section of docs/article.md about values of 10 MB, many at once: collections, memory and the event loop. */
import { figure, markdownTable, markedRatio, megabytes, whole } from "../tables.mjs";

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

/** @type {readonly (readonly [name: string, read: (figures: NonNullable<Cell["figures"]>) => number])[]} */
const COMPARED = [
  ["time", ({ seconds }) => seconds],
  ["processor time", ({ cpuSeconds }) => cpuSeconds],
  ["collections a second", ({ collections, seconds }) => collections / seconds],
  ["collections in all", ({ collections }) => collections],
  ["pauses in all", ({ pauseMs }) => pauseMs],
  ["heap allocated a second", ({ allocated, seconds }) => allocated / seconds],
  ["heap allocated in all", ({ allocated }) => allocated],
  ["RSS", ({ rss }) => rss],
  ["longest delay of the loop", ({ delayMostMs }) => delayMostMs],
];

/** Figures of zstash/redis over those of the client alone, for the counts and operations that both have. @param {readonly Cell[]} cells */
function ratioTable(cells) {
  const pairs = cells.flatMap(({ side, operation, count, figures }) => {
    if (side !== "zstash") return [];
    const stock = cells.find(
      (cell) => cell.side === "stock" && cell.operation === operation && cell.count === count,
    )?.figures;
    const isWhole = figures !== undefined && stock !== undefined && figures.failures + stock.failures === 0;
    return [{ name: `${count} ${operation}s`, own: isWhole ? figures : undefined, stock }];
  });
  const rows = COMPARED.map(([name, read]) => [
    name,
    ...pairs.map(({ own, stock }) =>
      own === undefined || stock === undefined
        ? "not compared"
        : markedRatio(read(own) / Math.max(1e-9, read(stock))),
    ),
  ]);
  return markdownTable(["zstash/redis over @upstash/redis", ...pairs.map(({ name }) => name)], rows);
}

/** @param {Memory} part */
export function section({ size, stored, cells }) {
  const counts = [...new Set(cells.map(({ count }) => count))];
  const tables = counts.map((count) => {
    const rows = cells.filter((cell) => cell.count === count).map(rowOf);
    return `${whole(count)} at once:\n\n${markdownTable(HEAD, rows)}`;
  });
  const most = Math.max(...counts);
  const slow = cells.every(
    ({ figures }) => figures === undefined || figures.pauseMs >= Math.max(1, figures.collections),
  );
  return `## Values of 10 MB, ${most} at once: garbage collection, memory, the event loop

**It claims**, for ${most} values of 10 MB at once, uncompressed against compressed to 1.2 MB: 8.4 against 1.1 collections a second, mean pauses of
127 against 32 µs, and a heap that grows by 1,120 against 145 MB a second.

${tables.join("\n\n")}

${ratioTable(cells)}

Where a number is above 1, in bold with "!", zstash loses; what failed in part is not compared.

**Why they differ.** A value is ${whole(size)} bytes of JSON with a few letters beyond Latin 1, so that V8 keeps it as a string of twice that; in
Redis it is ${whole(stored["zstash"])} bytes compressed. Each row is a process of its own, after one call and a full collection; Redis and the local
server are other processes. The SDK's pipelining is off: a request of all ${most} would be a string of ${whole(most * size)} letters, and V8 has none above
536,870,888. ${slow ? "Mean pauses are milliseconds here, not microseconds" : "Mean pauses differ from the article's"}: what is collected is V8's heap, not Go's, and
buffers outside of it, of which there are many, ask for full collections. How many there are in a second hangs on how soon a side is done;
their sum, and memory, can be compared. With compression the work of the codec comes on top, in slices between which the event loop turns, and
values that are read at once are decoded side by side, so that their texts lie in memory together. A stream holds no value as a whole:
\`zstash/store\` is for that.`;
}
