/** Values of 10 MB, many at once, uncompressed and compressed: garbage collection, memory and the event loop of the client's process. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "@upstash/redis";
import { jsonOfSize } from "../json-of-size.mjs";
import { withServer } from "./server.mjs";

/**
 * @typedef {import("./memory/client.mjs").Side} Side
 * @typedef {import("./memory/client.mjs").Operation} Operation
 *
 * What a client's process went through; heap and array buffers are what came on top of
 * what it had before, `linear` is all of linear memory and `rss` all of the process.
 *
 * @typedef {Readonly<Record<"seconds" | "cpuSeconds" | "collections" | "major" | "pauseMs" | "longestPauseMs" | "allocated" | "heap" |
 *   "arrayBuffers" | "linear" | "rss" | "delayP99Ms" | "delayMostMs" | "failures", number>>} Figures
 *
 * `failures` are calls that were rejected, and `failed` says why the first one was, or why there are no figures.
 *
 * @typedef {{ side: Side, operation: Operation, count: number, figures?: Figures, failed?: string }} Cell
 */

/** In this order, so that what a side reads is what it wrote. */
const SIDES = /** @type {const} */ (["stock", "off", "zstash", "store"]);
const COUNTS = [10, 100];
/** What the local server takes, so that it does not let clients wait for each other. */
const LIMIT = 512 << 20;
/** A value may lie in the client, in the server and in Redis, as text, as JSON and as what a socket still holds. */
const COPIES = 10;

/** @param {import("./memory/client.mjs").Order} order @returns {Promise<Pick<Cell, "figures" | "failed">>} */
async function runClient(order) {
  const program = fileURLToPath(new URL("memory/client.mjs", import.meta.url));
  const child = fork(program, [JSON.stringify(order)], { execArgv: ["--expose-gc"] });
  /** @type {Pick<Cell, "figures" | "failed"> | undefined} */
  let result;
  child.once("message", (message) => (result = /** @type {{ figures: Figures }} */ (message)));
  const [code, signal] = await once(child, "exit");
  if (result !== undefined) return result;
  return { failed: signal === null ? `ended with code ${code}` : `ended by ${signal}` };
}

/** @param {boolean} quick */
export const measure = (quick) =>
  withServer(async (_, { backend, url, token }) => {
    const folder = mkdtempSync(join(tmpdir(), "zstash-memory-"));
    const file = join(folder, "value");
    const redis = new Redis({ url, token });
    try {
      const text = jsonOfSize(10_000_000);
      writeFileSync(file, text);
      /** @type {Cell[]} */
      const cells = [];
      /** @type {Record<string, number>} */
      const stored = {};
      for (const count of quick ? [2] : COUNTS) {
        for (const side of SIDES) {
          for (const operation of /** @type {const} */ (["SET", "GET"])) {
            const fits = freemem() > count * text.length * COPIES;
            const result = fits
              ? await runClient({ side, operation, count, file, url, token })
              : { failed: "left out, too little memory was free" };
            cells.push({ side, operation, count, ...result });
          }
          stored[side] = await redis.strlen("article:memory:0");
        }
      }
      return { size: Buffer.byteLength(text), stored, cells, versions: { "local server on": backend } };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, LIMIT);
