/** The ways of a value through the sources, each as the files that it enters. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis } from "@upstash/redis";
import { jsonOfSize } from "../json-of-size.mjs";
import { loadTraced, traceOf } from "./trace.mjs";

/**
 * A way: its files in the order in which they are entered, and how many there are. A hop is the entry of a function in
 * another file than the function entered before it.
 *
 * @typedef {{ files: number, hops: number, trace: readonly string[] }} Way
 */

/**
 * Measures the ways, warm: everything is loaded and has run before. What runs inside the client of @upstash/redis and
 * inside the platform is not counted.
 *
 * @returns {Promise<{ backend: string, ways: Record<string, Way> }>}
 */
export async function measureWays() {
  const server = fork(fileURLToPath(new URL("../server.mjs", import.meta.url)));
  try {
    const [{ url, token, backend }] = await once(server, "message");
    const { withCompression, CompressingRedis, createStore } = await loadTraced();
    const options = {
      url,
      token,
      enableTelemetry: false,
      automaticDeserialization: false,
      enableAutoPipelining: false,
    };
    const text = withCompression(new Redis(options));
    const raw = new CompressingRedis(options);
    const store = createStore({ url, token });
    const value = jsonOfSize(8 << 10);
    const page = jsonOfSize(100 << 10);
    await store.put("range", jsonOfSize(8 << 20), { layout: { frameSize: 65_536 } });
    /** @type {Record<string, () => Promise<unknown>>} */
    const works = {
      "text SET": () => text.set("text", value),
      "text GET": () => text.get("text"),
      "raw SET": () => raw.set("raw", value),
      "raw GET": () => raw.get("raw"),
      put: () => store.put("put", page),
      async range() {
        const stream = await store.getRange("range", 1_000_000, 1_001_024);
        await new Response(/** @type {BodyInit | null} */ (stream)).arrayBuffer();
      },
    };
    /** @type {Record<string, Way>} */
    const ways = {};
    for (const [name, work] of Object.entries(works)) {
      const trace = await traceOf(work);
      ways[name] = { files: new Set(trace).size, hops: trace.length, trace };
    }
    return { backend, ways };
  } finally {
    server.disconnect();
  }
}
