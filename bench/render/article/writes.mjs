/** The section of docs/article.md about levels and the tail of writes. */
import { cellsOf, figure, markdownTable, sizeName, whole } from "../tables.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article} Article
 * @typedef {import("../../results.mjs").Against} Against
 */

/**
 * @param {Article["writes"]} part
 * @param {Against} against
 */
export function section({ writes }, against) {
  const cell = (/** @type {number} */ level) =>
    cellsOf(against, "compress", level).find(({ value }) => value === "json-1024")?.sides ?? {};
  const [fast, normal] = [cell(1), cell(3)];
  /** @param {import("../../results.mjs").Summary | undefined} side */
  const codec = (side) =>
    side === undefined ? ["", ""] : [`${figure(side.us[1])} µs`, `${sizeName(side.bytes ?? 0)} B`];
  const write = (/** @type {keyof typeof writes} */ name) =>
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
library's two encoders do so too where they are used again; what takes longer there is to make one for each call (the section about contexts from a pool). A
SET is a request over HTTP to a Redis on the same machine, ${whole(writes.uncompressed.n)} of each kind in turn: beside it a few microseconds of compression
hardly show, and the tail is that of the machine. That the fastest level is enough for small values is true here too, for a reason of
bytes rather than of time: the higher levels hardly make them smaller.`;
}
