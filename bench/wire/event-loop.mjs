/** How long large values hold the event loop, with zstash and without. */
import { Redis } from "zstash/redis";
import { percentile } from "../interleave.mjs";
import { dataSets } from "../corpus.mjs";

const RUNS = 15;
const memoryServer = { url: "http://memory.invalid", token: "none" };

/**
 * What large values do to the event loop: with the wrapper's pauses, without (the codec at once), and in the stock
 * client, whose JSON and base64 are done at once whatever zstash does.
 *
 * @param {import("zstash").Zstd} zstd
 * @param {ReturnType<typeof import("./clients.mjs").openClients>} clients
 * @param {number} size
 * @returns {Promise<{ name: string, set: Delay, get: Delay }[]>}
 */
export async function measureDelays(zstd, clients, size) {
  const text = jsonDocument(size);
  const value = JSON.parse(text);
  const frame = zstd.compress(text);
  const alone = inMemory();
  /** @type {[name: string, set: () => unknown, get: () => unknown][]} */
  const cases = [
    ["zstash with pauses (no server)", () => alone.set("k", text), () => alone.get("k")],
    ["zstash at once (codec alone)", () => zstd.compress(text), () => zstd.decompressText(frame)],
    ["client with raw carrier", () => clients.raw.set("e:raw", text), () => clients.raw.get("e:raw")],
    ["client alone, text", () => clients.stock.set("e:stock", text), () => clients.stock.get("e:stock")],
    ["JSON of the value itself", () => JSON.stringify(value), () => JSON.parse(text)],
  ];
  const rows = [];
  for (const [name, set, get] of cases) {
    rows.push({ name, set: await delayOf(set), get: await delayOf(get) });
  }
  return rows;
}

/**
 * Documents of the corpus in turn, as one JSON text of `size` characters or a little more.
 *
 * @param {number} size
 */
function jsonDocument(size) {
  const texts = dataSets
    .filter(({ kind, name }) => kind === "json" && name !== "large-documents")
    .map(({ values }) => values.flatMap(({ text }) => (text === undefined ? [] : [text])));
  const parts = [];
  for (let index = 0, length = 1; length < size; index++) {
    const list = texts[index % texts.length];
    const text = list[Math.floor(index / texts.length) % list.length];
    parts.push(text);
    length += text.length + 1;
  }
  return `[${parts.join(",")}]`;
}

/** A client with the raw carrier whose server is a variable: no socket, nothing but zstash and the client itself. */
function inMemory() {
  /** @type {Uint8Array} */
  let stored = new Uint8Array(0);
  /** @param {(string | Uint8Array)[]} parts */
  const reply = (...parts) => new Response(Buffer.concat(parts.map((part) => Buffer.from(part))));
  /** @type {import("zstash/upstash").Fetch} */
  const fetch = async (url, { body }) => {
    if (!url.includes("/set/")) return reply(`$${stored.length}\r\n`, stored, "\r\n");
    stored = /** @type {Uint8Array} */ (body);
    return reply("+OK\r\n");
  };
  return new Redis({ ...memoryServer, automaticDeserialization: false, fetch });
}

/**
 * Milliseconds that events wait while `work` runs. `largest` is the longest wait of a run, median of the runs; `p99`
 * is what 99 % of events that come at random moments of the runs do not wait longer than; `time` the median duration.
 *
 * @typedef {{ largest: number, p99: number, time: number }} Delay
 * @param {() => unknown} work
 * @returns {Promise<Delay>}
 */
async function delayOf(work) {
  await work();
  const largest = [];
  const times = [];
  const gaps = [];
  for (let run = 0; run < RUNS; run++) {
    const ticker = startTicker();
    await nextTurn();
    ticker.take();
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
    await nextTurn();
    const taken = ticker.take();
    ticker.stop();
    largest.push(maximum(taken));
    for (const gap of taken) gaps.push(gap);
  }
  return { largest: percentile(largest, 0.5), p99: waitOf(gaps, 0.99), time: percentile(times, 0.5) };
}

const nextTurn = () => new Promise((resume) => setImmediate(resume));

/** Takes the time between any two turns of the event loop. */
function startTicker() {
  /** @type {number[]} */
  let gaps = [];
  let running = true;
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    gaps.push(now - last);
    last = now;
    if (running) setImmediate(tick);
  };
  setImmediate(tick);
  return {
    take() {
      const taken = gaps;
      gaps = [];
      return taken;
    },
    stop: () => (running = false),
  };
}

/**
 * Of lists too long to be arguments.
 *
 * @param {readonly number[]} list
 */
const maximum = (list) => list.reduce((most, one) => Math.max(most, one), 0);

/**
 * The wait below which the share lies of events that come at random moments: within a gap, each wait is equally likely.
 *
 * @param {readonly number[]} gaps
 * @param {number} share
 */
function waitOf(gaps, share) {
  const total = gaps.reduce((sum, gap) => sum + gap, 0);
  let low = 0;
  let high = maximum(gaps);
  for (let step = 0; step < 40; step++) {
    const middle = (low + high) / 2;
    const longer = gaps.reduce((sum, gap) => sum + Math.max(0, gap - middle), 0);
    if (longer / total > 1 - share) low = middle;
    else high = middle;
  }
  return high;
}
