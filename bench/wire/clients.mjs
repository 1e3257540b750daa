/** The clients that are compared: @upstash/redis alone, and with zstash over each carrier. */
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { withCompression } from "zstash/upstash";

/** @typedef {"stock" | "text" | "raw"} Side */

/** The client alone, and with zstash: text carrier and raw carrier. */
export const sides = /** @type {const} */ (["stock", "text", "raw"]);

/**
 * A client of each side. Values are texts, which the client must not parse: what it does with objects is the same on
 * all sides and would hide what differs.
 *
 * @param {{ url: string, token: string }} server
 * @param {boolean} pipelining The client's own default is true.
 * @returns {Record<Side, Redis>}
 */
export function openClients({ url, token }, pipelining = true) {
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: pipelining };
  const connect = () => new Redis(options);
  return {
    stock: connect(),
    text: withCompression(connect()),
    raw: new CompressingRedis(options),
  };
}
