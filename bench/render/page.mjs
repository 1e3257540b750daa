/** docs/benchmarks.md and its pictures, made of a file of results and the history of sizes alone. */
import { format } from "prettier";
import { sizePlot, THEME_NAMES, throughputPlot } from "./plot.mjs";
import { targetsSection } from "./targets.mjs";
import { hashTable, markdownTable, ratioTable, sizeName, sizeTable, summaryTable } from "./tables.mjs";

/**
 * @typedef {import("../results.mjs").Against} Against
 * @typedef {import("../results.mjs").Results} Results
 */

const OPERATIONS = /** @type {const} */ (["compress", "decompress"]);

/** Where a picture is, below docs/. @param {string} operation @param {string} theme */
const pictureName = (operation, theme) => `benchmarks/${operation}-${theme}.svg`;

/** @param {(typeof OPERATIONS)[number]} operation */
const picture = (operation) => `<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${pictureName(operation, "dark")}" />
  <img src="${pictureName(operation, "light")}" alt="Throughput of zstash and its peers, ${operation} JSON of several lengths" />
</picture>`;

/**
 * What users load, from its first budget to the newest.
 *
 * @param {readonly import("../sizes.mjs").SizeChange[]} changes
 */
function sizeSection(changes) {
  const names = [...new Set(changes.flatMap(({ changed }) => Object.keys(changed)))];
  const rows = names.flatMap((name) => {
    const own = changes.filter(({ changed }) => name in changed);
    const [first, last] = [own[0], own[own.length - 1]];
    const [before, now] = [first.changed[name] ?? 0, last.changed[name]];
    if (typeof now !== "number") return [];
    const times = before === 0 ? "" : `×${(now / before).toFixed(2)}`;
    return [[name, sizeName(now), last.date, sizeName(before), first.date, times]];
  });
  const last = changes[changes.length - 1];
  return `## What users load, and how it grew

The budgets of \`test/size.json\`, which CI holds every subpath to: bytes, minified and gzipped, of what loads first. \`node test/runtimes/packaging.mjs\`
prints what each takes now and what is loaded on demand. A budget is raised only with a reason, which is in [decisions.md](decisions.md); it is a bound, and what it bounds
may be somewhat less.

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${pictureName("sizes", "dark")}" />
  <img src="${pictureName("sizes", "light")}" alt="Budgets of the subpaths in bytes, change by change" />
</picture>

${markdownTable(["subpath", "bytes", "since", "first", "on", "growth"], rows)}

Up to ${last.date}, from \`bench/results/sizes.json\`, which \`npm run bench -- --sizes\` makes of the history of the file.
`;
}

/** @param {Against} against */
function againstSection(against) {
  const { date, machine, load, seconds, versions } = against;
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `## Against its peers

Measured on ${date} in ${seconds.toFixed(0)} seconds by \`npm run bench -- --only against\` on ${machine}, load average ${load.toFixed(1)} at the
start: ${list.join(", ")}.

In each round every side has its turn for a few milliseconds, JavaScript in one process, C, Go and Bun in processes that time themselves;
each result was read back first. **A ratio is zstash's time over the peer's: above 1, in bold with "!", zstash loses.** It is the median of
the rounds, in brackets their 10th to 90th percentile; times are the least and the median. All sides get bytes and give bytes. \`libzstd in C\`
and klauspost's library write into buffers that they use again, which no API of JavaScript can; \`zstddec\` and \`fzstd\` only decompress.
Frames of zstash, node:zlib, C and Go have a checksum, those of Bun, bokuweb and hpcc-js none. gzip has its default level 6, brotli
quality 4 (its default, 11, takes too long for a request), klauspost's SpeedFastest is level 1 and its default level 3.

${summaryTable(against)}

The means are geometric, over all values below.

${OPERATIONS.map(picture).join("\n\n")}

### Compress, level 1

${ratioTable(against, "compress", 1)}

### Compress, level 3

${ratioTable(against, "compress", 3)}

### Decompress

${ratioTable(against, "decompress", 1)}

### Bytes

${sizeTable(against)}

### What was measured

${hashTable(against)}
`;
}

/**
 * @param {Results} results
 * @param {string} file the name of the file that they are from
 * @param {readonly import("../sizes.mjs").SizeChange[]} sizes
 * @returns {Promise<string>}
 */
export async function benchmarkPage(results, file, sizes) {
  const { date, machine, against, sections } = results;
  const texts = sections.map((section) => {
    const elsewhere = section.machine === machine ? "" : `, on ${section.machine}`;
    const on = section.date === date && elsewhere === "" ? "" : `, measured on ${section.date}${elsewhere}`;
    return `## ${section.title}\n\n${section.about}\n\n\`${section.command}\`${on}\n\n\`\`\`text\n${section.text}\n\`\`\`\n`;
  });
  const page = `# Benchmarks

Written by \`npm run bench\` on ${date}, on ${machine}, from \`bench/results/${file}\`. Both sides of a ratio ran in
turn within the same seconds; the machine is small and shared, so read the ratios and their spread, not the times. Cells where
zstash loses are marked or above 1. Sections with a date or machine of their own were measured there and then.

${[targetsSection(results), ...(against === undefined ? [] : [againstSection(against)]), sizeSection(sizes), ...texts].join("\n")}`;
  return format(page, { parser: "markdown", printWidth: 110 });
}

/**
 * The pictures of the page by their paths below docs/.
 *
 * @param {Results} results
 * @param {readonly import("../sizes.mjs").SizeChange[]} sizes
 * @returns {Readonly<Record<string, string>>}
 */
export function benchmarkPictures({ against }, sizes) {
  return Object.fromEntries(
    THEME_NAMES.flatMap((theme) => [
      [pictureName("sizes", theme), sizePlot(sizes, theme)],
      ...(against === undefined
        ? []
        : OPERATIONS.map((operation) => [
            pictureName(operation, theme),
            throughputPlot(against, operation, theme),
          ])),
    ]),
  );
}
