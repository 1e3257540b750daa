/** The section of docs/article.md about 100 MB of logs at the fastest and at the default level. */
import { figure, isLost, markdownTable, megabytes, whole } from "../tables.mjs";

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

/** @param {Logs} part */
export function section({ size, cores, chunk, rows }) {
  const claimOf = (/** @type {number} */ level) => CLAIMS[level === 1 ? 1 : 3];
  const least = (/** @type {Logs["rows"][number]} */ { ms }) => ms[0];
  const table = rows.map(({ name, level, bytes, ms: [first, median], processorMs, processors }) => {
    const claim = claimOf(level);
    const claimed = name.startsWith("klauspost in Go, its stream")
      ? `${claim.ms} ms, ${claim.megabytes} MB, ${Math.round(claim.processors * 100)} %`
      : "";
    return [
      `${name}, ${level === 1 ? "level 1 (fastest)" : "level 3 (default)"}`,
      claimed,
      `${whole(first)} / ${whole(median)} ms`,
      `${whole(processorMs[0])} ms`,
      `${Math.round(processors * 100)} %`,
      megabytes(bytes),
    ];
  });
  const row = (/** @type {string} */ name, /** @type {number} */ level) =>
    rows.find((one) => one.name === name && one.level === level);
  const names = [...new Set(rows.map(({ name }) => name))];
  const factors = names.map((name) => {
    const [fast, normal] = [row(name, 1), row(name, 3)];
    if (fast === undefined || normal === undefined) return "";
    return `${name}: ${figure(least(normal) / least(fast))} times the time and ${compared(normal.bytes, fast.bytes, "fewer", "more")}${normal.bytes === fast.bytes ? "" : " bytes"}`;
  });
  const perCore = (/** @type {1 | 3} */ level) =>
    size / 1e6 / ((CLAIMS[level].ms / 1000) * CLAIMS[level].processors);
  const goPerCore = (/** @type {number} */ level) => {
    const go = row("klauspost in Go, one call", level);
    return go === undefined ? "" : `${whole(size / 1e3 / go.processorMs[0])} MB`;
  };
  const versus = [1, 3].flatMap((level) => {
    const [own, native, go] = ["zstash, one call", "libzstd in C, one call", "klauspost in Go, one call"].map(
      (name) => row(name, level),
    );
    if (own === undefined || native === undefined || go === undefined) return [];
    const against = (/** @type {typeof own} */ other) => {
      const ratio = least(own) / least(other);
      return `${figure(ratio)}${isLost(ratio) ? " (it loses)" : ""}`;
    };
    return [`${against(native)} of native zstd's and ${against(go)} of the Go library's at level ${level}`];
  });
  const identical = [1, 3].every(
    (level) => row("zstash, one call", level)?.bytes === row("libzstd in C, one call", level)?.bytes,
  );
  return `## Fastest and default level: ${whole(size / 1e6)} MB of JSON logs

**It claims** that the fastest level takes ${CLAIMS[1].ms} ms and makes ${CLAIMS[1].megabytes} MB at ${Math.round(CLAIMS[1].processors * 100)} % of a processor, the default ${CLAIMS[3].ms} ms, ${CLAIMS[3].megabytes} MB at
${Math.round(CLAIMS[3].processors * 100)} %: ${figure(CLAIMS[3].ms / CLAIMS[1].ms)} times the time for ${compared(CLAIMS[3].megabytes, CLAIMS[1].megabytes, "fewer", "more")} bytes.

${markdownTable(["who, level", "the article", "time, least / median", "processor time, least", "of one processor, median", "bytes"], table)}

From the fastest to the default level: ${factors.filter((text) => text !== "").join("; ")}. zstash's time in one call is
${versus.join(", ")}${identical ? "; its bytes are those of native zstd" : ""}.

**Why they differ.** ${whole(size / 1e6)} MB in ${CLAIMS[1].ms} ms at ${Math.round(CLAIMS[1].processors * 100)} % are ${whole(perCore(1))} MB a second and processor at the fastest level, and ${whole(perCore(3))} at the default; the
same library did ${goPerCore(1)} and ${goPerCore(3)} here, on one of ${cores} processors. The Go stream uses several processors where they are free; zstash and native
zstd as it is used here use one, and so does everything on a Worker. How many bytes are left, and which level leaves fewer, depends on the logs: these
are generated, each line with ids, times and numbers of its own, and the article does not give its own. The stream of zstash takes chunks
of ${whole(chunk / 1024)} KiB with the size declared. For logs that are kept and seldom read a higher level is what to choose, as the article says too; the
level is an option of each \`put\`.`;
}
