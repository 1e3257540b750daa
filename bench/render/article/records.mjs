/** The section of docs/article.md about encodings of a record. */
import { markdownTable, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/** How far two shares may lie apart and be called the same. */
const LINEAR = 0.05;
/** Plain bytes of the article's record. */
const CLAIMED = { JSON: 328, MessagePack: 192, "Protocol Buffers": 107 };

/** @param {import("../../article/sections.mjs").Article["records"]} part */
export function section({ records }) {
  const claims = /** @type {Readonly<Record<string, string>>} */ ({
    JSON: "328 B, gzip 186 B, network +12.5 %",
    MessagePack: "192 B, gzip 141 B, network +2.1 %",
    "Protocol Buffers": "107 B, network +0.3 %",
  });
  const base = records["JSON"].stock.bytes;
  const wire = (/** @type {number} */ bytes, /** @type {number} */ other) => {
    const text = `${whole(bytes)} B (${((bytes / base) * 100).toFixed(0)} %)`;
    return bytes > other ? `**${text} !**` : text;
  };
  const rows = Object.entries(records).map(([name, { plain, gzip, zstd, stock, zstash }]) => [
    name,
    claims[name],
    `${plain} B`,
    `${gzip} B`,
    zstd > plain ? `**${zstd} B !**` : `${zstd} B`,
    `${wire(stock.bytes, stock.bytes)}, ${stock.segments}`,
    `${wire(zstash.bytes, stock.bytes)}, ${zstash.segments}`,
  ]);
  const all = Object.entries(records);
  const [first, ...others] = all.map(([, { stock }]) => stock.segments);
  const segments = others.every((count) => count === first)
    ? `all encodings fill as many segments by the stock client, ${first}`
    : `the encodings fill ${listed(all.map(([name, { stock }]) => `${stock.segments} (${name})`))} segments by the stock client`;
  const order = (/** @type {Readonly<Record<string, number>>} */ sizes) =>
    Object.keys(sizes).toSorted((a, b) => sizes[b] - sizes[a]);
  const ours = order(Object.fromEntries(all.map(([name, { plain }]) => [name, plain])));
  const theirs = order(CLAIMED);
  const sameOrder = ours.join() === theirs.join();
  // The value goes up in the SET and comes down in the GET; bytes that are no text go as base64.
  const inPair = (/** @type {string} */ name, /** @type {number} */ plain) =>
    2 * (name === "JSON" ? plain : 4 * Math.ceil(plain / 3));
  const shares = all.map(([name, { plain, stock }]) => inPair(name, plain) / stock.bytes);
  const gains = all.map(([name, { plain, zstd }]) => {
    const share = Math.round((zstd / plain - 1) * 100);
    return `${name} ${share === 0 ? "as long as it is" : `${Math.abs(share)} % ${share < 0 ? "shorter" : "longer"}`}`;
  });
  const plainSaved = Math.min(...all.map(([, { plain }]) => plain)) / records["JSON"].plain;
  const wireSaved = Math.min(...all.map(([, { stock }]) => stock.bytes)) / base;
  return `## Encodings: a record of ten fields

**It claims** 328 bytes as JSON, 192 as MessagePack and 107 as Protocol Buffers, and that the size goes linearly into replication, gossip and round
trips.

${markdownTable(["encoding", "the article", "plain", "gzip", "zstd", "SET and GET by @upstash/redis: bytes, segments", "by zstash/redis"], rows)}

Where zstd makes it longer, or zstash sends more than the stock client, the number is in bold with "!".

**Why they differ.** The article does not give its fields; these are ours, of an order, with a UUID, which no encoding makes short.
The order of the encodings by their plain bytes is ${sameOrder ? "the same" : `another: ${listed(ours)}`}. On the connection ${Math.abs(plainSaved - wireSaved) > LINEAR ? "it is not linear" : "it is the same"}: the shortest encoding is ${Math.round((1 - plainSaved) * 100)} % shorter than JSON, and a
SET and a GET of it ${wireSaved < 1 ? `${Math.round((1 - wireSaved) * 100)} % fewer bytes than of JSON` : "no fewer bytes than of JSON"}. The value itself is ${range(shares, (share) => `${Math.round(share * 100)} %`)} of what the pair sends, the rest is HTTP; ${segments} (1,460 bytes each, computed from the bytes
of each message); and the SDK carries text only, so MessagePack and Protocol Buffers travel as base64, a third longer. zstd makes ${listed(gains)}.
What is as short as this zstash leaves as it is; here it was told to try. What repeats from record to record is worth [a dictionary](dictionaries.md).`;
}
