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
  const carriers = /** @type {const} */ (["raw", "text"]).map((carrier) => {
    const less = rows.filter(({ sides }) => sides[carrier].replicated < sides.stock.replicated * (1 - EVEN));
    const more = rows.filter(({ sides }) => sides[carrier].replicated > sides.stock.replicated * (1 + EVEN));
    const even = rows.filter((row) => !less.includes(row) && !more.includes(row));
    const factors = less.map(({ sides }) => sides.stock.replicated / sides[carrier].replicated);
    const sent =
      less.length === 0
        ? `no value sends fewer bytes with the ${carrier} carrier`
        : `${less.length} of ${rows.length} values send ${range(factors, figure)} times fewer bytes to each replica with the ${carrier} carrier`;
    const same =
      even.length === 0 ? "" : `, ${even.length} the same (${even.map(({ name }) => name).join("; ")})`;
    return { carrier, even, text: `${sent}${same}${more.length === 0 ? "" : `, ${more.length} more`}` };
  });
  const untouched = carriers.every(({ carrier, even }) =>
    even.every(({ sides }) => sides[carrier].stored === sides.stock.stored),
  );
  const mean = (/** @type {readonly number[]} */ shares) =>
    Math.exp(shares.reduce((sum, share) => sum + Math.log(share), 0) / shares.length);
  const means = /** @type {const} */ (["replicated", "snapshot"]).map((where) =>
    /** @type {const} */ (["raw", "text"]).map((carrier) =>
      mean(rows.map(({ sides }) => sides[carrier][where] / sides.stock[where])),
    ),
  );
  const share = (/** @type {number} */ number) => `${Math.round(number * 100)} %`;
  const [stream, snapshots] = means;
  const gainsLess = snapshots.every((one, at) => one > stream[at]);
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
  } ${appended ? "The append-only file grows by the same bytes." : "The append-only file grows by other amounts than the stream."} So ${carriers.map(({ text }) => text).join("; and ")}.${
    untouched && carriers.some(({ even }) => even.length > 0)
      ? " What is the same zstash stores as the stock client does: it is short, gains too little, or is compressed already."
      : ""
  }

In the geometric mean of all values zstash sends ${share(stream[0])} (raw) and ${share(stream[1])} (text) of the stock client's bytes to a replica, and a snapshot has ${share(snapshots[0])} and ${share(snapshots[1])}. ${
    packed > 0
      ? `${gainsLess ? "The snapshot gains less, because" : "In the snapshot"} Redis' own compression had made ${packed} of ${rows.length} of the stock client's values smaller already${isInert ? ", and it does nothing for a frame or its base64" : ""}. `
      : ""
  }${
    lost.length === 0
      ? `No value became larger by more than ${share(EVEN)} anywhere.`
      : `**zstash loses**, by more than ${share(EVEN)}: ${listed(lost)}.`
  } Memory, the stream and the append-only file are not compressed by Redis.`;
}
