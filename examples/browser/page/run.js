// One measurement: the flights in one coding, shown as they arrive.
import { Flights, readFlights } from "./flights.js";

/**
 * What the response took on the wire, without its headers. The browser knows it shortly after the last byte.
 *
 * @param {string} address
 */
async function wireSize(address) {
  for (let attempt = 0; attempt < 50; attempt++) {
    const size = performance.getEntriesByName(address)[0]?.encodedBodySize;
    if (size) return size;
    await new Promise((resume) => setTimeout(resume, 10));
  }
  return undefined;
}

/**
 * Fetches and shows the flights.
 *
 * @param {{ coding: string, rate: string, fetchFlights: typeof fetch, signal: AbortSignal }} request
 * @param {{ show(flights: Flights): void, draw(): void, drawSoon(): void, onFirst(ms: number): void }} view
 */
export async function run({ coding, rate, fetchFlights, signal }, view) {
  const number = (run.count = (run.count ?? 0) + 1);
  const address = new URL(`./flights?${new URLSearchParams({ coding, rate, run: number })}`, location.href)
    .href;
  performance.clearResourceTimings();
  const flights = new Flights();
  view.show(flights);
  const start = performance.now();
  const response = await fetchFlights(address, { signal });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  let first;
  const digest = await readFlights(response, flights, () => {
    if (first === undefined) {
      view.draw();
      first = performance.now() - start;
      view.onFirst(first);
    } else view.drawSoon();
  });
  view.draw();
  const last = performance.now() - start;
  return { flights, first, last, digest, wire: await wireSize(address) };
}
