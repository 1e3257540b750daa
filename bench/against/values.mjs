/**
 * The values that peers are measured on: one of each kind and length, each a function of the corpus and of seeds alone.
 * Records are the same ones as JSON, MessagePack and Protocol Buffers, by the encoders that applications use.
 */
import { createHash } from "node:crypto";
import { dataSet, valueBytes } from "../corpus.mjs";
import { createRandom } from "../corpus/random.mjs";
import { recordSets } from "../corpus/small-records.mjs";
import { readJson } from "../corpus/sources.mjs";
import { jsonOfSize } from "../json-of-size.mjs";
import { loadPeer } from "../peers/load.mjs";

/**
 * @typedef {{ name: string, corpus: string, holds: string, bytes: Uint8Array<ArrayBuffer>, sha256: string }} MeasuredValue
 *
 * @typedef {Readonly<Record<string, string | number | null>>} Movie
 *
 * What is used of protobufjs.
 *
 * @typedef {{
 *   readonly default?: Protobuf,
 *   parse(source: string): { root: { lookupType(name: string): ProtobufType } },
 * }} Protobuf
 *
 * @typedef {{
 *   verify(message: object): string | null,
 *   encode(message: object): { finish(): Uint8Array },
 * }} ProtobufType
 */

const utf8 = new TextEncoder();
const SEED = 17;

/** @param {string} text @param {number} size */
const cut = (text, size) => utf8.encode(text).slice(0, size);

/** Lines of a log, of 200 kinds of events, generated. */
function logLines() {
  const random = createRandom(SEED);
  const events = recordSets.find(({ name }) => name === "many-shapes")?.read() ?? [];
  const levels = ["info", "info", "info", "debug", "warn", "error"];
  let time = Date.UTC(2026, 0, 1);
  return events.map((event) => {
    time += random.below(900);
    const head = `{"time":"${new Date(time).toISOString()}","level":"${random.pick(levels)}","host":"web-${random.below(12)}",`;
    return `${head}${event.slice(1)}\n`;
  });
}

/** A page of a list of films, as a server renders it. @param {readonly Movie[]} movies */
function htmlPage(movies) {
  const escape = (/** @type {unknown} */ value) =>
    String(value ?? "—")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;");
  const cards = movies.map(
    (movie, index) =>
      `    <article class="card card--movie" id="movie-${index}">
      <h2 class="card__title"><a href="/movies/${encodeURIComponent(String(movie["Title"]))}">${escape(movie["Title"])}</a></h2>
      <dl class="card__facts">
${Object.entries(movie)
  .slice(1)
  .map(([name, value]) => `        <dt>${name}</dt><dd>${escape(value)}</dd>`)
  .join("\n")}
      </dl>
      <button type="button" class="button button--primary" data-movie="${index}">Watch</button>
    </article>`,
  );
  return `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Movies</title><link rel="stylesheet" href="/assets/main.css"></head>
  <body>
${cards.join("\n")}
  </body>
</html>
`;
}

/** The fields of a record of a film; numbers that are whole are int64, as a schema of one's own has them. */
const FIELDS = [
  ["Title", "string"],
  ["US Gross", "int64"],
  ["Worldwide Gross", "int64"],
  ["US DVD Sales", "int64"],
  ["Production Budget", "int64"],
  ["Release Date", "string"],
  ["MPAA Rating", "string"],
  ["Running Time min", "int32"],
  ["Distributor", "string"],
  ["Source", "string"],
  ["Major Genre", "string"],
  ["Creative Type", "string"],
  ["Director", "string"],
  ["Rotten Tomatoes Rating", "int32"],
  ["IMDB Rating", "double"],
  ["IMDB Votes", "int32"],
];

const camelCase = (/** @type {string} */ name) =>
  name.toLowerCase().replaceAll(/ (\w)/g, (_, letter) => letter.toUpperCase());

/** @returns {Promise<(movies: readonly Movie[]) => Uint8Array>} */
async function protobufEncoder() {
  const loaded = /** @type {Protobuf} */ (await loadPeer("protobufjs"));
  const { parse } = loaded.default ?? loaded;
  const fields = FIELDS.map(([name, type], index) => `optional ${type} ${camelCase(name)} = ${index + 1};`);
  const source = `syntax = "proto3"; message Movie { ${fields.join(" ")} } message Movies { repeated Movie movies = 1; }`;
  const type = parse(source).root.lookupType("Movies");
  return (movies) => {
    const message = {
      movies: movies.map((movie) =>
        Object.fromEntries(
          FIELDS.flatMap(([name, kind]) => {
            const value = movie[name];
            if (value === null || value === undefined) return [];
            return [[camelCase(name), kind === "string" ? String(value) : Number(value)]];
          }),
        ),
      ),
    };
    const fault = type.verify(message);
    if (fault !== null) throw new Error(`Cannot encode the records: ${fault}`);
    return type.encode(message).finish();
  };
}

/**
 * Every value, or the few of a quick run.
 *
 * @param {{ quick?: boolean | undefined }} options
 * @returns {Promise<MeasuredValue[]>}
 */
export async function readValues({ quick = false } = {}) {
  const movies = /** @type {Movie[]} */ (readJson("vega-datasets", "data/movies.json"));
  const { encode } = /** @type {{ encode(value: unknown): Uint8Array }} */ (
    await loadPeer("@msgpack/msgpack")
  );
  const protobuf = await protobufEncoder();
  const lines = logLines().join("");
  const table = dataSet("tables").values.find(({ key }) => key === "species.csv");
  if (table?.text === undefined) throw new Error("Cannot read the table: species.csv is not in the corpus");
  const csv = table.text;
  const image = (/** @type {string} */ set, /** @type {string} */ key) => {
    const found = dataSet(set).values.find((value) => value.key === key);
    if (found === undefined) throw new Error(`Cannot read the image: ${key} is not in the corpus`);
    return valueBytes(found);
  };
  const some = (/** @type {number} */ count) => movies.slice(0, count);

  /** @type {readonly [corpus: string, holds: string, makers: readonly (() => Uint8Array)[]][]} */
  const corpora = [
    [
      "json",
      "documents of the demo's corpus, cut at a length",
      (quick ? [1024] : [64, 256, 1024, 16_384, 131_072, 1_048_576, 10_000_000]).map(
        (size) => () => cut(jsonOfSize(size), size),
      ),
    ],
    [
      "ndjson-logs",
      "lines of a log, 200 kinds of events, generated",
      (quick ? [] : [1024, 16_384, 1_048_576]).map((size) => () => cut(lines, size)),
    ],
    [
      "html",
      "a page of real records, rendered",
      (quick ? [] : [8, 100]).map((count) => () => utf8.encode(htmlPage(some(count)))),
    ],
    ["csv", "a table of species", (quick ? [] : [16_384, 1_000_000]).map((size) => () => cut(csv, size))],
    [
      "records-json",
      "films, as JSON",
      (quick ? [25] : [1, 25, 1000]).map((count) => () => utf8.encode(JSON.stringify(some(count)))),
    ],
    [
      "records-messagepack",
      "the same films, by @msgpack/msgpack",
      (quick ? [25] : [1, 25, 1000]).map((count) => () => encode(some(count))),
    ],
    [
      "records-protobuf",
      "the same films, by protobufjs with a schema",
      (quick ? [25] : [1, 25, 1000]).map((count) => () => protobuf(some(count))),
    ],
    ["base64", "a PNG file as a data URL", quick ? [] : [() => image("images-base64", "ffox.png.txt")]],
    ["image", "a PNG file", quick ? [] : [() => image("images", "ffox.png")]],
    [
      "random",
      "random bytes, seeded",
      (quick ? [] : [1024, 131_072]).map((size) => () => createRandom(SEED).bytes(size)),
    ],
  ];
  return corpora.flatMap(([corpus, holds, makers]) =>
    makers.map((make) => {
      const bytes = new Uint8Array(make());
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      return { name: `${corpus}-${bytes.length}`, corpus, holds, bytes, sha256 };
    }),
  );
}
