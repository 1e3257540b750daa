// A Worker with many requests at once on clients that all of them share, in workerd itself: reads and writes beside each
// other, requests that go on without their read, writes that nobody awaits, and clients that leave in the middle of a
// body. Afterwards every call must be right and quick, and every context to be had. `--only TEXT` takes some of the
// configurations, ZSTASH_LONG=1 runs 3,000 clients that leave instead of 300 and prints the memory of the process.
import { fork, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createDictionaryManager } from "../../dist/life-cycle/index.js";
import { bundleSuite, createFixture, root } from "./fixture.mjs";
import { compiledWasm } from "./drivers/workerd.mjs";
import { reportParts } from "./parts.mjs";

const { values: flags } = parseArgs({ options: { only: { type: "string", default: "" } } });
const long = process.env.ZSTASH_LONG === "1";
const LEAVING = long ? 3000 : 300;
const SERVED = 1000;
/** No call of a healthy isolate takes so long here, however busy the machine is; a stuck one takes for ever. */
const CALL_MS = 5000;
const BYTES_130K = 3450;
const BYTES_4K = 100;

const dates = ["2024-09-01", "2025-06-01", "2026-07-30"];
const configurations = dates.flatMap((date) =>
  [[], ["nodejs_compat"]].map((compat) => ({ date, compat, name: [date, ...compat].join(" + ") })),
);

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** workerd with the Worker, on a port of its own. */
async function startWorkerd(folder, { date, compat }, server) {
  const port = await freePort();
  const text = (value) => JSON.stringify(value);
  const config = join(folder, "worker", `config-${port}.capnp`);
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [ (name = "main", worker = .worker), (name = "internet", network = (allow = ["public", "private"])) ],
  sockets = [ (name = "http", address = "127.0.0.1:${port}", http = (), service = "main") ] );
const worker :Workerd.Worker = (
  modules = [ (name = "worker.mjs", esModule = embed "worker.mjs"),
    (name = "zstash.wasm", wasm = embed "zstash.wasm"), (name = "zstash-decoder.wasm", wasm = embed "zstash-decoder.wasm") ],
  compatibilityDate = ${text(date)}, compatibilityFlags = [${compat.map(text).join(", ")}],
  bindings = [ (name = "URL", text = ${text(server.url)}), (name = "TOKEN", text = ${text(server.token)}) ] );
`,
  );
  const binary = join(root, "test/runtimes/node_modules/@cloudflare/workerd-linux-64/bin/workerd");
  const child = spawn(binary, ["serve", config], { stdio: ["ignore", "ignore", "pipe"] });
  const lines = [];
  child.stderr.on("data", (chunk) => lines.push(String(chunk)));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    const up = await fetch(`${url}/alive`).then(
      (response) => response.ok,
      () => false,
    );
    if (up) break;
    if (tries === 100) throw new Error(`workerd did not start: ${lines.join("")}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    port,
    async stop() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
    /** Resident memory in MB. */
    async memory() {
      const status = await readFile(`/proc/${child.pid}/status`, "utf8");
      return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024);
    },
  };
}

function callerOf(url) {
  let slowest = 0;
  const call = async (path, expected) => {
    const start = performance.now();
    const response = await fetch(`${url}/${path}`, { signal: AbortSignal.timeout(20_000) }).catch((error) => {
      throw new Error(`${path}: ${error.name} after ${Math.round(performance.now() - start)} ms`);
    });
    const text = await response.text();
    slowest = Math.max(slowest, performance.now() - start);
    if (!response.ok || (expected !== undefined && text !== expected)) {
      throw new Error(`${path}: ${response.status} ${text.slice(0, 200)}`);
    }
    return text;
  };
  const takeSlowest = () => {
    const taken = slowest;
    slowest = 0;
    return taken;
  };
  return { call, takeSlowest };
}

/** Reads the first bytes of a body and leaves. */
async function leave(port, path, headers = "") {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(`GET /${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`);
  let size = 0;
  for await (const chunk of socket) {
    size += chunk.length;
    if (size > 10_000) break;
  }
  socket.destroy();
  if (size <= 10_000) throw new Error(`${path}: ${size} bytes, then nothing`);
}

const times = (count, work) => Promise.all(Array.from({ length: count }, (_, index) => work(index)));

/** Small values with a dictionary in Redis: first writes that are left alone, many at once, and readers of them. */
async function judgeDictionaries(call) {
  await times(8, (index) => call(`forsake?key=d0&count=${index}`, "answered"));
  await times(64, (index) => call(`save?carrier=own&key=d${index}&count=${index}`));
  await times(64, (index) => call(`load?carrier=own&key=d${index}&count=${index}`, "true"));
  // A busy machine may be too slow for the first writes' 50 ms; not for all of them.
  let id = "0";
  for (let tries = 0; id !== `${dictionaryId}` && tries < 100; tries++)
    id = await call(`save?carrier=own&key=d1&count=${tries}`);
  if (id !== `${dictionaryId}`) throw new Error(`100 writes had no dictionary, the last ${id}`);
  await times(64, (index) => call(`save?carrier=${index % 2 ? "auto" : "own"}&key=e${index}&count=${index}`));
  await times(64, (index) =>
    call(`load?carrier=${index % 2 ? "own" : "auto"}&key=e${index}&count=${index}`, "true"),
  );
}

async function judge({ url, port, memory }) {
  const { call, takeSlowest } = callerOf(url);
  const carriers = ["text", "raw"];
  await judgeDictionaries(call);
  if (takeSlowest() > CALL_MS) throw new Error("a call with dictionaries was slow");
  for (const carrier of carriers) {
    await call(`set?carrier=${carrier}&key=m-${carrier}&count=${BYTES_130K}`, "set");
    await call(`set?carrier=${carrier}&key=s-${carrier}&count=${BYTES_4K}`, "set");
  }
  await call(`put?key=stored&count=${BYTES_130K}`, "put");
  await call(`fill?key=large&count=40`, "filled");

  const afterwards = async (what) => {
    takeSlowest();
    await times(100, (index) => {
      const carrier = carriers[index % 2];
      const [size, count] = index % 3 === 0 ? ["s", BYTES_4K] : ["m", BYTES_130K];
      if (index % 10 === 9) return call("bytes?key=stored");
      if (index % 10 === 8) return call(`set?carrier=${carrier}&key=n${index}&count=${BYTES_130K}`, "set");
      return call(`get?carrier=${carrier}&key=${size}-${carrier}`, `${count}`);
    });
    const slowest = takeSlowest();
    if (slowest > CALL_MS) throw new Error(`after ${what} a call took ${Math.round(slowest)} ms`);
    const start = performance.now();
    await call("streams?count=20", Array(20).fill(1000).join());
    const taken = performance.now() - start;
    if (taken > 2000)
      throw new Error(`after ${what} 20 contexts were to be had after ${Math.round(taken)} ms`);
  };

  for (const carrier of carriers) {
    await times(64, () => call(`get?carrier=${carrier}&key=m-${carrier}`, `${BYTES_130K}`));
    await call(`get?carrier=${carrier}&key=m-${carrier}&count=64`, Array(64).fill(BYTES_130K).join());
    await times(64, () => call(`get?carrier=${carrier}&key=s-${carrier}`, `${BYTES_4K}`));
    await times(16, (index) => call(`set?carrier=${carrier}&key=l${index}&count=15000`, "set"));
  }
  await times(64, () => call("bytes?key=stored"));
  await afterwards("many calls at once");

  for (const ms of [1, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80]) {
    for (const carrier of carriers) await call(`race?carrier=${carrier}&key=m-${carrier}&count=60&ms=${ms}`);
  }
  await afterwards("reads that nobody waited for");

  for (let index = 0; index < 10; index++) {
    for (const carrier of carriers)
      await call(`forgot?carrier=${carrier}&key=f&count=${index % 2 ? 60_000 : 4000}`, "answered");
  }
  await afterwards("writes that nobody awaited");

  const used = [await memory()];
  for (let left = 0; left < LEAVING; left += 50) {
    await times(50, () => leave(port, "download?key=large"));
    if ((left + 50) % 1000 === 0) used.push(await memory());
  }
  await afterwards(`${LEAVING} clients that left`);
  used.push(await memory());
  return `memory ${used.join(", ")} MB; ${await call("stats")}`;
}

/** Clients of `serveKey` that leave in the middle of a body, of a frame that is passed on and of one that is decoded. */
async function judgeServing({ url, port, memory }) {
  const { call, takeSlowest } = callerOf(url);
  await call("fill?key=large&count=40", "filled");
  const size = Number(await call("bytes?key=large"));
  const zstd = { "accept-encoding": "zstd" };
  await times(20, async () => {
    const response = await fetch(`${url}/serve?key=large`, { headers: zstd });
    if (response.headers.get("content-encoding") !== "zstd") throw new Error("the frame was not passed on");
    await response.body.cancel();
  });
  if ((await call("loads")) !== "0") throw new Error("a frame that is passed on asked for a codec");
  await call("serve?key=large");
  if ((await call("loads")) === "0") throw new Error("decoding asked for no codec: nothing is counted");
  const start = Number(await call("read"));
  for (let left = 0; left < SERVED; left += 50)
    await times(50, (index) =>
      leave(port, "serve?key=large", `Accept-Encoding: ${index % 2 ? "zstd" : "identity"}\r\n`),
    );
  let bytes = 0;
  for (let last = -1; bytes !== last;) {
    last = bytes;
    await new Promise((resolve) => setTimeout(resolve, 300));
    bytes = Number(await call("read")) - start;
  }
  // Of what nobody waits for, no more is read than what is on its way: buffers of sockets hold up to half of it.
  const share = bytes / (SERVED * size);
  if (share > 0.5)
    throw new Error(`${Math.round(share * 100)} % of all bytes were read for clients that had left`);
  takeSlowest();
  for (let index = 0; index < 5; index++) {
    const text = await call("serve?key=large");
    if (text.length !== size) throw new Error(`${text.length} bytes, not ${size}`);
  }
  await call("streams?count=20", Array(20).fill(1000).join());
  const slowest = takeSlowest();
  if (slowest > CALL_MS)
    throw new Error(`after ${SERVED} clients that left a call took ${Math.round(slowest)} ms`);
  return `read ${Math.round(share * 100)} %, memory ${await memory()} MB; ${await call("stats")}`;
}

/** The id of the dictionary that every key is written with. */
let dictionaryId = 0;
const fixture = await createFixture("suite.ts");
const server = fork(fileURLToPath(new URL("../../bench/server.mjs", import.meta.url)));
try {
  const [address] = await once(server, "message");
  const folder = join(fixture.folder, "worker");
  await bundleSuite(join(folder, "worker.mjs"), {
    entryPoints: [join(root, "test/runtimes/under-load/worker.js")],
    nodePaths: [join(fixture.folder, "node_modules")],
    conditions: ["workerd", "worker", "browser"],
    external: ["node:*"],
    plugins: [compiledWasm()],
  });
  for (const name of ["zstash.wasm", "zstash-decoder.wasm"])
    await copyFile(join(root, "dist", name), join(folder, name));
  const manager = createDictionaryManager({ url: address.url, token: address.token });
  const dictionary = await readFile(join(root, "test/vectors/dictionaries/sessions-1001.dict"));
  dictionaryId = (await manager.publish(dictionary, { pattern: "*", share: 1 })).id;
  const notes = [];
  await reportParts(
    `a Worker under load, ${LEAVING} clients that leave`,
    configurations
      .map((configuration) => ({ ...configuration, judge }))
      .concat([{ ...configurations.at(-1), name: `${SERVED} clients that leave serve`, judge: judgeServing }])
      .filter(({ name }) => name.includes(flags.only))
      .map((configuration) => ({
        name: configuration.name,
        async run() {
          const workerd = await startWorkerd(fixture.folder, configuration, address);
          try {
            notes.push(`${configuration.name.padEnd(28)} ${await configuration.judge(workerd)}`);
          } finally {
            await workerd.stop();
          }
        },
      })),
  );
  for (const note of notes) console.log(`          ${note}`);
} finally {
  server.disconnect();
  await fixture.remove();
}
process.exit();
