// What a project shows and sends, told for each carrier in the same words, so that all of them can be compared with the
// stock client.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./next.mjs";
import { carriers } from "./project.mjs";

/** Makes every value 2.7 KB, so that it is compressed. */
const filler = "abcdefgh ".repeat(300);

/** Gives the values of all pages a word. */
export async function fill({ clients }, kinds, word) {
  for (const carrier of carriers) {
    for (const kind of kinds) await clients[carrier].write(`${carrier}:${kind}:value`, { word, filler });
  }
}

/** The lines of `all` that begin with a carrier, without its name; a store has no counters. */
function ofCarrier(carrier, counts) {
  return counts.flatMap(([name, count]) => {
    const [command, key] = name.split(" ");
    return key.startsWith(`${carrier}:`) ? [[`${command} ${key.slice(carrier.length + 1)}`, count]] : [];
  });
}

const withoutCounters = (counts) => counts.filter(([name]) => !name.startsWith("INCR "));

/** Compares what every carrier sent with what the stock client sent: the same commands, as often. */
export function compareCounts(what, counts) {
  const stock = ofCarrier("stock", counts);
  for (const carrier of carriers) {
    const expected = carrier === "store" ? withoutCounters(stock) : stock;
    assert.deepEqual(ofCarrier(carrier, counts), expected, `${what}: commands of ${carrier}`);
  }
  return stock;
}

/**
 * Asks for one page of every carrier; all must show what the stock client's shows, as far as `comparable` leaves of it.
 * @returns {Promise<{ status: number, location: string | undefined, word: string | undefined, counts: [string, number][], shown: string | undefined }>}
 *   the stock client's
 */
export async function compare(rig, what, urlOf, init, comparable = (shown) => shown) {
  await rig.takeCounts();
  const answers = {};
  for (const carrier of carriers) answers[carrier] = await ask(urlOf(carrier), init);
  const describe = ({ status, location, shown }) => ({ status, location, shown: comparable(shown) });
  const stock = describe(answers.stock);
  for (const carrier of carriers) {
    const shown = carrier === "store" ? stock.shown?.replace(/count=\d+/, "count=none") : stock.shown;
    assert.deepEqual(describe(answers[carrier]), { ...stock, shown }, `${what}: ${carrier}`);
  }
  const counts = compareCounts(what, await rig.takeCounts());
  return { ...stock, word: /value=([^<; ]*)/.exec(stock.shown ?? "")?.[1], counts };
}

/** The pages that Next.js has rendered ahead of time, by carrier, as the build left them. */
export async function prerendered({ folder }) {
  const { routes } = JSON.parse(await readFile(join(folder, ".next/prerender-manifest.json"), "utf8"));
  const pages = Object.fromEntries(carriers.map((carrier) => [carrier, []]));
  for (const [route, { initialRevalidateSeconds }] of Object.entries(routes)) {
    const [, carrier, kind] = route.split("/");
    pages[carrier]?.push(`${kind} ${initialRevalidateSeconds}`);
  }
  for (const list of Object.values(pages)) list.sort();
  return pages;
}
