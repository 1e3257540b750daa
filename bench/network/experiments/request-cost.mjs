/** What the heads of a request cost on the wire. */
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { withCompression } from "zstash/upstash";

/**
 * What a request costs on the wire when its value is next to nothing: all that it carries is head.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const requestCost = {
  name: "request-cost",
  title: "What a request costs",
  lab: "direct",
  async run({ quick, warm, cold, token, setLink, inTurn, progress }) {
    /** @param {string} url */
    const connect = (url) => new Redis({ url, token, automaticDeserialization: false });
    /** @param {string} url */
    const raw = (url) => new CompressingRedis({ url, token, automaticDeserialization: false });
    const redis = {
      "stock, warm": connect(warm[0]),
      "stock, cold": connect(cold),
      "text carrier, warm": withCompression(connect(warm[1])),
      "raw carrier, warm": raw(warm[2]),
      "raw carrier, cold": raw(cold),
    };
    await setLink({ mbit: 100, rtt: 20 });
    /** @type {Record<string, () => Promise<unknown>>} */
    const sides = {};
    for (const [name, client] of Object.entries(redis)) {
      await client.set("tiny", "x");
      sides[`${name} set`] = () => client.set("tiny", "x");
      sides[`${name} get`] = () => client.get("tiny");
    }
    progress(0, 1, "requests of one byte");
    return { sides: await inTurn(sides, quick ? { least: 2, most: 2 } : { least: 9, most: 9 }) };
  },
};
