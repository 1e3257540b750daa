/** The section of docs/article.md about encodings of a record. */
import { markdownTable, whole } from "../tables.mjs";

/** @param {import("../../article/sections.mjs").Article["records"]} part */
export function section({ records }) {
  const claims = /** @type {Readonly<Record<string, string>>} */ ({
    JSON: "328 B, gzip 186 B, network +12.5 %",
    MessagePack: "192 B, gzip 141 B, network +2.1 %",
    "Protocol Buffers": "107 B, network +0.3 %",
  });
  const base = records["JSON"].stock.bytes;
  const rows = Object.entries(records).map(([name, { plain, gzip, zstd, stock, zstash }]) => [
    name,
    claims[name],
    `${plain} B`,
    `${gzip} B`,
    `${zstd} B`,
    `${whole(stock.bytes)} B (${((stock.bytes / base) * 100).toFixed(0)} %), ${stock.segments}`,
    `${whole(zstash.bytes)} B (${((zstash.bytes / base) * 100).toFixed(0)} %), ${zstash.segments}`,
  ]);
  const [first, ...others] = Object.values(records).map(({ stock }) => stock.segments);
  const segments = others.every((count) => count === first)
    ? `all encodings fill as many segments, ${first}`
    : "and a segment is sent whole or not";
  return `## Encodings: a record of ten fields

**It claims** 328 bytes as JSON, 192 as MessagePack and 107 as Protocol Buffers, and that the size goes linearly into replication, gossip and round
trips.

${markdownTable(["encoding", "the article", "plain", "gzip", "zstd", "SET and GET by @upstash/redis: bytes, segments", "by zstash/redis"], rows)}

**Why they differ.** The article does not give its fields; these are ours, of an order, with a UUID, which no encoding makes short.
The order of the encodings is the same. The rest is not linear: over HTTP the heads of requests and replies are most of the bytes of a
small record, ${segments} (1,460 bytes each, computed from the bytes of each message), and the SDK carries
text only, so MessagePack and Protocol Buffers travel as base64, a third longer. What is as short as this gains little from zstd,
and zstash leaves it as it is; the compression here was told to try. Of records that repeat their shapes
[a dictionary](dictionaries.md) makes more than an encoding does.`;
}
