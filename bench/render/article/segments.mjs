/** The section of docs/article.md about small segments and paths that lose large packets. */
import { figure, markdownTable, whole } from "../tables.mjs";
import { lessOrMore, listed } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["segments"]} Part
 * @typedef {import("../../network/experiments/segments.mjs").Crossing} Crossing
 */

/** Names of paths that fit a table's head. */
const SHORT = /** @type {Readonly<Record<string, string>>} */ ({
  "MTU 1500 throughout": "MTU 1500",
  "MTU 1492 in the middle, ICMP works": "MTU 1492, ICMP works",
  "MSS 536 at both ends": "MSS 536",
  "MTU 1492 in the middle, ICMP dropped (black hole)": "MTU 1492, ICMP dropped",
  "black hole, but the client's route says mtu lock 1492": "the same, `mtu lock 1492`",
  "black hole, but both ends probe (tcp_mtu_probing=1)": "the same, `tcp_mtu_probing=1`",
});
/** Hole and cures last. */
const ORDER = Object.values(SHORT);

/** @param {Crossing} crossing */
const cell = ({ ms, upPackets, failure }) =>
  failure === undefined ? `${figure(ms)} ms, ${upPackets}` : `**${failure}**`;

/** @param {Part} part */
export function section({ count, size, mbit, rtt, timeoutMs, rows }) {
  const paths = rows
    .map(({ path, ways }) => ({ name: SHORT[path] ?? path, ways }))
    .toSorted((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
  const names = Object.keys(paths[0].ways);
  const [stock, own] = names;
  const at = (/** @type {string} */ path) => paths.find(({ name }) => name === path)?.ways ?? {};
  const small = at("MSS 536");
  const hole = at("MTU 1492, ICMP dropped");
  const stuck = (/** @type {Readonly<Record<string, Crossing>>} */ ways) =>
    Object.keys(ways).filter((name) => ways[name].failure !== undefined);
  const through = Object.keys(hole).filter((name) => hole[name].failure === undefined);

  const texts = [];
  if (small[stock] !== undefined && small[own] !== undefined) {
    const all = stuck(small).length === 0;
    texts.push(
      `At MSS 536 the pipeline is ${small[stock].upPackets} packets up by the stock client and ${small[own].upPackets} by zstash, acknowledgements included, ${lessOrMore(small[own].upPackets, small[stock].upPackets)} (the article: 24 segments). ` +
        (all
          ? "But nothing times out there: every way came through, because a small MSS is what keeps packets below the path's MTU."
          : `There ${listed(stuck(small))} did not come through here.`),
    );
  }
  if (stuck(hole).length > 0) {
    const cure = through.length > 0 ? ` What came through: ${listed(through)}.` : "";
    const holeOwn =
      hole[own].failure === undefined
        ? ""
        : " Compression alone is no cure: its pipeline is still larger than a segment.";
    texts.push(
      `The time-out that the article describes is that of a path which drops packets above 1,492 bytes and says nothing, since ICMP is filtered: ${listed(stuck(hole))} had no answer within ${timeoutMs / 1000} s.${holeOwn}${cure} What has to fit is one request, head and body, at a time.`,
    );
  }
  const batches = names.find((name) => name.includes("batches"));
  if (batches !== undefined) {
    const free = at("MTU 1500");
    const cost = `On the path of MTU 1500 they take ${figure(free[batches].ms / free[stock].ms)} times the time of one pipeline and ${lessOrMore(free[batches].upPackets, free[stock].upPackets)} packets.`;
    texts.push(
      hole[batches]?.failure === undefined
        ? `The advised batches of at most 4 KB: ${cost}`
        : `The advised batches of at most 4 KB do not help there, for a batch is several segments too. ${cost}`,
    );
  }
  return `## A pipeline of ${figure((count * size) / 1000)} KB, MTU 1492 and MSS 536

**It claims** that over PPPoE (MTU 1492, MSS 536) a pipeline of 12 KB needs 24 segments and times out; its advice is batches of at most 4 KB and TCP_NODELAY.

Measured in [the network laboratory](network.md): ${count} values of ${whole(size)} bytes of JSON are written over a routed path of ${mbit} Mbit and ${rtt} ms. A cell is the time and the packets up,
acknowledgements included.

${markdownTable(
  ["", ...paths.map(({ name }) => name)],
  names.map((name) => [name, ...paths.map(({ ways }) => cell(ways[name]))]),
)}

**Why they differ.** ${texts.join("\n\n")}

The cures belong to the path: a router that clamps the MSS, \`mtu lock\` on the client's route, or ICMP let through.`;
}
