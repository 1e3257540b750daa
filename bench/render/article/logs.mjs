/** The section of docs/article.md about 100 MB of logs at the fastest and at the default level. */
import { figure, isLost, markdownTable, markedRatio, megabytes, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/** @typedef {import("../../article/sections.mjs").Article["logs"]} Logs */

/** What the article says of the Go library. */
const CLAIMS = {
  1: { name: "fastest", ms: 42, megabytes: 38.7, processors: 3.9 },
  3: { name: "default", ms: 198, megabytes: 31.2, processors: 3.2 },
};

/**
 * How two numbers compare, in words, to the percent.
 *
 * @param {number} one
 * @param {number} other
 * @param {string} less
 * @param {string} more
 */
export function compared(one, other, less, more) {
  const percent = Math.round((one / other - 1) * 100);
  if (percent === 0) return "the same to a percent";
  return `${Math.abs(percent)} % ${percent < 0 ? less : more}`;
}

/** Level 3 leaves so many times level 1's bytes at most to be called smaller. */
const SMALLER = 0.99;
/** Of one processor: above it a side used several. */
const SEVERAL = 1.1;

/** @param {Logs} part */
export function section({ size, cores, chunk, rows }) {
  const claimOf = (/** @type {number} */ level) => CLAIMS[level === 1 ? 1 : 3];
  const cpu = (/** @type {Logs["rows"][number]} */ { processorMs }) => processorMs[0];
  const row = (/** @type {string} */ name, /** @type {number} */ level) =>
    rows.find((one) => one.name === name && one.level === level);
  /** zstash's way of the same kind: all at once, or a stream. */
  const ownOf = (/** @type {string} */ name, /** @type {number} */ level) =>
    row(name.includes("stream") ? "zstash, a stream" : "zstash, one call", level);
  const table = rows.map((one) => {
    const { name, level, bytes, ms, processorMs, processors } = one;
    const claim = claimOf(level);
    const claimed = name.startsWith("klauspost in Go, its stream")
      ? `${claim.ms} ms, ${claim.megabytes} MB, ${Math.round(claim.processors * 100)} %`
      : "";
    const own = ownOf(name, level);
    return [
      `${name}, ${level === 1 ? "level 1 (fastest)" : "level 3 (default)"}`,
      claimed,
      processorMs.map(whole).join(" / ") + " ms",
      own === undefined || own === one ? "" : markedRatio(cpu(own) / cpu(one)),
      ms.map(whole).join(" / ") + " ms",
      `${Math.round(processors * 100)} %`,
      megabytes(bytes),
    ];
  });
  const names = [...new Set(rows.map(({ name }) => name))];
  const factors = names.flatMap((name) => {
    const [fast, normal] = [row(name, 1), row(name, 3)];
    if (fast === undefined || normal === undefined) return [];
    const bytes = compared(normal.bytes, fast.bytes, "fewer", "more");
    return [
      `${name}: ${figure(cpu(normal) / cpu(fast))} times the processor time and ${bytes.startsWith("the same") ? `as many bytes to a percent` : `${bytes} bytes`}`,
    ];
  });
  const perProcessor = (/** @type {1 | 3} */ level) =>
    size / 1e6 / ((CLAIMS[level].ms / 1000) * CLAIMS[level].processors);
  const goRates = [1, 3].flatMap((level) => {
    const go = row("klauspost in Go, its stream", level);
    return go === undefined ? [] : [whole(size / 1e3 / cpu(go))];
  });
  const versus = [1, 3].flatMap((level) => {
    const own = row("zstash, one call", level);
    const others = [
      ["native zstd's", row("libzstd in C, one call", level)],
      ["the Go library's", row("klauspost in Go, one call", level)],
    ].flatMap(([name, other]) => {
      if (own === undefined || typeof other !== "object") return [];
      const ratio = cpu(own) / cpu(other);
      return [`${figure(ratio)} times ${name}${isLost(ratio) ? " (it loses)" : ""}`];
    });
    return others.length === 0 ? [] : [`${listed(others)} at level ${level}`];
  });
  const versusText =
    versus.length === 0
      ? ""
      : ` zstash's processor time in one call is ${listed(versus).replaceAll("; and ", "; ")}.`;
  const identical = [1, 3].every(
    (level) =>
      row("zstash, one call", level) !== undefined &&
      row("zstash, one call", level)?.bytes === row("libzstd in C, one call", level)?.bytes,
  );
  const parallel = rows.filter(({ processors }) => processors > SEVERAL);
  const streams = rows.filter(({ name }) => name === "klauspost in Go, its stream");
  const several =
    parallel.length > 0
      ? `More than one processor was used by ${listed(parallel.map(({ name, level, processors }) => `${name} at level ${level}: ${Math.round(processors * 100)} %`))}.`
      : `Nobody used more than one processor here${
          streams.length > 0
            ? `, the Go stream, which has several where they are free, ${range(
                streams.map(({ processors }) => processors),
                (share) => `${Math.round(share * 100)} %`,
              )} of one`
            : ""
        }.`;
  const busy = rows.filter(({ processors }) => processors < 0.9).length;
  const [fast, normal] = [row("zstash, one call", 1), row("zstash, one call", 3)];
  const kept =
    fast === undefined || normal === undefined
      ? ""
      : normal.bytes < fast.bytes * SMALLER
        ? `For logs that are kept and seldom read a higher level is what to choose, as the article says too: of these level 3 leaves ${compared(normal.bytes, fast.bytes, "fewer", "more")} bytes than level 1.`
        : `That a higher level leaves fewer bytes does not hold of these at level 3, which leaves ${compared(normal.bytes, fast.bytes, "fewer", "more").replace("the same to a percent", "no fewer")} than level 1: what is kept for long deserves a try of several levels on a sample of its own.`;
  return `## Fastest and default level: ${whole(size / 1e6)} MB of JSON logs

**It claims** that the fastest level takes ${CLAIMS[1].ms} ms and makes ${CLAIMS[1].megabytes} MB at ${Math.round(CLAIMS[1].processors * 100)} % of a processor, the default ${CLAIMS[3].ms} ms, ${CLAIMS[3].megabytes} MB at
${Math.round(CLAIMS[3].processors * 100)} %: ${figure(CLAIMS[3].ms / CLAIMS[1].ms)} times the time for ${compared(CLAIMS[3].megabytes, CLAIMS[1].megabytes, "fewer", "more")} bytes.

Processor time is that of all threads of the process that compresses. It is what is concluded from here: the clock stands beside it, and has in it what
else the machine did.${busy > 0 ? ` In ${busy} of ${rows.length} rows the process had less than 90 % of one processor.` : ""} Where zstash's processor time over another's is above 1, in bold with "!", zstash loses.

${markdownTable(["who, level", "the article", "processor time, least / median", "zstash's over it, least", "by the clock, least / median", "of one processor, median", "bytes"], table)}

From the fastest to the default level, by the least processor time: ${factors.join("; ")}.${versusText}${identical ? " It leaves as many bytes as native zstd." : ""}

**Why they differ.** ${whole(size / 1e6)} MB in ${CLAIMS[1].ms} ms at ${Math.round(CLAIMS[1].processors * 100)} % are ${whole(perProcessor(1))} MB in a second of a processor at the fastest level, and ${whole(perProcessor(3))} at the default${
    goRates.length === 2
      ? `; the
same library's stream did ${goRates[0]} and ${goRates[1]} MB here, on a machine of ${cores} processors`
      : ""
  }. ${several} zstash and native
zstd as it is used here compress in one thread, and so does everything on a Worker. How many bytes are left, and which level leaves fewer, depends on the logs: these
are generated, each line with ids, times and numbers of its own, and the article does not give its own. The stream of zstash takes chunks
of ${whole(chunk / 1024)} KiB with the size declared. ${kept}`;
}
