// Request in, Response out: the handler that every server of examples/ runs. It keeps a report of each year in Redis, and
// sends what lies there to the browser untouched.
import { serveKey } from "zstash/serve";
import { createStore } from "zstash/store";
import { buildReport } from "./report.js";

/** Headers of every report; the rest (coding, entity tag, length, Vary) follows from the request and the value. */
export const reportHeaders = { "content-type": "application/json", "cache-control": "public, max-age=60" };

const bytes = new Intl.NumberFormat("en-US");

/** "reports:2026: 898,021 B of JSON, 91,033 B in Redis, 90 % saved" */
function describe(key, { size, storedSize }) {
  const saved = Math.round(100 * (1 - storedSize / size));
  return `${key}: ${bytes.format(size)} B of JSON, ${bytes.format(storedSize)} B in Redis, ${saved} % saved`;
}

function text(line, status = 200) {
  return new Response(`${line}\n`, { status, headers: { "content-type": "text/plain; charset=utf-8" } });
}

/**
 * Makes the handler, once for a process or an isolate. It answers
 *
 * - `/reports/2026`: the report, made and stored when it is asked for the first time;
 * - `/reports/2026/hours`: the number of its hours, read back through the store;
 * - `/reports/2026/saved`: what Redis saves by it.
 *
 * @param {{ url: string, token: string, log?: (line: string) => void }} options of the database; `log` takes a line for
 *   each report that was stored
 * @returns {(request: Request) => Promise<Response>}
 */
export function createHandler({ url, token, log = console.log }) {
  const store = createStore({ url, token });

  async function storeReport(key, year) {
    log(describe(key, await store.put(key, buildReport(year), { ttl: 3600 })));
  }

  return async function handle(request) {
    const [, year, part] =
      /\/reports\/(\d{4})(?:\/(hours|saved))?$/.exec(new URL(request.url).pathname) ?? [];
    if (year === undefined)
      return text("Ask for /reports/2026, /reports/2026/hours or /reports/2026/saved", 404);
    const key = `reports:${year}`;
    if (part === undefined) {
      const init = { headers: reportHeaders };
      const response = await serveKey(request, store, key, init);
      if (response.status !== 404) return response;
      await storeReport(key, year);
      return serveKey(request, store, key, init);
    }
    if ((await store.stat(key)) === null) await storeReport(key, year);
    if (part === "saved") return text(describe(key, await store.stat(key)));
    const report = JSON.parse(await store.getText(key));
    return text(`${report.hours.length} hours of ${report.year} read back`);
  };
}
