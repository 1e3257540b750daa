import { Redis } from "@upstash/redis";
import { withCompression } from "zstash/upstash";
import { connectRaw } from "../rest.mjs";

/** What a request costs on the wire when its value is next to nothing: all that it carries is head. */
export const requestCost = {
  name: "request-cost",
  title: "What a request costs",
  lab: "direct",
  async run({ quick, warm, cold, token, setLink, inTurn, progress }) {
    const connect = (url) => new Redis({ url, token, automaticDeserialization: false });
    const raw = (url) => connectRaw(connect(url), { url, token });
    const redis = {
      "stock, warm": connect(warm[0]),
      "stock, cold": connect(cold),
      "text carrier, warm": withCompression(connect(warm[1])),
      "raw carrier, warm": raw(warm[2]),
      "raw carrier, cold": raw(cold),
    };
    await setLink({ mbit: 100, rtt: 20 });
    const sides = {};
    for (const [name, client] of Object.entries(redis)) {
      if (client === undefined) continue;
      await client.set("tiny", "x");
      sides[`${name} set`] = () => client.set("tiny", "x");
      sides[`${name} get`] = () => client.get("tiny");
    }
    progress(0, 1, "requests of one byte");
    return { sides: await inTurn(sides, quick ? { least: 2, most: 2 } : { least: 9, most: 9 }) };
  },
};
