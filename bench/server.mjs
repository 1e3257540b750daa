// The local server in a process of its own, so that its work is not counted as the clients'. It says where it is, and
// ends when the demo does. It stands in front of a redis-server of its own where there is one on the PATH: the demo looks at
// what lies in it with redis-cli, so it has to know port and password.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createDevServer } from "zstash/dev";
import { freePort } from "./free-port.mjs";

const password = crypto.randomUUID();

/** Starts a redis-server in memory alone; undefined where there is none. */
async function startRedis() {
  const port = await freePort();
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn("redis-server", [...settings, "--requirepass", password], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  try {
    await once(child, "spawn");
  } catch {
    return undefined;
  }
  let log = "";
  await new Promise((resolve) => {
    child.stdout.on("data", (text) => {
      log += text;
      if (log.includes("Ready to accept connections")) resolve(undefined);
    });
    child.once("exit", resolve);
  });
  process.once("exit", () => child.kill());
  return child.exitCode === null ? { port, child } : undefined;
}

const redis = await startRedis();
const server = await createDevServer(
  redis === undefined ? {} : { redis: `redis://:${password}@127.0.0.1:${redis.port}` },
);
const { url } = await server.listen();
process.once("disconnect", () => void server.close().then(() => process.exit(0)));
const backend =
  redis === undefined
    ? server.backend.description
    : `redis-server started on 127.0.0.1:${redis.port}, in memory`;
process.send?.({ url, token: server.token, backend, password });
