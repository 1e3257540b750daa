/** The section of docs/article.md about the codec's share of a busy client's processor time. */
import { LAYERS } from "../../profile/layers.mjs";
import { figure, markdownTable, whole } from "../tables.mjs";

/** @typedef {import("../../article/sections.mjs").Article["profile"]} Profile */

const ZSTD = LAYERS[0];
const CODEC = LAYERS.slice(0, 2);

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
    ["**all**", ...columns.map(({ cpuUs }) => `**${figure(cpuUs)} µs**`)],
  ];
  const codecShare = (/** @type {Profile["cells"][number]["zstash"]} */ { shares }) =>
    CODEC.reduce((sum, layer) => sum + shares[layer], 0);
  const claims = cells.map(({ size, zstash }) => {
    const share = codecShare(zstash);
    return `${percent(share)} at ${size / 1024} KB (${percent(zstash.shares[ZSTD])} in zstd itself)`;
  });
  const holds = cells.every(({ zstash }) => codecShare(zstash) < 0.01);
  const totals = cells.map(({ size, stock, zstash }) => {
    const ratio = zstash.cpuUs / stock.cpuUs;
    return `${figure(ratio)} times that of the client alone at ${size / 1024} KB${ratio > 1 ? ", which is more" : ""}`;
  });
  return `## The codec's share of a busy client's profile

**It claims** that with the fastest level the encoder's share of a CPU profile falls below 1 %.

${markdownTable(["processor time of a SET and a GET", ...columns.map(({ name }) => name)], rows)}

**Why they differ.** Compressing and decompressing together take ${claims.join(" and ")}: the claim ${holds ? "holds here" : "does not hold here"}. It hangs on what
else the program does. This one does nothing but SET and GET, ${callers} callers at once, each a request of its own, and V8 samples it
while it is busy; a service that also does work of its own sees a smaller share. The processor time of a pair in all is
${totals.join(" and ")}: the two clients send over different parts of Node, and what is compressed need not be escaped,
written and parsed. JSON is what \`JSON.parse\` and \`JSON.stringify\` take, whoever calls them; native code is counted to who called it. ${whole(
    columns.reduce((sum, { pairs }) => sum + pairs, 0),
  )} pairs were profiled.`;
}
