/** The section of docs/benchmarks.md that sets what was measured beside the targets that zstash holds itself to. */
import { dataOf } from "../results.mjs";
import { isLost, markdownTable } from "./tables.mjs";
import { listed } from "./words.mjs";

/**
 * @typedef {import("../results.mjs").Results} Results
 * @typedef {import("../results.mjs").Against} Against
 * @typedef {import("../results.mjs").Cell} Cell
 *
 * A target: what was measured for it, in words; whether that meets it, undefined where it was not measured; where it does not, and
 * what was tried.
 *
 * @typedef {{ target: string, bound: string, measured: string, verdict: string | undefined, lost?: string, tried?: string }} Row
 */

/** Headings of decisions.md. */
const FASTER = "[decisions](decisions.md#faster-2026-11-27)";
const FRAMES = "[decisions](decisions.md#many-frames-and-streams-2026-11-27)";
/** The least and the most bytes of what is called a megabyte. */
const [MEGABYTE, MEBIBYTE] = [1e6, 1 << 20];

const MET = "met";
const NOT_MET = "**not met !**";
const NOT_MEASURED = "not measured yet";

/** @param {number} ratio */
const figure = (ratio) => ratio.toFixed(2);

/** A ratio of the rounds' median and of the least times beside a bound, both to two digits. @param {number} median @param {number} least @param {number} bound */
export function verdictOf(median, least, bound) {
  const [inMedian, atLeast] = [median, least].map((ratio) => Number(figure(ratio)) <= bound);
  if (inMedian && atLeast) return MET;
  if (inMedian) return "met in the median, **not by the least times !**";
  return atLeast ? "met by the least times, **not in the median !**" : NOT_MET;
}

/** @param {number} median @param {number} least */
const both = (median, least) => `${figure(median)} [${figure(least)}]`;

/** Texts through the API beside node:zlib. @param {Results} results @returns {Row[]} */
function gateRows(results) {
  const data = dataOf(results, "codec");
  const bounds = /** @type {const} */ ([
    [1024, "1 KB", 0.4, 0.22],
    [16384, "16 KB", 0.75, 0.57],
    [1 << 20, "1 MB", 1.15, 1],
  ]);
  return bounds.flatMap(([size, name, compress, decompress]) =>
    /** @type {const} */ ([
      ["compress", "string -> frame", compress],
      ["decompress", "frame -> string", decompress],
    ]).map(([operation, way, bound]) => {
      const row = data?.rows.find((one) => one.size === size && one.level === 1 && one.operation === way);
      const target = `${operation} ${name} of JSON, string to string, over node:zlib, level 1`;
      if (row === undefined) return { target, bound: `≤ ${figure(bound)}`, measured: "", verdict: undefined };
      const { median, min } = row.ratios.zlib;
      return {
        target,
        bound: `≤ ${figure(bound)}`,
        measured: both(median, min),
        verdict: verdictOf(median, min, bound),
        lost: `${operation} ${name}`,
        tried: `Calls with fewer questions and copies, and text transcoded in WebAssembly, brought it to where it is (D258, D260 and D261 in ${FASTER}).`,
      };
    }),
  );
}

/**
 * All cells beside a peer.
 *
 * @param {Against | undefined} against
 * @param {string} peer
 * @param {(cell: Cell, size: number) => boolean} counts
 */
function comparedWith(against, peer, counts) {
  const sizes = new Map(against?.values.map(({ name, size }) => [name, size]));
  const cells = against?.cells.filter(
    (cell) => cell.sides[peer]?.ratio !== undefined && counts(cell, sizes.get(cell.value) ?? 0),
  );
  const lost = cells?.filter(({ sides }) => isLost(sides[peer].ratio?.[1] ?? 0)) ?? [];
  return { cells: cells ?? [], lost };
}

/** Names of values by what was done with them. @param {readonly Cell[]} cells */
function inWords(cells) {
  const groups = /** @type {const} */ ([
    ["compress", 1],
    ["compress", 3],
    ["decompress", 1],
  ]);
  return groups
    .flatMap(([operation, level]) => {
      const names = cells
        .filter((cell) => cell.operation === operation && cell.level === level)
        .map(({ value }) => value);
      const what = operation === "compress" ? `compress, level ${level}` : operation;
      return names.length === 0 ? [] : [`${what}: ${names.join(", ")}`];
    })
    .join("; ");
}

/** @param {Against | undefined} against @returns {Row[]} */
function peerRows(against) {
  const go = comparedWith(against, "klauspost in Go", () => true);
  const native = go.lost.filter(({ sides }) => {
    const [c, other] = [sides["libzstd in C"], sides["klauspost in Go"]];
    return c !== undefined && c.us[1] > other.us[1];
  });
  const zlib = comparedWith(
    against,
    "node:zlib zstd",
    ({ operation }, size) => operation === "decompress" || size < MEGABYTE || size > MEBIBYTE,
  );
  const row = (
    /** @type {string} */ target,
    /** @type {ReturnType<typeof comparedWith>} */ { cells, lost },
    /** @type {string} */ tried,
  ) => ({
    target,
    bound: "all cells below 1",
    measured: cells.length === 0 ? "" : `ahead in ${cells.length - lost.length} of ${cells.length}`,
    verdict: cells.length === 0 ? undefined : lost.length === 0 ? MET : NOT_MET,
    lost: inWords(lost),
    tried,
  });
  return [
    row(
      "ahead of klauspost in Go, compressing and decompressing",
      go,
      `In ${native.length} of these cells native zstd in C is behind it too; what was tried is fewer questions for small frames and loads in the place of prefetches (D259 and D260 in ${FASTER}).`,
    ),
    row(
      "ahead of node:zlib, but for compressing 1 MB",
      zlib,
      `node:zlib is the same zstd compiled for the machine: long values show how far WebAssembly is from native code, short ones what node:zlib costs for each call. What was tried is text transcoded in WebAssembly, and loads in the place of prefetches (D258 and D259 in ${FASTER}).`,
    ),
  ];
}

/** @param {Results} results @returns {Row[]} */
function kernelRows(results) {
  const data = dataOf(results, "kernel");
  return /** @type {const} */ (["compress", "decompress"]).map((operation) => {
    const mean = data?.means[operation];
    const rows = data?.rows.filter(({ kind }) => kind === operation[0]) ?? [];
    const above = rows.filter(({ ratio }) => Number(figure(ratio)) > 1.25);
    return {
      target: `the kernel over native zstd, ${operation}, geometric mean`,
      bound: "≤ 1.25",
      measured: mean === undefined ? "" : figure(mean),
      verdict: mean === undefined ? undefined : verdictOf(mean, mean, 1.25),
      lost: `${operation}, ${above.length} of ${rows.length} cells are above: ${[
        ...new Set(above.map(({ level }) => level)),
      ]
        .map((level) => {
          const sizes = above
            .filter((one) => one.level === level)
            .map(({ size }) => size.toLocaleString("en"));
          return `level ${level} of ${sizes.join(", ")} bytes`.replaceAll(/(\d),(\d)/g, "$1,$2");
        })
        .join("; ")}`,
      tried: `The row matcher loads what native code prefetches, which WebAssembly cannot; profile-guided optimisation, -O2, wasm-opt, relaxed SIMD and 64-bit memory gained nothing or lost (D259 and D271 in ${FASTER}).`,
    };
  });
}

/** @param {Results} results @returns {Row[]} */
function streamRows(results) {
  const ratios = dataOf(results, "streams")?.ratios;
  const rows = /** @type {const} */ ([
    [
      "packets, at once",
      "frames for `{ mtu: 1500 }` over one frame, decompressed at once",
      1.4,
      `All frames go to zstd in one call; zstd's own functions take more than that in native code too, since each frame builds its tables (D253 and D254 in ${FRAMES}).`,
    ],
    [
      "packets, stream",
      "frames for `{ mtu: 1500 }` over one frame, decompressed as streams",
      1.4,
      `The whole frames of a chunk are decoded in one call, which made it faster and leaves the tables of each frame (D252 and D254 in ${FRAMES}).`,
    ],
    [
      "compress, unflushed, size declared",
      "a stream of 8 MiB over one call, compress",
      1.05,
      `What is left is zstd's window in a ring and a copy into it: larger outputs and fewer promises show nowhere (D256 in ${FRAMES}).`,
    ],
    [
      "decompress",
      "a stream of 8 MiB over one call, decompress",
      1.05,
      `Copies in and out of linear memory are what a stream has beside one call (D256 in ${FRAMES}).`,
    ],
  ]);
  return rows.map(([name, target, bound, tried]) => {
    const ratio = ratios?.[name];
    return {
      target,
      bound: `≤ ${figure(bound)}`,
      measured: ratio === undefined ? "" : both(ratio.median, ratio.min),
      verdict: ratio === undefined ? undefined : verdictOf(ratio.median, ratio.min, bound),
      lost: target,
      tried,
    };
  });
}

/**
 * The section; its rows are computed of the results, whatever they are.
 *
 * @param {Results} results
 */
export function targetsSection(results) {
  const [must, more] = [
    gateRows(results),
    [...peerRows(results.against), ...kernelRows(results), ...streamRows(results)],
  ];
  const table = (/** @type {readonly Row[]} */ rows) =>
    markdownTable(
      ["time of zstash", "target", "measured", "met"],
      rows.map(({ target, bound, measured, verdict = NOT_MEASURED }) => [target, bound, measured, verdict]),
    );
  const missed = [...must, ...more].filter(({ verdict }) => verdict !== undefined && verdict !== MET);
  const list = missed.map(
    ({ target, lost, tried }) => `- ${target}${lost === target || !lost ? "" : ` (${lost})`}. ${tried}`,
  );
  const unmeasured = [...must, ...more].filter(({ verdict }) => verdict === undefined).length;
  const places = ["codec", "kernel", "streams"].flatMap((name) => {
    const data = dataOf(results, /** @type {keyof import("../results.mjs").SectionData} */ (name));
    return data === undefined ? [] : [{ name, date: data.date, machine: data.machine }];
  });
  const elsewhere = places.filter(
    ({ date, machine }) => date !== results.date || machine !== results.machine,
  );
  const counts = (/** @type {readonly Row[]} */ rows) =>
    `${rows.filter(({ verdict }) => verdict === MET).length} of ${rows.length}`;
  return `## Targets

What we hold ourselves to, ${counts(must)} met here, and what we reach for beyond it, ${counts(more)} met${unmeasured === 0 ? "" : `; ${unmeasured} are not measured yet`}. Ratios are times of zstash over the other's: the median of the rounds,
and in brackets that of the least times. A target is met where both are within it; counts of cells and means of the kernel are one figure.${
    elsewhere.length === 0
      ? ""
      : ` Measured elsewhere: ${listed(elsewhere.map(({ name, date, machine }) => `${name} on ${date} on ${machine.replaceAll(",", "")}`))}.`
  }

${table(must)}

Beyond it:

${table(more)}

${missed.length === 0 ? "" : `Not met, with the cells and what was tried; where the time goes is in the profiles of [levels](article.md#levels-1-to-19-and-the-99th-percentile), function by function:\n\n${list.join("\n")}\n`}`;
}
