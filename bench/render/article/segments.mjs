/** The section of docs/article.md about small segments and paths that lose large packets. */
import { figure, markdownTable, whole } from "../tables.mjs";
import { lessOrMore, listed, range } from "../words.mjs";

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

/** What two times may differ by and be called even. */
const EVEN = 0.05;

/** A number, marked where it is larger than the other. @param {string} text @param {boolean} lost */
const marked = (text, lost) => (lost ? `**${text} !**` : text);

/** @param {Crossing} own @param {Crossing | undefined} other */
const isSlower = (own, other) =>
  other?.failure === undefined && own.ms > (other?.ms ?? Infinity) * (1 + EVEN);

/** @param {Crossing} own @param {Crossing | undefined} other */
const hasMore = (own, other) =>
  other?.failure === undefined && own.upPackets > (other?.upPackets ?? Infinity);

/** @param {Crossing} crossing @param {Crossing | undefined} other what it is compared with */
function cell(crossing, other) {
  const { ms, upPackets, failure } = crossing;
  if (failure !== undefined)
    return other?.failure === undefined && other ? `**${failure} !**` : `**${failure}**`;
  return `${marked(`${figure(ms)} ms`, isSlower(crossing, other))}, ${marked(`${upPackets}`, hasMore(crossing, other))}`;
}

/**
 * The stock client's way that one of zstash is compared with: that of the same words, or else one pipeline.
 *
 * @param {string} name
 * @param {readonly string[]} names
 */
function stockOf(name, names) {
  if (!/zstash/.test(name)) return undefined;
  const same = name.replace(/zstash\/redis.*/, "@upstash/redis");
  return (
    names.find((one) => one === same && one !== name) ??
    names.find((one) => one === "one pipeline by @upstash/redis")
  );
}

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

  const compared = names.flatMap((name) => {
    const other = stockOf(name, names);
    return other === undefined
      ? []
      : paths.map(({ name: path, ways }) => ({ name, path, own: ways[name], other: ways[other] }));
  });
  const slower = compared.filter(({ own, other }) => own.failure === undefined && isSlower(own, other));
  const lost = compared.filter(({ own, other }) => own.failure !== undefined && other.failure === undefined);
  const inWords = (/** @type {typeof compared} */ list) =>
    listed(
      names.flatMap((name) => {
        const own = list.filter((one) => one.name === name);
        return own.length === 0
          ? []
          : [`${name} (${own.map(({ path }) => path.replaceAll(",", "")).join("; ")})`];
      }),
    );
  const late = Math.max(
    ...paths.flatMap(({ ways }) =>
      Object.values(ways).map(({ ms, failure }) => (failure === undefined ? ms : 0)),
    ),
  );

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
      `The time-out that the article describes is that of a path which drops packets above 1,492 bytes and says nothing, since ICMP is filtered: ${listed(stuck(hole))} had a request without an answer within ${timeoutMs / 1000} s, which is what each request is given.${holeOwn}${cure} What has to fit is one request, head and body, at a time.`,
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
  if (late > timeoutMs)
    texts.push(
      `The ${timeoutMs / 1000} s are those of one request: a way that sends several may take longer in all, here up to ${figure(late)} ms.`,
    );
  const losses = [
    ...(lost.length > 0 ? [`no answer where the stock client has one: ${inWords(lost)}`] : []),
    ...(slower.length > 0 ? [`longer than the stock client: ${inWords(slower)}`] : []),
  ];
  texts.push(
    losses.length > 0
      ? `**zstash loses** ${lost.length + slower.length} of ${compared.length} cells: ${losses.join("; and ")}.`
      : `zstash lost none of ${compared.length} cells in this run.`,
  );
  const probing = at("the same, `tcp_mtu_probing=1`");
  const probed = Object.keys(probing).filter(
    (name) => hole[name]?.failure !== undefined && probing[name].failure === undefined,
  );
  const cured = ["MTU 1492, ICMP works", "MSS 536", "the same, `mtu lock 1492`"].filter((path) => {
    const ways = Object.values(at(path));
    return ways.length > 0 && ways.every(({ failure }) => failure === undefined);
  });
  return `## A pipeline of ${figure((count * size) / 1000)} KB, MTU 1492 and MSS 536

**It claims** that over PPPoE (MTU 1492, MSS 536) a pipeline of 12 KB needs 24 segments and times out; its advice is batches of at most 4 KB and TCP_NODELAY.

Measured in [the network laboratory](network.md): ${count} values of ${whole(size)} bytes of JSON are written over a routed path of ${mbit} Mbit and ${rtt} ms. A cell is the time of the fastest of up to three rounds and the packets up,
acknowledgements included. "!" marks what is more than the stock client needs for the same: for zstash's pipelines and its value in pieces that is its one pipeline.

${markdownTable(
  ["", ...paths.map(({ name }) => name)],
  names.map((name) => [name, ...paths.map(({ ways }) => cell(ways[name], ways[stockOf(name, names) ?? ""]))]),
)}

**Why they differ.** ${texts.join("\n\n")}

The cures belong to the path: a router that clamps the MSS, \`mtu lock\` on the client's route, or ICMP let through.${
    cured.length === 0
      ? ""
      : ` Every way came through at ${listed(cured.map((name) => name.replaceAll(",", " with").replace(/^the same with/, "the hole with")))}.`
  }${
    probed.length === 0
      ? ""
      : ` \`tcp_mtu_probing=1\` helps too, after packets were lost: ${listed(probed)} took ${range(
          probed.map((name) => probing[name].ms),
          figure,
        )} ms.`
  }`;
}
