/** The section of the report on SET and GET. */
import { lineChart } from "./chart.mjs";
import { count, linkName, sizeName, spread, table, times } from "./text.mjs";

const LOSS = " ✗";
/** A client loses where its median is that much above the stock client's and its minimum no better. */
const LOSES_BELOW = 0.97;
const OPERATIONS = /** @type {const} */ (["set", "get"]);
const names = { stock: "stock", text: "text carrier", raw: "raw carrier" };

/**
 * @typedef {Awaited<ReturnType<typeof import("../experiments/clients.mjs").clients.run>>} Measured
 * @typedef {Measured["cells"][number]} Cell
 * @typedef {keyof typeof names} Client
 * @typedef {[title: string, cells: Cell[]]} Group
 */

/** @param {import("../measure.mjs").Spread} stock @param {import("../measure.mjs").Spread} own */
const loses = (stock, own) => stock.p50 / own.p50 < LOSES_BELOW && stock.min <= own.min;

/** @param {readonly Cell[]} cells */
function sidesOf(cells) {
  return /** @type {const} */ (["stock", "text", "raw"]).filter((side) =>
    cells.some(({ sides }) => sides[`${side} get`]),
  );
}

/**
 * @param {Cell} cell
 * @param {readonly Client[]} clients
 */
function rowOf(cell, clients) {
  const numbers = OPERATIONS.flatMap((operation) => {
    const stock = cell.sides[`stock ${operation}`].ms;
    return clients.map((client) => {
      const own = cell.sides[`${client} ${operation}`].ms;
      if (client === "stock") return spread(own);
      return `${spread(own)} **${times(stock.p50 / own.p50)}**${loses(stock, own) ? LOSS : ""}`;
    });
  });
  return [linkName(cell), ...numbers];
}

/**
 * @param {readonly Cell[]} cells
 * @param {readonly Client[]} clients
 */
function timesTable(cells, clients) {
  const head = OPERATIONS.flatMap((operation) =>
    clients.map((client) => `${operation.toUpperCase()} ${names[client]}`),
  );
  return table(
    ["link", ...head],
    cells.map((cell) => rowOf(cell, clients)),
  );
}

/**
 * @param {readonly Group[]} groups
 * @param {readonly Client[]} clients
 */
function wireTable(groups, clients) {
  const rows = groups.flatMap(([title, cells]) => {
    const cell = cells.find(({ mbit, rtt, loss }) => mbit === 100 && rtt === 20 && loss === 0) ?? cells[0];
    return OPERATIONS.flatMap((operation) =>
      clients.map((client) => {
        const { requests, upBytes, downBytes, upPackets, downPackets } = cell.sides[`${client} ${operation}`];
        const wire = [requests, upBytes, downBytes, upPackets, downPackets].map(count);
        return [`${title}, ${operation.toUpperCase()}, ${names[client]}`, ...wire];
      }),
    );
  });
  return table(["what", "requests", "bytes up", "bytes down", "packets up", "packets down"], rows);
}

/**
 * @param {readonly Group[]} groups
 * @param {readonly Client[]} clients
 */
function chart(groups, clients) {
  const rates = [10, 100, 1000];
  const panels = rates.map((mbit) => ({
    title: linkName({ mbit, rtt: 20 }),
    series: Object.fromEntries(
      clients.map((client) => [
        names[client],
        groups.map(
          ([, cells]) =>
            cells.find((cell) => cell.mbit === mbit && cell.rtt === 20 && cell.loss === 0)?.sides[
              `${client} get`
            ].ms.p50,
        ),
      ]),
    ),
  }));
  return lineChart({
    title: "GET of JSON, median",
    xLabel: "size of the value",
    yLabel: "milliseconds (logarithmic)",
    places: groups.map(([title]) => title),
    panels,
  });
}

/**
 * @param {Measured} measured
 * @returns {{ text: string, charts: Record<string, string> }}
 */
export function renderClients({ cells, pipeline, crowd, ratios }) {
  const clients = sidesOf(cells);
  const singles = cells.filter((cell) => cell.kind === undefined);
  const sizes = [...new Set(singles.map(({ size }) => size))];
  const groups = sizes.map(
    (size) => /** @type {Group} */ ([sizeName(size), singles.filter((cell) => cell.size === size)]),
  );
  /** @param {Cell["kind"]} kind */
  const ofKind = (kind) => cells.filter((cell) => cell.kind === kind);
  const comparisons = cells.flatMap(({ sides }) =>
    OPERATIONS.flatMap((operation) =>
      clients
        .slice(1)
        .map((client) => loses(sides[`stock ${operation}`].ms, sides[`${client} ${operation}`].ms)),
    ),
  );
  const lost = comparisons.filter(Boolean).length;
  const parts = [
    `JSON of the corpus with the stock @upstash/redis and with zstash over it. A cell is the median in ms, in brackets from`,
    `the least to the 90th percentile; **bold** is the stock client's median over this one. ${LOSS.trim()} marks where zstash loses: more than`,
    `3 % in the median, and not better in the minimum. That is so in ${lost} of ${comparisons.length} cells. Each client has a connection of its own, open before and`,
    `idle between its turns; a new link begins with new connections. 12 KiB, 100 KiB and 1 MiB have the whole grid,`,
    `1 KiB and 10 MiB some of it. The server's limits are raised to 64 MiB, since 10 MiB of JSON pass the usual 10 MB as a stock`,
    `request.`,
    "",
    `![GET of JSON over three links](network/clients.svg)`,
    ...groups.flatMap(([title, group]) => [
      "",
      `### ${title}`,
      "",
      `Compressed ${times(ratios[group[0].size])}.`,
      "",
      timesTable(group, clients),
    ]),
    "",
    `### Pipelines of ${pipeline.count} values of ${pipeline.size} bytes`,
    "",
    timesTable(ofKind("pipeline"), clients),
    "",
    `${crowd.pipelines} such pipelines, ${crowd.inFlight} at a time: what counts is work for the processors, not the round trip.`,
    "",
    timesTable(ofKind("crowd"), clients),
    "",
    `### On the wire`,
    "",
    `IP bytes and packets of one call, medians at 100 Mbit and 20 ms where there is such a cell.`,
    "",
    wireTable([...groups, ["pipeline", ofKind("pipeline")]], clients),
  ];
  return { text: parts.join("\n"), charts: { clients: chart(groups, clients) } };
}
