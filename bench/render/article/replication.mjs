/** The section of docs/article.md about bytes of replication. */
import { figure, markdownTable, whole } from "../tables.mjs";
import { listed, range } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["replication"]} Part
 * @typedef {Part["rows"][number]} Row
 */

/** What a write adds is at most this far from another to be called the same. */
const EVEN = 0.01;
/** Tags, lengths and key of a snapshot's entry. */
const ENTRY = 64;

/** @param {Part} part */
export function section({ rows }) {
  /** @param {number} own @param {number} stock */
  const beside = (own, stock) => {
    const share = `${((own / stock) * 100).toFixed(0)} %`;
    return own > stock * (1 + EVEN) ? `${whole(own)} (**${share} !**)` : `${whole(own)} (${share})`;
  };
  const table = markdownTable(
    [
      "value",
      "bytes",
      "to the replica: stock",
      "zstash, raw",
      "zstash, text",
      "snapshot: stock",
      "zstash, raw",
      "zstash, text",
    ],
    rows.map(({ name, size, sides: { stock, raw, text } }) => [
      name,
      whole(size),
      whole(stock.replicated),
      beside(raw.replicated, stock.replicated),
      beside(text.replicated, stock.replicated),
      whole(stock.snapshot),
      beside(raw.snapshot, stock.snapshot),
      beside(text.snapshot, stock.snapshot),
    ]),
  );
  const heads = rows.flatMap(({ sides }) =>
    Object.values(sides).map(({ replicated, stored }) => replicated - stored),
  );
  const appended = rows.every(({ sides }) =>
    Object.values(sides).every(
      ({ appended: file, replicated }) => Math.abs(file - replicated) <= EVEN * replicated,
    ),
  );
  const even = rows.filter(
    ({ sides: { stock, raw } }) => Math.abs(raw.replicated / stock.replicated - 1) <= EVEN,
  );
  const less = rows.filter(({ sides: { stock, raw } }) => raw.replicated < stock.replicated * (1 - EVEN));
  const factors = less.map(({ sides: { stock, raw } }) => stock.replicated / raw.replicated);
  const lost = rows.flatMap(({ name, sides: { stock, raw, text } }) =>
    [
      ["raw", raw],
      ["text", text],
    ].flatMap(([carrier, side]) => {
      const { replicated, snapshot } = /** @type {typeof stock} */ (side);
      const more = [
        replicated > stock.replicated * (1 + EVEN) ? ["the stream"] : [],
        snapshot > stock.snapshot * (1 + EVEN) ? ["the snapshot"] : [],
      ].flat();
      return more.map((where) => `${name}, ${carrier} carrier, in ${where}`);
    }),
  );
  const isInert = rows.every(({ sides: { stock, raw, text } }) =>
    [raw, text].every(({ stored, snapshot }) => stored === stock.stored || snapshot >= stored),
  );
  const packed = rows.filter(({ sides: { stock } }) => stock.snapshot < stock.stored - ENTRY).length;
  return `## Bytes of replication

**It claims** that the size of a value goes linearly into replication. It gives no figures for a replica.

A redis-server with a replica: each value is written to some keys by the stock client and by zstash, and \`master_repl_offset\` says what a write
sends to every replica. The replica's value was read and compared. The snapshot is what a key adds to the file of \`SAVE\`, which Redis
compresses itself (LZF).

${table}

**Why they differ.** ${
    Math.max(...heads) <= ENTRY
      ? `Here the claim holds: a write sends what lies in Redis and ${range(heads, whole)} bytes more, for the command and the key.`
      : `A write sends what lies in Redis and up to ${whole(Math.max(...heads))} bytes more.`
  } ${appended ? "The append-only file grows by the same bytes." : "The append-only file grows by other amounts than the stream."} ${
    less.length > 0
      ? `So ${less.length} of ${rows.length} values send ${range(factors, figure)} times fewer bytes to each replica with the raw carrier`
      : "No value sends fewer bytes to a replica here"
  }${even.length > 0 ? `, and ${even.length} the same, since zstash stores what is short or gains too little as it is (${listed(even.map(({ name }) => name))})` : ""}.

${
  packed > 0
    ? `The snapshot gains less: Redis' own compression had made ${packed} of ${rows.length} of the stock client's values smaller already${isInert ? ", and it does nothing for a frame or its base64" : ""}. `
    : ""
}${
    lost.length === 0 ? "No value became larger anywhere." : `**zstash loses**: ${listed(lost)}.`
  } Memory, the stream and the append-only file are not compressed by Redis.`;
}
