/** What the data sets are: how the files of the source packages are cut into values. */
import { createHash } from "node:crypto";
import { listFiles, readBytes, readJson, readText } from "./sources.mjs";

/** JSON values below this are not documents but fields. */
const SMALLEST_DOCUMENT = 300;
/** Documents above this are in the set `large-documents`. */
const LARGEST_ORDINARY = 100_000;
const LARGEST_DOCUMENT = 6_000_000;

const utf8 = new TextEncoder();

/**
 * A JSON record of a source package.
 *
 * @typedef {Readonly<Record<string, unknown>>} Item
 *
 * An earthquake of the GeoJSON file.
 *
 * @typedef {{ id: string, properties: { time: number }, geometry: { coordinates: number[] } }} Feature
 */

/** @param {string} file @returns {Item[]} */
const vegaJson = (file) => readJson("vega-datasets", `data/${file}.json`);
/** @returns {Feature[]} */
const earthquakes = () => readJson("vega-datasets", "data/earthquakes.json").features;

/** Files of a folder tree of OpenAPI documents, with their parsed contents. */
function* openApiDocuments() {
  for (const version of ["2.0", "3.0", "3.1"]) {
    for (const file of listFiles("@readme/oas-examples", `${version}/json`, ".json")) {
      yield {
        key: `${version}/${file}`,
        document: readJson("@readme/oas-examples", `${version}/json/${file}`),
      };
    }
  }
}

function protocolDomains() {
  const files = ["browser_protocol", "js_protocol"];
  return files.flatMap((file) => readJson("devtools-protocol", `json/${file}.json`).domains);
}

/**
 * Records in runs of `count`, as an API that pages its answers returns them.
 *
 * @param {string} name
 * @param {readonly object[]} records
 * @param {number} count
 */
function pages(name, records, count) {
  const values = [];
  for (let start = 0; start < records.length; start += count) {
    const page = records.slice(start, start + count);
    values.push({ key: `${name}?from=${start}`, text: JSON.stringify(page) });
  }
  return values;
}

/**
 * Records by the value of a field, as a cache keyed by that field holds them.
 *
 * @param {string} name
 * @param {readonly Item[]} records
 * @param {string} field
 */
function groups(name, records, field) {
  /** @type {Map<unknown, object[]>} */
  const byField = new Map();
  for (const record of records) {
    const group = byField.get(record[field]) ?? [];
    byField.set(record[field], group);
    group.push(record);
  }
  return [...byField].map(([key, group]) => ({ key: `${name}/${key}`, text: JSON.stringify(group) }));
}

/**
 * As many leading records as fit the limit once they are written as a JSON array.
 *
 * @param {readonly object[]} records
 * @param {number} limit
 */
function upTo(records, limit) {
  let size = 1;
  const end = records.findIndex((record) => (size += utf8.encode(JSON.stringify(record)).length + 1) > limit);
  return end < 0 ? records : records.slice(0, end);
}

/** @param {{ text: string }} value */
function isOrdinary({ text }) {
  const size = utf8.encode(text).length;
  return size >= SMALLEST_DOCUMENT && size <= LARGEST_ORDINARY;
}

/**
 * A well-formed version 4 UUID that depends on the text alone.
 *
 * @param {string} text
 */
function uuidOf(text) {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = "89ab"[parseInt(hex[16], 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function largeDocuments() {
  const files = [
    "budget",
    "earthquakes",
    "flights-20k",
    "football",
    "jobs",
    "movies",
    "platformer-terrain",
    "us-10m",
  ];
  const openApi = [...openApiDocuments()].map(({ key, document }) => ({
    key,
    text: JSON.stringify(document),
  }));
  return [
    ...files.map((file) => ({ key: file, text: JSON.stringify(vegaJson(file)) })),
    ...openApi.filter(({ text }) => utf8.encode(text).length > LARGEST_ORDINARY),
    {
      key: "browser_protocol",
      text: JSON.stringify(readJson("devtools-protocol", "json/browser_protocol.json")),
    },
    { key: "flights-200k", text: JSON.stringify(upTo(vegaJson("flights-200k"), LARGEST_DOCUMENT)) },
  ];
}

const images = () =>
  listFiles("vega-datasets", "data", ".png").map((file) => ({
    key: file,
    bytes: readBytes("vega-datasets", `data/${file}`),
  }));

/**
 * Every data set, in a fixed order: the order is part of the digest.
 *
 * @type {readonly { name: string, kind: import("../corpus.mjs").Kind, holds: string, read: () => import("../corpus.mjs").Value[] }[]}
 */
export const definitions = [
  {
    name: "api-documents",
    kind: "json",
    holds: "whole OpenAPI documents",
    read: () =>
      [...openApiDocuments()]
        .map(({ key, document }) => ({ key, text: JSON.stringify(document) }))
        .filter(isOrdinary),
  },
  {
    name: "api-paths",
    kind: "json",
    holds: "path items of OpenAPI documents",
    read: () =>
      [...openApiDocuments()]
        .flatMap(({ key, document }) =>
          Object.entries(document.paths ?? {}).map(([path, item]) => ({
            key: `${key}#${path}`,
            text: JSON.stringify(item),
          })),
        )
        .filter(isOrdinary),
  },
  {
    name: "protocol-domains",
    kind: "json",
    holds: "domains of the DevTools protocol",
    read: () =>
      protocolDomains().map((domain) => ({ key: `domain/${domain.domain}`, text: JSON.stringify(domain) })),
  },
  {
    name: "package-metadata",
    kind: "json",
    holds: "resource descriptions of a data package",
    read: () =>
      /** @type {Item[]} */ (readJson("vega-datasets", "datapackage.json").resources).map(
        (resource, index) => ({ key: `resource/${index}/${resource.name}`, text: JSON.stringify(resource) }),
      ),
  },
  {
    name: "geojson-pages",
    kind: "json",
    holds: "ten GeoJSON features a page",
    read: () => pages("earthquakes", earthquakes(), 10),
  },
  {
    name: "movie-pages",
    kind: "json",
    holds: "25 records a page",
    read: () => pages("movies", vegaJson("movies"), 25),
  },
  {
    name: "movie-records",
    kind: "json",
    holds: "single records",
    read: () =>
      vegaJson("movies")
        .map((record, index) => ({ key: `movie/${index}`, text: JSON.stringify(record) }))
        .filter(isOrdinary),
  },
  {
    name: "flight-pages",
    kind: "json",
    holds: "100 records a page",
    read: () => pages("flights", vegaJson("flights-20k"), 100),
  },
  {
    name: "job-series",
    kind: "json",
    holds: "time series by occupation",
    read: () => groups("job", vegaJson("jobs"), "job"),
  },
  {
    name: "match-days",
    kind: "json",
    holds: "football matches by day, UTF-8 names",
    read: () => groups("matches", vegaJson("football"), "date").filter(isOrdinary),
  },
  { name: "large-documents", kind: "json", holds: "documents of 0.2 to 6 MB", read: largeDocuments },
  {
    name: "tables",
    kind: "text",
    holds: "CSV files",
    read: () =>
      listFiles("vega-datasets", "data", ".csv")
        .map((file) => ({ key: file, text: readText("vega-datasets", `data/${file}`) }))
        .filter(({ text }) => text.length >= SMALLEST_DOCUMENT),
  },
  { name: "images", kind: "image", holds: "PNG files", read: images },
  {
    name: "columnar",
    kind: "binary",
    holds: "an Arrow file, 2 MiB of a Parquet file",
    read: () => [
      { key: "flights-200k.arrow", bytes: readBytes("vega-datasets", "data/flights-200k.arrow") },
      {
        key: "flights-3m.parquet",
        bytes: readBytes("vega-datasets", "data/flights-3m.parquet").slice(0, 2 << 20),
      },
    ],
  },
  {
    name: "images-base64",
    kind: "raw",
    holds: "PNG files as data URLs",
    read: () =>
      images().map(({ key, bytes }) => ({
        key: `${key}.txt`,
        text: `data:image/png;base64,${Buffer.from(bytes).toString("base64")}`,
      })),
  },
  {
    name: "short-strings",
    kind: "raw",
    holds: "titles",
    read: () =>
      vegaJson("movies").map((movie, index) => ({ key: `title/${index}`, text: String(movie.Title) })),
  },
  {
    name: "numbers",
    kind: "raw",
    holds: "numbers as strings",
    read: () =>
      earthquakes().flatMap(({ id, properties, geometry }) => [
        { key: `time/${id}`, text: String(properties.time) },
        { key: `longitude/${id}`, text: String(geometry.coordinates[0]) },
      ]),
  },
  {
    name: "uuids",
    kind: "raw",
    holds: "UUIDs",
    read: () => earthquakes().map(({ id }) => ({ key: `session/${id}`, text: uuidOf(id) })),
  },
];
