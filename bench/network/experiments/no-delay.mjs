/** TCP_NODELAY on and off beneath the stock client, zstash, and Node's own modules, over a link with delay. */
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import { Socket } from "node:net";
import { Redis } from "@upstash/redis";
import { Redis as CompressingRedis } from "zstash/redis";
import { jsonOfSize } from "../../json-of-size.mjs";
import { percentile } from "../../interleave.mjs";
import { sizeName } from "../render/text.mjs";
import { valuesOf } from "../values.mjs";

const LINK = { mbit: 100, rtt: 20 };
const PIPELINE = { count: 10, size: 1200 };
/** The article's advice: at most 4 KB in a batch. */
const BATCH = 3;
/** The largest is more than 128 KiB compressed, of which zstash hands over so much at once. */
const SIZES = [1 << 10, 12 << 10, 2 << 20];

/** What the option is set to; `default` leaves it as the program has it. */
export const SETTINGS = /** @type {const} */ (["default", "on", "off"]);
/** @typedef {(typeof SETTINGS)[number]} Setting */

/**
 * Sets the option of every connection by the port that it leads to, whatever the program asks for: zstash, undici and Node's agents
 * all make their connections through Socket.
 *
 * @param {ReadonlyMap<number, Setting>} settings
 */
function forceNoDelay(settings) {
  const { connect, setNoDelay } = Socket.prototype;
  Socket.prototype.setNoDelay = function (enable = true) {
    const setting = settings.get(this.remotePort ?? 0) ?? "default";
    return setNoDelay.call(this, setting === "default" ? enable : setting === "on");
  };
  Socket.prototype.connect = function (/** @type {unknown[]} */ ...words) {
    const set = () => {
      const setting = settings.get(this.remotePort ?? 0) ?? "default";
      if (setting !== "default") setNoDelay.call(this, setting === "on");
    };
    // With TLS a program may set it once the handshake is done.
    this.once("connect", set).once("secureConnect", set);
    return Reflect.apply(connect, this, words);
  };
}

/**
 * A POST by Node's own module, its head and its body in writes of their own, as a stream of unknown length is sent.
 *
 * @param {string} url
 * @param {string} token
 */
function openBare(url, token) {
  const isSecure = url.startsWith("https:");
  const agent = new (isSecure ? https : http).Agent({ keepAlive: true });
  /** @param {string} key @param {string} value */
  return async (key, value) => {
    const request = (isSecure ? https : http).request(`${url}/set/${key}`, {
      agent,
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-length": `${Buffer.byteLength(value)}` },
    });
    request.flushHeaders();
    await new Promise((resolve) => setImmediate(resolve));
    request.end(value);
    const [response] = await once(request, "response");
    if (response.statusCode !== 200) throw new Error(`SET answered ${response.statusCode}`);
    response.resume();
    await once(response, "end");
  };
}

/**
 * What is timed through one connection.
 *
 * @param {string} url
 * @param {string} token
 * @returns {Record<string, Record<string, () => Promise<unknown>>>} by client, by what it does
 */
function worksOf(url, token) {
  const options = { url, token, automaticDeserialization: false, enableAutoPipelining: false };
  const values = valuesOf(PIPELINE.count, PIPELINE.size);
  /** @param {Redis} redis @param {number} count values in a request */
  const pipelines = (redis, count) => async () => {
    for (let start = 0; start < values.length; start += count) {
      const pipeline = redis.pipeline();
      for (const [index, value] of values.slice(start, start + count).entries())
        pipeline.set(`delay:${start + index}`, value);
      await pipeline.exec();
    }
  };
  /** @param {Redis} redis */
  const all = (redis) => ({
    ...Object.fromEntries(
      SIZES.map((size) => {
        const value = jsonOfSize(size);
        return [`SET of ${sizeName(size)}`, () => redis.set(`delay:${size}`, value)];
      }),
    ),
    "pipeline of 12 KB": pipelines(redis, values.length),
    "in batches of 4 KB": pipelines(redis, BATCH),
  });
  const bare = openBare(url, token);
  return {
    "@upstash/redis": all(new Redis(options)),
    "zstash/redis": all(new CompressingRedis(options)),
    "Node's module": Object.fromEntries(
      SIZES.map((size) => {
        const value = jsonOfSize(size);
        return [`SET of ${sizeName(size)}`, () => bare(`delay:${size}`, value)];
      }),
    ),
  };
}

/**
 * The option's two settings and each program's own, over HTTP and HTTPS.
 *
 * @satisfies {import("../experiments.mjs").Experiment}
 */
export const noDelay = {
  name: "no-delay",
  title: "TCP_NODELAY on and off",
  lab: "direct",
  /** @param {import("../experiments.mjs").Context} context */
  async run({ quick, warm, secure, token, setLink, progress }) {
    const ports = { http: warm, https: secure };
    const protocols = /** @type {const} */ (["http", "https"]);
    const settings = new Map(
      protocols.flatMap((protocol) =>
        SETTINGS.map((setting, index) => [Number(new URL(ports[protocol][index]).port), setting]),
      ),
    );
    forceNoDelay(settings);
    await setLink(LINK);
    /** @type {{ protocol: "http" | "https", client: string, what: string, ms: Record<Setting, { min: number, p50: number, p90: number }> }[]} */
    const cells = [];
    const rounds = quick ? 2 : 15;
    for (const protocol of protocols) {
      const works = SETTINGS.map((_, index) => worksOf(ports[protocol][index], token));
      for (const [client, ways] of Object.entries(works[0])) {
        for (const what of Object.keys(ways)) {
          progress(cells.length, 2 * 13, `${protocol}, ${client}, ${what}`);
          const samples = SETTINGS.map(() => /** @type {number[]} */ ([]));
          for (let round = -1; round < rounds; round++) {
            for (let turn = 0; turn < SETTINGS.length; turn++) {
              const index = (turn + round + SETTINGS.length) % SETTINGS.length;
              const start = performance.now();
              await works[index][client][what]();
              // The first one opens the connection.
              if (round >= 0) samples[index].push(performance.now() - start);
            }
          }
          const spread = (/** @type {number[]} */ list) => {
            const round = (/** @type {number} */ ms) => Math.round(ms * 10) / 10;
            return {
              min: round(Math.min(...list)),
              p50: round(percentile(list, 0.5)),
              p90: round(percentile(list, 0.9)),
            };
          };
          const [own, on, off] = samples.map(spread);
          cells.push({ protocol, client, what, ms: { default: own, on, off } });
        }
      }
    }
    return { ...LINK, rounds, cells };
  },
};
