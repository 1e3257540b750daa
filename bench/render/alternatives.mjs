/** The table of docs/alternatives.md: what else one may do with a value, and what it costs, of a run against the peers. */
import { format } from "prettier";
import { cellsOf, figure, markdownTable, sizeName } from "./tables.mjs";

/** @typedef {import("../results.mjs").Against} Against */

const SIZES = [1024, 16_384, 131_072];
const SIDES = [
  ["zstash", "**zstash**, level 1"],
  ["node:zlib zstd", "zstd of node:zlib, level 1"],
  ["node:zlib gzip", "gzip of node:zlib"],
  ["node:zlib brotli", "brotli of node:zlib, quality 4"],
  ["fflate gzip", "gzip of fflate"],
  ["@keyv/compress-gzip", "@keyv/compress-gzip"],
  ["@keyv/compress-brotli", "@keyv/compress-brotli"],
  ["@bokuweb/zstd-wasm", "@bokuweb/zstd-wasm"],
];

/**
 * @param {Against} against
 * @returns {Promise<string>}
 */
export async function alternativesTable(against) {
  const values = SIZES.flatMap(
    (size) => against.values.find((value) => value.corpus === "json" && value.size === size) ?? [],
  );
  const [made, read] = /** @type {const} */ (["compress", "decompress"]).map((operation) =>
    cellsOf(against, operation, 1),
  );
  const rows = SIDES.map(([side, title]) => [
    title,
    ...values.map(({ name }) => {
      const compress = made.find(({ value }) => value === name)?.sides[side];
      const decompress = read.find(({ value }) => value === name)?.sides[side];
      if (compress?.bytes === undefined || decompress === undefined) return "";
      return `${sizeName(compress.bytes)} B, ${figure(compress.us[1])} / ${figure(decompress.us[1])} µs`;
    }),
  ]);
  const table = markdownTable(["", ...values.map(({ size }) => `JSON of ${sizeName(size)} bytes`)], rows);

  const records = ["records-json", "records-messagepack", "records-protobuf"];
  const titles = ["JSON", "MessagePack", "Protocol Buffers"];
  const lists = records.map((corpus) => against.values.filter((value) => value.corpus === corpus));
  const recordRows = titles.map((title, index) => [
    title,
    ...lists[index].map(({ name, size }) => {
      const cell = made.find(({ value }) => value === name);
      const bytes = cell?.sides["zstash"]?.bytes;
      if (bytes === undefined || bytes >= size) return `${sizeName(size)}, stays as it is`;
      return `${sizeName(size)} → ${sizeName(bytes)}`;
    }),
  ]);
  const counts = ["1 film", "25 films", "1,000 films"].slice(0, lists[0].length);
  const recordTable = markdownTable(["bytes, plain → zstash at level 1", ...counts], recordRows);
  const { date, machine } = against;
  const text = `Bytes stored, and microseconds to compress and to decompress, medians. ${machine}, Node ${against.versions["Node"]}, ${date}.

${table}

The same records in three encodings:

${recordTable}`;
  return (await format(text, { parser: "markdown", printWidth: 110 })).trim();
}
