/** The tables of docs/scaling.md, made of a file of results. */
import { format } from "prettier";
import { replaceBlock } from "./block.mjs";
import { figure, markdownTable, megabytes, sizeName } from "./tables.mjs";
import { listed } from "./words.mjs";

/**
 * @typedef {NonNullable<import("../results.mjs").Results["scaling"]>} Scaling
 * @typedef {import("../scaling.mjs").Burst} Burst
 */

/** @param {number} ms */
const time = (ms) => (ms < 1000 ? `${figure(ms)} ms` : `${figure(ms / 1000)} s`);

/** What was right of N, and why the others were not. @param {number} count @param {Burst} burst */
function rightOf(count, { right, errors }) {
  const failed = Object.entries(errors).map(([code, number]) => `${sizeName(number)} ${code}`);
  const kinds = failed.length === 0 ? "" : `: ${failed.join(", ")}`;
  return right === count ? "all" : `**${sizeName(right)}${kinds} !**`;
}

/** @param {string} text @param {boolean} lost */
const marked = (text, lost) => (lost ? `**${text} !**` : text);

/**
 * Times of a burst, marked where they are longer than those of another that did all that it was asked.
 *
 * @param {Burst} burst
 * @param {Burst} [other]
 */
function timesOf(burst, other) {
  const [ms, p50, p99] = /** @type {const} */ (["ms", "p50", "p99"]).map((name) =>
    marked(time(burst[name]), other !== undefined && burst[name] > other[name]),
  );
  return [ms, `${p50} / ${p99}`];
}

/** @param {number} size */
function lengthName(size) {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const power = Math.floor(Math.log2(size) / 10);
  return `${size / 1024 ** power} ${units[power]}`;
}

/** @param {Scaling} scaling */
function codecTable({ calls, streams, patient, sizes }) {
  const rows = (/** @type {Scaling["streams"]} */ cells, /** @type {string} */ suffix, columns = 6) =>
    Object.entries(cells).map(([count, cell]) => {
      const name = `${sizeName(Number(count))}${suffix}`;
      if ("error" in cell) return [name, `**${cell.error} !**`, ...Array.from({ length: columns }, () => "")];
      const { zstash, memory, contexts, rss } = cell;
      return [
        name,
        rightOf(Number(count), zstash),
        ...timesOf(zstash),
        time(zstash.hold),
        ...(contexts === undefined ? [] : [sizeName(contexts)]),
        megabytes(memory),
        megabytes(rss),
      ];
    });
  const head = ["at once", "right", "all", "p50 / p99", "longest hold"];
  const memory = ["linear memory", "process grew by"];
  return `### Calls of \`compress\` and \`decompress\`, ${sizeName(sizes.calls)} bytes each

${markdownTable([...head, ...memory], rows(calls, "", 5))}

A call is synchronous: so many at once are one after the other, and the event loop stands still until the last is done. Each row is a process of its own, whose first calls compile code: one call takes longer than ten later. ${memoryText(calls)}

### Streams of ${sizeName(sizes.streams)} bytes, compressed and decompressed

${markdownTable([...head, "contexts", ...memory], [...rows(streams, ""), ...rows(patient, ", waiting up to 10 minutes")])}`;
}

/** What linear memory does as calls become more. @param {Scaling["calls"]} calls */
function memoryText(calls) {
  const sizes = Object.values(calls).flatMap((cell) => ("error" in cell ? [] : [cell.memory]));
  if (sizes.length === 0) return "";
  return Math.max(...sizes) === Math.min(...sizes)
    ? "Linear memory does not grow, because all of them use one context."
    : `Linear memory is ${megabytes(Math.min(...sizes))} to ${megabytes(Math.max(...sizes))}.`;
}

/** zstash's ways and the client's that each is compared with. */
const WAYS = /** @type {Readonly<Record<string, string>>} */ ({
  "zstash, pipelined": "stock client, pipelined",
  "zstash, a request each": "stock client, a request each",
});

/** @param {Scaling} scaling */
function requestTable({ requests, sizes }) {
  /** @type {string[]} */
  const lost = [];
  let compared = 0;
  const rows = Object.entries(requests).flatMap(([count, ways]) =>
    Object.entries(ways).map(([way, burst]) => {
      if ("error" in burst) return [sizeName(Number(count)), way, `**${burst.error} !**`, "", "", ""];
      const found = ways[WAYS[way] ?? ""];
      const other = found !== undefined && "error" in found ? undefined : found;
      const isWhole = other !== undefined && other.right === Number(count);
      const measures = /** @type {const} */ ([
        ["in all", burst.ms, other?.ms],
        ["p50", burst.p50, other?.p50],
        ["p99", burst.p99, other?.p99],
        ["memory", burst.rss, other?.rss],
      ]);
      if (isWhole) {
        compared += 1;
        const worse = measures.filter(([, own, stock = Infinity]) => own > stock).map(([name]) => name);
        if (worse.length > 0)
          lost.push(`${sizeName(Number(count))} ${way.replace("zstash, ", "")} (${worse.join(", ")})`);
      }
      return [
        sizeName(Number(count)),
        way,
        rightOf(Number(count), burst),
        ...timesOf(burst, isWhole ? other : undefined),
        marked(megabytes(burst.rss), isWhole && burst.rss > other.rss),
      ];
    }),
  );
  const verdict =
    lost.length === 0
      ? `zstash lost none of ${compared} cells in this run.`
      : `**zstash loses** in ${lost.length} of ${compared} cells: ${listed(lost)}.`;
  return `### SET and GET of a value of ${sizeName(sizes.requests)} bytes through one client

${markdownTable(["at once", "client", "right", "all", "p50 / p99", "process grew by"], rows)}

In bold with "!" is what is more than with the stock client in the same way. ${verdict} Each cell is one run of a new process, which also loads and compiles what it uses.`;
}

/** @param {Scaling} scaling */
function growthTable({ growth }) {
  const rate = (/** @type {number} */ size, /** @type {number | undefined} */ ms) =>
    ms === undefined || size < 4 << 20 ? "" : `, ${figure(size / 1e6 / (ms / 1000))} MB/s`;
  const ways = /** @type {const} */ ([
    ["whole", "`compress`, `decompress`"],
    ["stream", "streams"],
    ["stored", "`store.put`, `store.get`"],
  ]);
  const rows = ways.flatMap(([key, name]) =>
    Object.entries(growth[key]).map(([text, cell]) => {
      const size = Number(text);
      if ("error" in cell)
        return [lengthName(size), name, `**${cell.error} !**`, "", "", "", "", megabytes(cell.rss)];
      const { there, back, stored, memory, rss, requests } = cell;
      return [
        lengthName(size),
        name,
        cell.right ? sizeName(stored) : "**wrong !**",
        `${time(there)}${rate(size, there)}`,
        back === undefined ? "" : `${time(back)}${rate(size, back)}`,
        requests === undefined ? "" : requests.join(" / "),
        megabytes(memory),
        megabytes(rss),
      ];
    }),
  );
  const head = [
    "length",
    "by",
    "bytes stored",
    "there (streams: and back)",
    "back",
    "requests there / back",
    "linear memory",
    "process grew by",
  ];
  const stored = Object.entries(growth.stored).flatMap(([size, cell]) =>
    "error" in cell ? [] : [{ size: Number(size), stored: cell.stored }],
  );
  const longest = stored.toSorted((a, b) => b.size - a.size)[0];
  const ratio =
    longest === undefined
      ? ""
      : ` The longest value of this JSON is stored ${figure(longest.size / longest.stored)} times smaller by the store: of it, a record of 100 MB holds ${figure((100 * longest.size) / longest.stored)} MB.`;
  return `${markdownTable(head, rows)}

Linear memory is what is held afterwards: an instance that has grown past a quarter of its limit is dropped.${ratio}`;
}

/**
 * The page with its tables replaced.
 *
 * @param {string} page
 * @param {Scaling} scaling
 * @param {string} file the name of the file that the results are from
 * @returns {Promise<string>}
 */
export async function scalingPage(page, scaling, file) {
  const { date, machine, load, seconds, versions } = scaling;
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const stamp = `Written by \`npm run bench -- --only scaling\` on ${date} in ${seconds} s from \`bench/results/${file}\`: ${machine}, load average ${load.toFixed(1)} at the start, ${list.join(", ")}. Each row is a process of its own.`;
  const atOnce = [stamp, codecTable(scaling), requestTable(scaling)].join("\n\n");
  const text = replaceBlock(replaceBlock(page, "at-once", atOnce), "growth", growthTable(scaling));
  return format(text, { parser: "markdown", printWidth: 110 });
}
