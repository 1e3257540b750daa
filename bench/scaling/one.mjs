// One measurement of scale in a process of its own, so that its memory is its own: prints JSON with what the process took.
//
//   node bench/scaling/one.mjs calls|streams|requests|whole|stream|stored N [ARGUMENTS]     (JSON)

import { calls, requests, streams } from "./at-once.mjs";
import { stored, stream, whole } from "./of-size.mjs";

const works = { calls, streams, requests, whole, stream, stored };
const [kind, number, list = "[]"] = process.argv.slice(2);
const work = /** @type {(...args: unknown[]) => Promise<Record<string, unknown>>} */ (
  works[/** @type {keyof typeof works} */ (kind)]
);
const before = process.resourceUsage();
/** @type {Record<string, unknown>} */
let result;
try {
  result = await work(Number(number), ...JSON.parse(list));
} catch (error) {
  const { code, name } = /** @type {{ code?: string, name: string }} */ (error);
  result = { error: code ?? name };
}
const after = process.resourceUsage();
// Kilobytes of 1,024 bytes, as getrusage counts them.
const rss = (after.maxRSS - before.maxRSS) * 1024;
console.log(JSON.stringify({ ...result, rss }));
process.exit();
