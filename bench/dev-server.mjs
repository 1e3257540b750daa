// The local server's embedded backend: GETs of 1 KB in pipelines of 100, and one alone, over HTTP on loopback.
//
//   node build.mjs && node bench/dev-server.mjs [--json] [--profile]
//
// The server runs in a process of its own. "of one core" counts its processor time, so that neither the client's work nor
// other processes of the machine change it; "wall" is what the client sees. `--profile` writes a .cpuprofile of the server.
import { fork } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createDevServer } from "zstash/dev";
import { percentile } from "./interleave.mjs";
import { table } from "./table.mjs";

const PIPELINE = 100;
const VALUE_SIZE = 1024;
const ROUNDS = 300;
const WARM_UP = 100;
const FORMATS = {
  "JSON, base64": { "upstash-encoding": "base64" },
  JSON: {},
  RESP2: { "upstash-response-format": "resp2" },
};

if (process.argv.includes("serve")) await serve();
else await measure();

/** Serve until the parent goes, and tell it the processor time whenever it asks. */
async function serve() {
  const server = await createDevServer({ backend: "embedded" });
  const { url } = await server.listen();
  process.on("message", () => process.send?.(process.cpuUsage()));
  process.once("disconnect", () => void server.close().then(() => process.exit(0)));
  process.send?.({ url, token: server.token });
}

async function measure() {
  const { values: flags } = parseArgs({
    options: { json: { type: "boolean" }, profile: { type: "boolean" } },
  });
  const execArgv = flags.profile ? ["--cpu-prof"] : [];
  const child = fork(fileURLToPath(import.meta.url), ["serve"], { execArgv });
  const [{ url, token }] = await once(child, "message");
  const agent = new Agent({ keepAlive: true, maxSockets: 1, noDelay: true });
  /** @type {(path: string, body: string, headers?: Record<string, string>) => Promise<number>} */
  const post = (path, body, headers = {}) =>
    new Promise((resolve, reject) => {
      const options = { method: "POST", agent, headers: { authorization: `Bearer ${token}`, ...headers } };
      const outgoing = request(url + path, options, (incoming) => {
        let size = 0;
        incoming.on("data", (chunk) => (size += chunk.length));
        incoming.once("end", () =>
          incoming.statusCode === 200 ? resolve(size) : reject(new Error(`status ${incoming.statusCode}`)),
        );
      });
      outgoing.once("error", reject);
      outgoing.end(body);
    });
  /** Microseconds of processor time of the server so far. */
  const cpu = async () => {
    child.send("cpu");
    const [{ user, system }] = await once(child, "message");
    return user + system;
  };

  const keys = Array.from({ length: PIPELINE }, (_, index) => `user:${index}:profile`);
  await post("/pipeline", JSON.stringify(keys.map((key) => ["SET", key, "v".repeat(VALUE_SIZE)])));
  const many = JSON.stringify(keys.map((key) => ["GET", key]));
  const one = JSON.stringify(["GET", keys[0]]);
  const results = [];
  for (const [format, headers] of Object.entries(FORMATS)) {
    const pipelines = await run(() => post("/pipeline", many, headers), cpu);
    const singles = await run(() => post("/", one, headers), cpu);
    results.push({
      format,
      perCore: Math.round((PIPELINE * 1e6) / pipelines.cpu),
      perSecond: Math.round((PIPELINE * 1e3) / pipelines.p50),
      singleP50: singles.p50,
      singleCpu: singles.cpu / 1e3,
    });
  }
  agent.destroy();
  child.disconnect();
  if (flags.json) {
    console.log(JSON.stringify(results));
    return;
  }
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; Node ${process.version}`);
  const rows = results.map(({ format, perCore, perSecond, singleP50, singleCpu }) => [
    format,
    perCore.toLocaleString("en"),
    perSecond.toLocaleString("en"),
    singleP50.toFixed(3),
    singleCpu.toFixed(3),
  ]);
  console.log(
    table(["replies", "GETs/s of one core", "GETs/s, wall", "alone, p50 ms", "alone, CPU ms"], rows),
  );
}

/**
 * The median time of a call in ms, and the server's processor time for one in µs.
 *
 * @param {() => Promise<unknown>} call
 * @param {() => Promise<number>} cpu
 */
async function run(call, cpu) {
  for (let round = 0; round < WARM_UP; round++) await call();
  const times = [];
  const before = await cpu();
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    await call();
    times.push(performance.now() - start);
  }
  return { p50: percentile(times, 0.5), cpu: ((await cpu()) - before) / ROUNDS };
}
