// Real data through Redis with zstash and without: what it saves, what it costs, and whether every byte comes back.
// Exit code 0 means that every value was read back equal by a second client. Bars and a sentence; `--full` prints every figure.
import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Redis } from "@upstash/redis";
import { loadZstd } from "zstash";
import { Redis as CompressingRedis } from "zstash/redis";
import { withCompression } from "zstash/upstash";
import { corpusDigest, dataSets } from "../bench/corpus.mjs";
import { barLines } from "./bars.mjs";
import { readByCommandLine } from "./command-line.mjs";
import { storeLarge } from "./large.mjs";
import { interleave } from "./latency.mjs";
import { isSmall, storeSmall } from "./small.mjs";
import { storeAndVerify } from "./store.mjs";
import { bytes, count, LOST, marked, table } from "../bench/table.mjs";

const { values: flags } = parseArgs({
  options: { full: { type: "boolean" }, rounds: { type: "string" } },
});
/** Operations of each kind and client: a p99 is taken from the full number, the short form shows medians alone. */
const ROUNDS = Number(flags.rounds ?? (flags.full ? 1_000 : 100));
/** Codec times are means over at least this long, after a warm-up of the same length. */
const CODEC_MS = 150;

const say = (text = "") => process.stdout.write(`${text}\n`);
/** @param {string} text */
const progress = (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`);

/** The corpus as text, which is all that the client carries; images as base64. Columnar files are for the codec's own benchmark. */
const sets = dataSets
  .filter(({ kind }) => kind !== "binary")
  .map(({ name, kind, holds, values }) => {
    const items = values.map(({ key, text, bytes }) => ({
      key: `${name}:${key}`,
      text: text ?? Buffer.from(bytes ?? []).toString("base64"),
    }));
    return {
      name,
      kind,
      holds,
      items,
      rawSize: items.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    };
  });

/**
 * Mean microseconds of `work` over the items.
 *
 * @template Item
 * @param {readonly Item[]} items
 * @param {(item: Item) => unknown} work
 */
function microseconds(items, work) {
  let perItem = 0;
  for (const measured of [false, true]) {
    const start = performance.now();
    let done = 0;
    do {
      for (const item of items) work(item);
      done += items.length;
    } while (performance.now() - start < CODEC_MS);
    if (measured) perItem = ((performance.now() - start) * 1000) / done;
  }
  return perItem;
}

/**
 * A row of the latency table. A pair that reads the same is no loss.
 *
 * @param {string} name
 * @param {readonly { key: string, text: string }[]} items
 * @param {Record<"stock" | "text" | "raw", Redis>} clients
 */
async function timeRow(name, items, clients) {
  progress(`${name}: ${ROUNDS} SETs and GETs of each client`);
  const times = await interleave(clients, items, ROUNDS);
  for (const { different } of Object.values(times)) {
    if (different === 0) continue;
    failed = true;
    say(`${name}: ${different} of ${ROUNDS} GETs gave another value than was SET`);
  }
  const cells = /** @type {const} */ (["set", "get"]).flatMap((operation) =>
    /** @type {const} */ (["p50", "p99"]).flatMap((share) => {
      const [stock, ...others] = /** @type {const} */ (["stock", "text", "raw"]).map((side) =>
        times[side][operation][share].toFixed(2),
      );
      return [stock, ...others.map((own) => marked(own, Number(own) > Number(stock)))];
    }),
  );
  /** @param {"set" | "get"} operation @returns {readonly [number, number]} */
  const medians = (operation) => [times.stock[operation].p50, times.raw[operation].p50];
  return { cells: [name, count(ROUNDS), ...cells], set: medians("set"), get: medians("get") };
}

const zstd = await loadZstd();
let failed = false;
const server = fork(fileURLToPath(new URL("../bench/server.mjs", import.meta.url)));
try {
  const [{ url, token, backend, password }] = await Promise.race([
    once(server, "message"),
    once(server, "exit").then(([code]) =>
      Promise.reject(new Error(`Cannot start the local server: exit code ${code}`)),
    ),
  ]);
  // Values are compared as text, so the client must not parse them as JSON.
  /** @param {Partial<import("@upstash/redis").RedisConfigNodejs>} [options] */
  const connect = (options) => new Redis({ url, token, automaticDeserialization: false, ...options });
  /** @param {Partial<import("zstash/redis").RedisConfig>} [options] */
  const connectRaw = (options) =>
    new CompressingRedis({ url, token, automaticDeserialization: false, ...options });
  /** @param {readonly Uint8Array[]} dictionaries */
  const connectAll = (dictionaries) => {
    const compression = { dictionaries };
    return {
      stock: connect(),
      text: withCompression(connect(), compression),
      raw: connectRaw({ enableAutoPipelining: false, compression }),
      textReader: withCompression(connect(), compression),
      rawReader: connectRaw({ compression }),
    };
  };
  const clients = connectAll([]);
  const timed = {
    stock: clients.stock,
    text: clients.text,
    raw: connectRaw(),
  };

  say(`machine  ${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Node ${process.version}`);
  say(`server   ${backend}`);
  say(`data     sha256 ${corpusDigest()}`);
  say();

  /** @type {string[][]} */
  const sizeRows = [];
  /** @type {string[][]} */
  const timeRows = [];
  /** @type {Awaited<ReturnType<typeof storeSmall>>[]} */
  const small = [];
  /** @type {import("./bars.mjs").Told[]} */
  const told = [];
  let values = 0;
  for (const { name, kind, holds, items, rawSize } of sets) {
    progress(`${name}: ${items.length} values there and back`);
    const { text, raw, different } = await storeAndVerify(clients, items);
    values += items.length;
    if (different.length > 0) {
      failed = true;
      say(`${name}: ${different.length} values are different, first ${different.slice(0, 3).join(", ")}`);
    }
    const touched = 2 * items.length - text.untouched - raw.untouched;
    if (kind === "raw" && touched > 0) {
      failed = true;
      say(`${name}: ${touched} values should lie in Redis as they are and do not`);
    }

    let stored = raw.storedSize;
    if (isSmall({ name, kind, items, rawSize })) {
      progress(`${name}: ${items.length} values with a dictionary`);
      const report = await storeSmall({ name, kind, items, rawSize }, { text, raw }, connectAll);
      small.push(report);
      failed ||= report.failed;
      stored = Math.min(stored, report.storedSize);
    }

    progress(`${name}: codec`);
    const frames = items.map(({ text }) => zstd.compress(text));
    const compress = microseconds(items, ({ text }) => zstd.compress(text));
    const decompress = microseconds(frames, (frame) => zstd.decompressText(frame));
    sizeRows.push([
      `${name} (${holds})`,
      count(items.length),
      bytes(rawSize),
      ...[text, raw].flatMap(({ storedSize }) => [
        marked(bytes(storedSize), storedSize > rawSize),
        `${(rawSize / storedSize).toFixed(2)}×`,
      ]),
      ...[text, raw].map(({ untouched }) => count(items.length - untouched)),
      compress.toFixed(compress < 100 ? 1 : 0),
      decompress.toFixed(decompress < 100 ? 1 : 0),
    ]);

    const { cells, set, get } = await timeRow(name, items, timed);
    timeRows.push(cells);
    const dictionary = stored < raw.storedSize;
    told.push({ name, values: items.length, size: rawSize, stored, dictionary, set, get });
  }
  // The same client thrice: what is left is the machine's noise, by which the rows above are to be read.
  const [{ items }] = sets;
  const noise = { stock: clients.stock, text: connect(), raw: connect() };
  timeRows.push((await timeRow("(noise: no zstash)", items, noise)).cells);
  if (process.stderr.isTTY) progress("");

  const documents = sets.find(({ name }) => name === "large-documents")?.items ?? [];
  const [shown] = documents;
  const large = await storeLarge({ url, token }, documents);
  const commandLine = readByCommandLine({ backend, password }, [
    { carrier: "text", key: `text:${shown.key}`, text: shown.text },
    { carrier: "raw", key: `raw:${shown.key}`, text: shown.text },
    { carrier: "raw", key: large.key, text: large.text },
  ]);

  failed ||= commandLine.failed || large.failed;
  if (flags.full) sayAll();
  else {
    if (commandLine.failed) say(commandLine.line);
    for (const line of large.failed ? large.lines : []) say(line);
    for (const line of small.flatMap(({ lines, failed: lost }) => (lost ? lines : []))) say(line);
    for (const line of barLines(told, !failed)) say(line);
  }

  /** Every figure, in tables that are as wide as they have to be. */
  function sayAll() {
    say(
      table(
        [
          "data set",
          "values",
          "as is",
          `stored text${LOST}`,
          "ratio",
          `stored raw${LOST}`,
          "ratio",
          "text n",
          "raw n",
          "compress µs",
          "decompress µs",
        ],
        sizeRows,
      ),
    );
    say();
    say(
      "Stored text and stored raw are the carriers: base64, and the frame itself; n says how many values are compressed.",
    );
    say();
    for (const { lines } of small) {
      for (const line of lines) say(line);
      say();
    }
    say("Milliseconds per operation, @upstash/redis alone and with zstash, interleaved:");
    say();
    const pairs = ["SET p50", "SET p99", "GET p50", "GET p99"];
    say(table(["data set", "n", ...pairs.flatMap((pair) => [pair, `text${LOST}`, `raw${LOST}`])], timeRows));
    say();
    say(`"${LOST.trim()}" marks what is larger or slower with zstash.`);
    say(
      `${count(values)} values stored by each carrier and without zstash, and read back by other clients, raw ones of all three: ${failed ? "NOT all equal" : "all equal, byte for byte"}.`,
    );
    say();
    for (const line of large.lines) say(line);
    say(commandLine.line);
  }
} finally {
  if (server.connected) server.disconnect();
  if (server.exitCode === null) await once(server, "exit");
}
process.exitCode = failed ? 1 : 0;
