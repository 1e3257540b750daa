/** Lines of a service's log as JSON, any number of them: every line has ids, times and numbers of its own. */
import { createRandom } from "./random.mjs";

const LEVELS = ["info", "info", "info", "info", "debug", "debug", "warn", "error"];
const SERVICES = "gateway checkout catalog search accounts billing shipping mailer".split(" ");
const METHODS = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
const STATUSES = [200, 200, 200, 200, 201, 204, 304, 400, 404, 429, 500, 503];
const RESOURCES = "orders users carts products invoices sessions reviews addresses".split(" ");
const MESSAGES = [
  "request completed",
  "request failed, will be repeated",
  "cache miss, asked the database",
  "cache hit",
  "slow query",
  "message published to the queue",
  "circuit breaker is open",
  "token refreshed",
];
const AGENTS = [
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/604.1",
  "okhttp/5.1.0",
  "Go-http-client/2.0",
];

/**
 * `size` bytes of lines of 300 to 450 bytes; the last one is cut. The same seed gives the same bytes.
 *
 * @param {number} size
 * @param {number} seed
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function jsonLogs(size, seed = 17) {
  const random = createRandom(seed);
  const utf8 = new TextEncoder();
  const bytes = new Uint8Array(size);
  const hex = (/** @type {number} */ words) =>
    Array.from({ length: words }, () => random.uint32().toString(16).padStart(8, "0")).join("");
  let time = Date.UTC(2026, 0, 1);
  for (let at = 0; at < size;) {
    time += random.below(40);
    const resource = random.pick(RESOURCES);
    const line = JSON.stringify({
      time: new Date(time).toISOString(),
      level: random.pick(LEVELS),
      service: random.pick(SERVICES),
      host: `web-${random.below(48)}`,
      trace: hex(4),
      span: hex(2),
      method: random.pick(METHODS),
      path: `/api/v2/${resource}/${random.below(1_000_000)}`,
      status: random.pick(STATUSES),
      durationMs: random.logUniform(1, 90_000) / 10,
      bytes: random.logUniform(60, 400_000),
      client: `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`,
      agent: random.pick(AGENTS),
      message: random.pick(MESSAGES),
    });
    at += utf8.encodeInto(`${line}\n`, bytes.subarray(at)).written;
  }
  return bytes;
}
