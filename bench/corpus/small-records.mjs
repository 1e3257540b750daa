/**
 * Small records for the benchmark of dictionaries: real data by name, and two generators of what applications keep.
 * Every record is a function of the packages in `sources.mjs` and of a seed.
 */
import { createRandom } from "./random.mjs";
import { readJson } from "./sources.mjs";

/**
 * @typedef {object} RecordSet
 * @property {string} name
 * @property {string} holds What a record is, in a few words.
 * @property {() => string[]} read
 */

/** @typedef {Record<string, unknown>} Item */

const movies = () => /** @type {Item[]} */ (readJson("vega-datasets", "data/movies.json"));
const earthquakes = () =>
  /** @type {{ features: Item[] }} */ (readJson("vega-datasets", "data/earthquakes.json"));

/** Commands, events, types and properties of the DevTools protocol: hundreds of shapes, few of them often. */
function protocolItems() {
  const items = ["browser_protocol", "js_protocol"].flatMap((file) => {
    const { domains } = /** @type {{ domains: Record<string, unknown>[] }} */ (
      readJson("devtools-protocol", `json/${file}.json`)
    );
    return domains.flatMap(({ domain, commands = [], events = [], types = [] }) =>
      [commands, events, types].flatMap((list) =>
        /** @type {Item[]} */ (list).map((item) => JSON.stringify({ domain, ...item })),
      ),
    );
  });
  return shuffled(items, 41);
}

/** @param {string[]} items @param {number} seed */
function shuffled(items, seed) {
  const random = createRandom(seed);
  const list = [...items];
  for (let at = list.length - 1; at > 0; at--) {
    const other = random.below(at + 1);
    [list[at], list[other]] = [list[other], list[at]];
  }
  return list;
}

const firstNames =
  "ada alan barbara cornel dennis edsger frances grace hedy ida john katherine linus margaret niklaus olga per radia sophie tim ulla vint wei yukihiro".split(
    " ",
  );
const lastNames =
  "olsen hansen lovelace turing liskov shannon ritchie dijkstra allen hopper lamarr rhodes backus johnson torvalds hamilton wirth ladyzhenskaya brinch perlman wilson berners voss cerf zhang matsumoto".split(
    " ",
  );
const agents = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
  "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
];
const pages = [
  "/",
  "/pricing",
  "/docs",
  "/docs/getting-started",
  "/account",
  "/account/billing",
  "/cart",
  "/checkout",
];

/** @param {import("./random.mjs").Random} random @param {number} digits */
const hex = (random, digits) => Buffer.from(random.bytes(digits / 2)).toString("hex");

/** @param {import("./random.mjs").Random} random */
const moment = (random) => new Date(1764000000000 + random.below(2 ** 31)).toISOString();

/** @param {number} count Records of sessions: ids, e-mail addresses, IP addresses, times. */
function sessions(count) {
  const random = createRandom(42);
  return Array.from({ length: count }, () => {
    const [first, last] = [random.pick(firstNames), random.pick(lastNames)];
    const id = random.below(100_000);
    return JSON.stringify({
      id: `sess_${hex(random, 32)}`,
      userId: id,
      email: `${first}.${last}${id % 3 === 0 ? "" : id % 1000}@${random.pick(["example.com", "example.org", "mail.example.net"])}`,
      name: `${first[0].toUpperCase()}${first.slice(1)} ${last[0].toUpperCase()}${last.slice(1)}`,
      roles: random.below(4) === 0 ? ["editor", "owner"] : ["viewer"],
      plan: random.pick(["free", "free", "pro", "team"]),
      country: random.pick(["NO", "DE", "FR", "US", "US", "IN", "JP", "BR"]),
      ip: `${random.below(223) + 1}.${random.below(256)}.${random.below(256)}.${random.below(256)}`,
      userAgent: random.pick(agents),
      createdAt: moment(random),
      expiresAt: moment(random),
      lastPage: random.pick(pages),
      csrf: hex(random, 40),
      flags: {
        beta: random.below(10) === 0,
        dark: random.below(3) === 0,
        newCheckout: random.below(2) === 0,
      },
    });
  });
}

const words =
  "time people way day man thing woman life child world school state family student group country problem hand part place case week company system program question work government number night point home water room mother area money story fact month lot right study book eye job word business issue side kind head house service friend father power hour game line end member law car city community name president team minute idea kid body information back parent face others level office door health person art war history party result change morning reason research girl guy moment air teacher force education".split(
    " ",
  );

/** @param {import("./random.mjs").Random} random @param {number} count */
const sentence = (random, count) => Array.from({ length: count }, () => random.pick(words)).join(" ");

/** The kinds of values that a field may have. */
const fields = /** @type {readonly ((random: import("./random.mjs").Random) => unknown)[]} */ ([
  (random) => random.below(1000),
  (random) => random.below(100_000) / 100,
  (random) => random.below(2) === 0,
  (random) => moment(random),
  (random) => hex(random, 16),
  (random) => sentence(random, 2 + random.below(4)),
  (random) => random.pick(["open", "closed", "pending", "failed", "archived"]),
  (random) => Array.from({ length: random.below(4) }, () => random.pick(words)),
  (random) => ({ amount: random.below(10_000), currency: random.pick(["EUR", "USD", "NOK"]) }),
]);

/** @param {number} count Events of 200 shapes; the n-th shape occurs 1/n times as often as the first. */
function manyShapes(count) {
  const random = createRandom(43);
  const shapes = Array.from({ length: 200 }, (_, number) => ({
    event: `${random.pick(words)}.${random.pick(words)}.v${1 + (number % 3)}`,
    members: Array.from({ length: 4 + random.below(12) }, () => ({
      name: `${random.pick(words)}${random.pick(["Id", "At", "Count", "Name", "_state", ""])}`,
      value: random.pick(fields),
    })),
  }));
  const total = shapes.reduce((sum, _, number) => sum + Math.floor(1e6 / (number + 1)), 0);
  return Array.from({ length: count }, () => {
    let left = random.below(total);
    const shape = shapes.find((_, number) => (left -= Math.floor(1e6 / (number + 1))) < 0) ?? shapes[0];
    const members = shape.members.map(({ name, value }) => [name, value(random)]);
    return JSON.stringify({ event: shape.event, ...Object.fromEntries(members) });
  });
}

/** @type {readonly RecordSet[]} */
export const recordSets = [
  {
    name: "movie-records",
    holds: "films, real",
    read: () =>
      shuffled(
        movies().map((record) => JSON.stringify(record)),
        44,
      ),
  },
  {
    name: "earthquakes",
    holds: "GeoJSON features, real",
    read: () =>
      shuffled(
        earthquakes().features.map((record) => JSON.stringify(record)),
        45,
      ),
  },
  { name: "protocol-items", holds: "items of the DevTools protocol, real, rare shapes", read: protocolItems },
  { name: "sessions", holds: "sessions, generated", read: () => sessions(9000) },
  { name: "many-shapes", holds: "events of 200 shapes, generated", read: () => manyShapes(20_000) },
];

/**
 * Records of both generators in turn, of so many bytes together.
 *
 * @param {number} size
 */
export function trainingSet(size) {
  const [one, other] = [sessions(9000), manyShapes(18_000)];
  const records = [];
  for (let index = 0, held = 0; held < size; index++) {
    const record = index % 3 === 0 ? one[(index / 3) % one.length] : other[index % other.length];
    records.push(record);
    held += record.length;
  }
  return records;
}
