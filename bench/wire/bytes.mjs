/** The bytes of a SET and a GET on the connection and in Redis. */
import { once } from "node:events";
import { sides } from "./clients.mjs";

const PAIRS = 20;
/** Pairs before the count: the raw carrier finds out what the server can do. */
const WARMUP = 3;

/**
 * Bytes of a SET and GET pair on the connection, heads and bodies in both directions, and bytes that lie in Redis.
 *
 * @param {import("node:child_process").ChildProcess} server It answers messages with the counts.
 * @param {Awaited<ReturnType<typeof import("./clients.mjs").openClients>>} clients Through the counting proxy.
 * @param {string} text
 * @returns {Promise<Record<import("./clients.mjs").Side, { stored: number, up: number, down: number, wire: number, bodies: number }>>} `wire` is
 * both directions, `bodies` the part of it that is no head.
 */
export async function countBytes(server, clients, text) {
  const result = /** @type {Awaited<ReturnType<typeof countBytes>>} */ ({});
  for (const side of sides) {
    const client = clients[side];
    const key = `wire:${side}`;
    /** @param {number} pairs */
    const run = async (pairs) => {
      for (let pair = 0; pair < pairs; pair++) {
        await client.set(key, text);
        if ((await client.get(key)) !== text) throw new Error(`${side}: another value came back`);
      }
    };
    await run(WARMUP);
    const before = await counts(server);
    await run(PAIRS);
    const after = await counts(server);
    /**
     * @param {keyof Counts} way
     * @param {keyof Counts["up"]} what
     */
    const part = (way, what) => (after[way][what] - before[way][what]) / PAIRS;
    const bodies = part("up", "bodies") + part("down", "bodies");
    const up = part("up", "heads") + part("up", "bodies");
    const down = part("down", "heads") + part("down", "bodies");
    result[side] = { stored: await clients.stock.strlen(key), up, down, wire: up + down, bodies };
  }
  return result;
}

/**
 * What the server counts in each direction.
 *
 * @typedef {Record<"up" | "down", { heads: number, bodies: number }>} Counts
 * @param {import("node:child_process").ChildProcess} server
 * @returns {Promise<Counts>}
 */
async function counts(server) {
  const answer = once(server, "message");
  server.send("count");
  return (await answer)[0];
}
