/** The section of docs/article.md about the codec's share of a busy client's processor time. */
import { LAYERS } from "../../profile/layers.mjs";
import { figure, markdownTable, whole } from "../tables.mjs";
import { listed } from "../words.mjs";

/** @typedef {import("../../article/sections.mjs").Article["profile"]} Profile */

const ZSTD = LAYERS[0];
const CODEC = LAYERS.slice(0, 2);

/** How many times its time in a loop a call takes at least to be called slower. */
const COLD = 1.2;

/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(share < 0.095 ? 1 : 0)} %`;

/** @param {Profile} part */
export function section({ callers, cells }) {
  const columns = cells.flatMap(({ size, stock, zstash }) => [
    { name: `${size / 1024} KB, @upstash/redis`, ...stock },
    { name: `${size / 1024} KB, zstash/redis`, ...zstash },
  ]);
  const rows = [
    ...LAYERS.map((layer) => [
      layer,
      ...columns.map(({ shares, cpuUs }) =>
        shares[layer] === 0 ? "" : `${figure(shares[layer] * cpuUs)} µs, ${percent(shares[layer])}`,
      ),
    ]),
    [
      "**all**",
      ...cells.flatMap(({ stock, zstash }) => [
        `**${figure(stock.cpuUs)} µs**`,
        `**${figure(zstash.cpuUs)} µs${zstash.cpuUs > stock.cpuUs ? " !" : ""}**`,
      ]),
    ],
  ];
  const codecShare = (/** @type {Profile["cells"][number]["zstash"]} */ { shares }) =>
    CODEC.reduce((sum, layer) => sum + shares[layer], 0);
  const claims = cells.map(({ size, zstash }) => {
    const share = codecShare(zstash);
    return `${percent(share)} at ${size / 1024} KB (${percent(zstash.shares[ZSTD])} in zstd itself)`;
  });
  const codecUs = (/** @type {Profile["cells"][number]["zstash"]} */ zstash) =>
    codecShare(zstash) * zstash.cpuUs;
  const timed = cells.flatMap(({ size, zstash, codec }) =>
    codec === undefined ? [] : [{ name: `${size / 1024} KB`, profiled: codecUs(zstash), ...codec }],
  );
  const cold = timed.filter(({ loop, between }) => between > loop * COLD);
  const held = cells.filter(({ zstash }) => codecShare(zstash) < 0.01);
  const holds = held.length === cells.length;
  const verdict = holds
    ? "holds here"
    : held.length === 0
      ? "does not hold here"
      : `holds at ${listed(held.map(({ size }) => `${size / 1024} KB`))} alone`;
  const timedText =
    timed.length === 0
      ? ""
      : `

**Beside the benchmarks.** The same two calls timed by themselves, medians: ${timed
          .map(
            ({ name, loop, between, profiled }) =>
              `at ${name} ${figure(loop)} µs in a loop, as [the benchmarks](benchmarks.md) run them, ${figure(between)} µs (${figure(between / loop)} times) where a pair of the client alone, which has no codec, comes before each, and ${figure(profiled)} µs in the profile`,
          )
          .join("; ")}. ${
          cold.length === 0
            ? "What the client does in between hardly makes the calls slower here."
            : `Between two calls a request and a reply go through other code and other data, which the processor's caches and its predictions of branches then hold${cold.length === timed.length ? "" : `; that shows at ${listed(cold.map(({ name }) => name))}`}.`
        } The profile's figure is a mean and no median, counts the codec's choices and checks for the client as well, and has the sampling of the profiler in it.`;
  const totals = cells.map(({ size, stock, zstash }) => {
    const ratio = zstash.cpuUs / stock.cpuUs;
    return `${figure(ratio)} times that of the client alone at ${size / 1024} KB${ratio > 1 ? ", which is more" : ""}`;
  });
  return `## The codec's share of a busy client's profile

**It claims** that with the fastest level the encoder's share of a CPU profile falls below 1 %.

${markdownTable(["processor time of a SET and a GET", ...columns.map(({ name }) => name)], rows)}

**Why they differ.** Compressing and decompressing together take ${claims.join(" and ")}: the claim ${verdict}. It hangs on what
else the program does. This one does nothing but SET and GET, ${callers} callers at once, each a request of its own, and V8 samples it
while it is busy; in a service that also does work of its own the same time is a smaller share. The processor time of a pair in all is
${totals.join(" and ")}: ${
    cells.some(({ stock, zstash }) => zstash.cpuUs < stock.cpuUs)
      ? "what zstash's codec takes it saves elsewhere, since the two clients send over different parts of Node, and what is compressed need not be escaped, written and parsed."
      : "the codec comes on top."
  } JSON is what \`JSON.parse\` and \`JSON.stringify\` take, whoever calls them; native code is counted to who called it. ${whole(
    columns.reduce((sum, { pairs }) => sum + pairs, 0),
  )} pairs were profiled.${timedText}`;
}
