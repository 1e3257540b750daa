// The table of docs/store.md: what each layout costs, in the bytes that docs/benchmarks.md has measured.

/**
 * A layout as the page writes it, the row of the benchmark that measured it, and what readers can do.
 *
 * @type {readonly (readonly [layout: string, row: string, use: string])[]}
 */
const LAYOUTS = [
  ['`"ramp"`, the default', "ramp", "decode the first packet; one frame, which every zstd decoder reads"],
  ["`{ flushSize: 16384 }`", "flushSize 16384", "decode after every so many bytes; one frame"],
  [
    "`{ frameSize: 65536 }`",
    "frameSize 65536",
    "read any part: two requests, or one if the seek table is known",
  ],
  [
    "`{ mtu: 1500 }`",
    "mtu 1500",
    "decode every packet alone, read any part: each frame fits one network segment, for any input",
  ],
];

/**
 * The bytes that a row of the store's benchmark says.
 *
 * @param {string} benchmarks the text of docs/benchmarks.md
 * @param {string} row
 */
function bytesOf(benchmarks, row) {
  const found = new RegExp(`^${row} +put .* (\\d+) bytes, `, "m").exec(benchmarks)?.[1];
  if (found === undefined)
    throw new Error(`docs/benchmarks.md has no row "${row}": npm run bench -- --only store`);
  return Number(found);
}

/**
 * The table, in Markdown.
 *
 * @param {string} benchmarks the text of docs/benchmarks.md
 */
export function layoutTable(benchmarks) {
  const whole = bytesOf(benchmarks, "one POST");
  const rows = LAYOUTS.map(([layout, row, use]) => {
    const bytes = bytesOf(benchmarks, row);
    const share = (100 * (bytes - whole)) / whole;
    const sign = share < 0 ? "−" : "+";
    return `| ${layout} | ${use} | ${bytes.toLocaleString("en-US")} | ${sign}${Math.abs(share).toFixed(1)} % |`;
  });
  return ["| layout | what a reader can do | bytes | |", "| --- | --- | ---: | ---: |", ...rows].join("\n");
}
