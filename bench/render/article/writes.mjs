/** The section of docs/article.md about levels and the tail of writes. */
import { cellsOf, figure, markdownTable, sizeName, whole } from "../tables.mjs";
import { listed } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article} Article
 * @typedef {import("../../results.mjs").Against} Against
 */

/** What two times may differ by and be called even. */
const EVEN = 0.05;
/** What the article has a tail of. */
const CLAIMED = /** @type {const} */ (["level 1", "level 3"]);

/**
 * @param {Article["writes"]} part
 * @param {Against} against
 * @param {Readonly<Partial<Article>>} [article] the other sections
 */
export function section({ writes }, against, { bursts } = {}) {
  const cell = (/** @type {number} */ level) =>
    cellsOf(against, "compress", level).find(({ value }) => value === "json-1024")?.sides ?? {};
  const [fast, normal] = [cell(1), cell(3)];
  /** @param {import("../../results.mjs").Summary | undefined} side */
  const codec = (side) =>
    side === undefined ? ["", ""] : [`${figure(side.us[1])} µs`, `${sizeName(side.bytes ?? 0)} B`];
  const write = (/** @type {keyof typeof writes} */ name) =>
    `${
      /** @type {const} */ (["p50", "p99"])
        .map((at) => {
          const text = figure(writes[name][at]);
          return writes[name][at] > writes.uncompressed[at] * (1 + EVEN) ? `**${text} !**` : text;
        })
        .join(" / ")
    } ms`;
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
  const value = against.values.find(({ name }) => name === "json-1024")?.size ?? 1024;
  const [own, higher] = [fast["zstash"], normal["zstash"]];
  const [goFast, goNormal] = [fast["klauspost in Go"], normal["klauspost in Go"]];
  const timesOf = (/** @type {typeof own} */ one, /** @type {typeof own} */ other) =>
    one === undefined || other === undefined ? undefined : other.us[1] / one.us[1];
  const [levelTimes, goTimes] = [timesOf(own, higher), timesOf(goFast, goNormal)];
  const smaller = (/** @type {typeof own} */ side) =>
    side?.bytes === undefined ? undefined : figure(value / side.bytes);
  const pooled = bursts?.times["klauspost, one encoder"]?.[1];
  const unpooled = bursts?.times["klauspost, an encoder a call"]?.[1];
  const perCall =
    pooled === undefined || unpooled === undefined
      ? ""
      : ` What takes longer there is to make an encoder for each call, ${figure(unpooled / pooled)} times in [the burst below](#contexts-from-a-pool-a-burst-of-${bursts?.burst}-values-of-1-kb).`;
  const none = writes.uncompressed;
  const by = (/** @type {keyof typeof writes} */ name, /** @type {"p50" | "p99"} */ at) => {
    const difference = writes[name][at] - none[at];
    const text = `${figure(Math.abs(difference))} ms`;
    return Math.abs(difference) < EVEN * none[at]
      ? "as long"
      : `${text} ${difference > 0 ? "longer" : "less"}`;
  };
  const tails = CLAIMED.map((name) => `${by(name, "p99")} at ${name}`);
  const middles = CLAIMED.map((name) => `${by(name, "p50")} at ${name}`);
  const grown = CLAIMED.filter((name) => writes[name].p99 > none.p99 * (1 + EVEN));
  const gain = (/** @type {number} */ bytes) =>
    own?.bytes === undefined || bytes >= own.bytes
      ? "no smaller than level 1"
      : `${figure((1 - bytes / own.bytes) * 100)} % smaller than level 1`;
  const levelText =
    levelTimes === undefined
      ? ""
      : `zstd has a table of settings for each level and length: for this kilobyte level 3 takes ${figure(levelTimes)} times level 1's time${goTimes === undefined ? "" : `, and the Go library's default ${figure(goTimes)} times its fastest, where encoders are used again`} (the article: ${figure(42 / 9)}).${perCall} `;
  const sizeText =
    smaller(own) === undefined
      ? ""
      : ` The value becomes ${smaller(own)} times smaller at level 1${smaller(goFast) === undefined ? "" : `, ${smaller(goFast)} times by the Go library's fastest`}; the article's own bytes, 410 of 1,024, would be ${figure(1024 / 410)} times and not 1.8. Level 3 makes it ${gain(higher?.bytes ?? 0)}, and level 19 ${gain(writes["level 19"].stored)}.`;
  return `## Levels, times, sizes and the tail of writes: JSON of 1 KB

**It claims** that the default level takes 42 µs and the fastest 9, three to five times less, that the fastest still makes the value 1.8 times
smaller, and that the 99th percentile of writes grows by 17 and by 3.2 ms.

${markdownTable(["level", "the article: time, bytes, write p99", "zstash, median", "bytes", "its Go library here", "SET here, p50 / p99"], rows)}

Where a SET takes longer than uncompressed by more than ${EVEN * 100} %, its number is in bold with "!": zstash loses.

**Why they differ.** ${levelText}A SET is a request over HTTP to a Redis on the same machine, ${whole(none.n)} of each kind in turn, in an order that is drawn anew for each round;
uncompressed is the stock client, the levels are zstash/redis, which sends over another part of Node. Beside the stock client the median is
${listed(middles)}, and the 99th percentile ${listed(tails)}: ${
    grown.length === 0
      ? "compression does not show in the tail, which is that of the machine."
      : `the tail grows at ${listed(grown)}, where the article has ${listed(grown.map((name) => (name === "level 1" ? "2.1 ms more than uncompressed (3.2 and 1.1)" : "15.9 ms more (17 and 1.1)")))}.`
  }${sizeText}`;
}
