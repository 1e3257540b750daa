/** The section of docs/article.md about TCP_NODELAY. */
import { figure, markdownTable } from "../tables.mjs";
import { listed } from "../words.mjs";

/**
 * @typedef {import("../../article/sections.mjs").Article["no-delay"]} Part
 * @typedef {Part["cells"][number]} Cell
 */

/** How much longer it has to take, in the median and at least, to be told: half of the time again, on a machine that others use too. */
const CLEAR = 1.5;

/** @param {{ min: number, p50: number }} slow @param {{ min: number, p50: number }} fast */
const isSlower = (slow, fast) => slow.p50 > CLEAR * fast.p50 && slow.min > CLEAR * fast.min;

/** @typedef {{ min: number, p50: number, p90: number }} Spread */

/** Whether all but a tenth of the one lie above all but a tenth of the other. @param {Spread} slow @param {Spread} fast */
const isApart = (slow, fast) => slow.min > fast.p90;

/** @param {Part} part */
export function section({ mbit, rtt, rounds, cells }) {
  const rows = cells
    .filter(({ protocol }) => protocol === "http")
    .map(({ client, what }) => {
      const both = ["http", "https"].map((protocol) =>
        cells.find((cell) => cell.protocol === protocol && cell.client === client && cell.what === what),
      );
      return [
        `${client}: ${what}`,
        ...both.flatMap((cell) => {
          if (cell === undefined) return ["", "", ""];
          const { default: own, on, off } = cell.ms;
          return [own, on, off].map((spread) => {
            const text = isSlower(spread, on) ? `**${figure(spread.p50)}**` : figure(spread.p50);
            return `${text} (${figure(spread.min)}–${figure(spread.p90)})`;
          });
        }),
      ];
    });
  const name = (/** @type {Cell} */ { protocol, client, what }) =>
    `${what} by ${client} over ${protocol.toUpperCase()}`;
  const lost = cells.filter(({ ms }) => isSlower(ms.off, ms.on));
  const ofClients = lost.filter(({ client }) => client.includes("/redis"));
  const ofNode = lost.filter(({ client }) => !client.includes("/redis"));
  const defaults = cells.filter(({ ms }) => isSlower(ms.default, ms.on));
  const others = cells.filter((cell) => !lost.includes(cell));
  /** Cells with the option off beside on, as far as the spread tells them apart. */
  const later = others.filter(({ ms }) => isApart(ms.off, ms.on));
  const sooner = others.filter(({ ms }) => isApart(ms.on, ms.off));
  const within = others.length - later.length - sooner.length;
  const longer = others.filter(({ ms }) => ms.off.p50 > ms.on.p50).length;
  const spreadText =
    others.length === 0
      ? ""
      : ` In the other ${others.length} cells the median is longer with the option off in ${longer}; in ${within} of them the ranges from the least to the 90th percentile overlap, which tells nothing of either${
          later.length === 0 ? "" : `, and off is later beyond the spread in ${listed(later.map(name))}`
        }${sooner.length === 0 ? "" : `, and sooner in ${listed(sooner.map(name))}`}.`;
  const clients =
    ofClients.length === 0
      ? "Neither client is clearly slower with the option off: both hand the head of a request to the system together with its body, or the beginning of it, so that nothing small waits for an acknowledgement."
      : `Off it costs the clients time here: ${listed(ofClients.map(name))}.`;
  const node =
    ofNode.length === 0
      ? "Nor is a request of Node's own module whose head goes out before its body, in this run."
      : `It counts where a request leaves in two writes, for the second waits until the first is acknowledged: ${listed(ofNode.map(name))}.`;
  const own =
    defaults.length === 0
      ? "What each program sets by itself is not clearly slower than the option on, in this version of Node."
      : `What a program sets by itself is slower than the option on here: ${listed(defaults.map(name))}.`;
  const batch = (/** @type {string} */ client) => {
    const find = (/** @type {string} */ what) =>
      cells.find((cell) => cell.protocol === "http" && cell.client === client && cell.what.includes(what));
    const [one, many] = [find("pipeline"), find("batches")];
    return one === undefined || many === undefined
      ? []
      : [`${figure(many.ms.on.min / one.ms.on.min)} times (${client})`];
  };
  const batches = [...batch("@upstash/redis"), ...batch("zstash/redis")];
  return `## TCP_NODELAY on and off

**It advises** TCP_NODELAY together with batches of at most 4 KB. It gives no figures.

Milliseconds, medians of ${rounds} rounds in turn over ${mbit} Mbit and ${rtt} ms; in brackets from the least to the 90th percentile. In bold is what takes clearly longer than with the option on: half
as long again, in the median and at the least. "Default" is what the program itself sets; Node's module sends the head before the body.

${markdownTable(["", "HTTP: default", "on", "off", "HTTPS: default", "on", "off"], rows)}

**Why they differ.** ${clients} ${node}${spreadText}

${own} zstash sets it on both kinds of sockets itself, because bodies above 128 KiB and those of streams are several writes, and Node 20's
\`https.Agent\` leaves it off ([decisions.md](decisions.md)).${
    batches.length > 0
      ? ` Batches of 4 KB one after the other take ${listed(batches)} as long as one pipeline, by the least times with the option on: each waits a round trip.`
      : ""
  }`;
}
