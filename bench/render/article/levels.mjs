/** The section of docs/article.md about levels 1 to 19, their tails, and the functions that are hot; with its flame graphs. */
import { groupOf, GROUPS } from "../../profile/zstd-functions.mjs";
import { flameGraph } from "../flame.mjs";
import { THEME_NAMES } from "../plot.mjs";
import { figure, markdownTable, sizeName, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["levels"]} Levels
 * @typedef {Levels["profiles"][number]} Profile
 */

/** The article's milliseconds of the 99th percentile. */
const CLAIMS = new Map([
  [3, 2.1],
  [12, 8.4],
  [19, 19.7],
]);
/** What two times may differ by and be called even. */
const EVEN = 0.05;
/** Functions of a level in the table. */
const SHOWN = 5;

/** Below docs/. @param {number} level @param {string} theme */
const pictureName = (level, theme) => `article/level-${level}-${theme}.svg`;
/** @param {number} size */
const kilobytes = (size) => `${size / 1024} KB`;

/** The time that each key has on top of the stacks, as shares. @param {Profile} profile @param {(name: string) => string} keyOf */
export function sharesOf({ tree }, keyOf) {
  /** @type {Map<string, number>} */
  const times = new Map();
  let all = 0;
  for (const [, name, us] of tree) {
    times.set(keyOf(name), (times.get(keyOf(name)) ?? 0) + us);
    all += us;
  }
  return new Map([...times].map(([key, us]) => [key, us / all]));
}

/** @param {number} share */
const percent = (share) => (share === 0 ? "0" : `${(share * 100).toFixed(share < 0.095 ? 1 : 0)} %`);

/** @param {Levels} part */
function hotText({ profiles, sizes }) {
  const rows = GROUPS.map((group) => [
    group,
    ...profiles.map((profile) => percent(sharesOf(profile, groupOf).get(group) ?? 0)),
  ]);
  const hottest = profiles.map((profile) => {
    const shares = [...sharesOf(profile, (name) => name)].toSorted(([, a], [, b]) => b - a);
    const list = shares.slice(0, SHOWN).map(([name, share]) => `\`${name}\` ${percent(share)}`);
    return `- level ${profile.level}: ${list.join(", ")}`;
  });
  const [first] = profiles;
  const shareOf = (/** @type {import("../../profile/zstd-functions.mjs").Group} */ group) =>
    percent(sharesOf(first, groupOf).get(group) ?? 0);
  const fastShare = [...sharesOf(first, (name) => name)]
    .filter(([name]) => name.startsWith("ZSTD_compressBlock_fast"))
    .reduce((sum, [, share]) => sum + share, 0);
  const names = new Set(profiles.flatMap(({ tree }) => tree.map(([, name]) => name)));
  const copies = [...names].filter((name) => /^mem(cpy|move|set)/.test(name));
  const reduces = [...names].some((name) => groupOf(name) === "table reduction");
  return `### What is hot

**It claims** that the fast block compressor, the reduction of tables, statistics and copying (31 %) are hot.

${markdownTable(["share of the time of compressing", ...profiles.map(({ level }) => `level ${level}`)], rows)}

The functions that were longest on top, in a profile of ${kilobytes(sizes[1])} compressed again and again:

${hottest.join("\n")}

**Why they differ.** At level ${first.level}, which is the article's fast one, zstd spends ${percent(fastShare)} of the time in its fast block compressor and ${shareOf("statistics and tables")} on
statistics and the tables made of them; another ${shareOf("writing bits")} is for the bits that are written, which the article does not name. ${
    reduces
      ? "The reduction of tables has its line above."
      : `The reduction of tables does not show: zstd reduces the numbers in its tables when they come near to what 32 bits hold, which is gigabytes
into a frame.`
  } ${
    copies.length === 0
      ? `${reduces ? "Copying has no" : "Nor has copying a"} line of its own: within zstd a copy is an instruction of WebAssembly, counted to the function that it stands in, where in Go
it is a function of the runtime; the copies into and out of linear memory are counted with JavaScript.`
      : `Copies within zstd show as ${copies.join(", ")}; those into and out of linear memory are counted with JavaScript.`
  } What has less than 0.2 % is counted to its caller. The profiles are of a build of the same code that keeps the names of its functions.

${profiles.map(({ level }) => picture(level)).join("\n\n")}`;
}

/** @param {number} level */
const picture = (level) => `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${pictureName(level, "dark")}" />
  <img src="${pictureName(level, "light")}" alt="Flame graph of compressing JSON at level ${level}" />
</picture>`;

/** @param {Levels} part */
export function section(part) {
  const { sizes, rounds, uncompressed, levels } = part;
  const pair = (/** @type {readonly [median: number, p99: number]} */ [median, p99]) =>
    `${figure(median)} / ${figure(p99)}`;
  const rows = [
    ["none", "", "", "", "", "", pair(uncompressed)],
    ...levels.map(({ level, small, large, set }) => [
      `${level}`,
      CLAIMS.has(level) ? `${CLAIMS.get(level)} ms` : "",
      sizeName(small.bytes),
      pair(small.us),
      sizeName(large.bytes),
      pair(large.us),
      set
        .map((ms, at) => (ms > uncompressed[at] * (1 + EVEN) ? `**${figure(ms)} !**` : figure(ms)))
        .join(" / "),
    ]),
  ];
  const tails = listed(
    /** @type {const} */ (["small", "large"]).map((name, at) => {
      const factors = levels.map((level) => level[name].us[1] / level[name].us[0]);
      return `${range(factors, figure)} times (${kilobytes(sizes[at])})`;
    }),
  );
  const of = (/** @type {number} */ number) => levels.find(({ level }) => level === number) ?? levels[0];
  const times = (/** @type {(level: (typeof levels)[number]) => number} */ read) =>
    [12, 19].map((level) => figure(read(of(level)) / read(of(3)))).join(" and ");
  const smallest = (/** @type {"small" | "large"} */ size) =>
    (1 - Math.min(...levels.map((level) => level[size].bytes)) / of(1)[size].bytes) * 100;
  const larger = /** @type {const} */ (["small", "large"]).flatMap((name, at) => {
    const worse = levels.filter(({ level, ...sides }) => level > 1 && sides[name].bytes >= of(1)[name].bytes);
    return worse.length === 0
      ? []
      : [
          `level${worse.length > 1 ? "s" : ""} ${listed(worse.map(({ level }) => `${level}`))} at ${kilobytes(sizes[at])}`,
        ];
  });
  const slower = levels.filter(({ set }) => set[0] > uncompressed[0] * (1 + EVEN));
  const slowerTail = levels.filter(({ set }) => set[1] > uncompressed[1] * (1 + EVEN));
  const names = (/** @type {typeof levels} */ list) =>
    list.length === 0
      ? "at none of them"
      : `at level${list.length > 1 ? "s" : ""} ${listed(list.map(({ level }) => `${level}`))}`;
  return `## Levels 1 to 19 and the 99th percentile

**It claims** a 99th percentile of ${[...CLAIMS].map(([level, ms]) => `${ms} ms at level ${level}`).join(", ")}: ${[12, 19].map((level) => figure((CLAIMS.get(level) ?? 0) / (CLAIMS.get(3) ?? 1))).join(" and ")} times that of level 3. It does not say of
what length.

${markdownTable(
  [
    "level",
    "the article, p99",
    `${kilobytes(sizes[0])}: bytes`,
    "compress, µs, median / p99",
    `${kilobytes(sizes[1])}: bytes`,
    "compress, µs, median / p99",
    `SET of ${kilobytes(sizes[1])}, ms, median / p99`,
  ],
  rows,
)}

In bold with "!" is a SET that takes longer than uncompressed by more than ${EVEN * 100} %.

**Why they differ.** Beside a SET of ${kilobytes(sizes[1])} uncompressed, by the stock client, which sends over another part of Node, the median is longer ${names(slower)}, the 99th percentile ${names(slowerTail)}. To compress ${kilobytes(sizes[1])} takes ${times(({ large }) => large.us[0])} times level 3's median at the levels 12 and 19, and ${times(({ small }) => small.us[0])} times for
${kilobytes(sizes[0])}; the 99th percentile of a SET is ${times(({ set }) => set[1])} times that of level 3. Each level compresses the same bytes in each
round, so what lies between its median and its 99th percentile is the machine's, other programs and garbage collection: the 99th percentile of compressing is ${tails} its median.
All levels have run hot before anything was counted, and had their turn in each of ${whole(rounds)} rounds of SETs, in an order that is drawn anew, so that this hits all alike.
What the higher levels gain: the smallest of all ${levels.length} is ${smallest("small").toFixed(0)} % smaller than level 1's at ${kilobytes(sizes[0])} and ${smallest("large").toFixed(0)} % at ${kilobytes(sizes[1])}${
    larger.length === 0 ? "" : `; no smaller than level 1's are those of ${larger.join(", and of ")}`
  }. A
higher level is for what is written once and read often, or kept for long.

${hotText(part)}`;
}

/**
 * The flame graphs by their paths below docs/.
 *
 * @param {Levels} part
 * @returns {Readonly<Record<string, string>>}
 */
export function pictures({ profiles, sizes }) {
  return Object.fromEntries(
    profiles.flatMap(({ level, tree }) =>
      THEME_NAMES.map((theme) => [
        pictureName(level, theme),
        flameGraph(
          tree,
          `zstd compresses ${kilobytes(sizes[1])} of JSON at level ${level}: time by function`,
          theme,
        ),
      ]),
    ),
  );
}
