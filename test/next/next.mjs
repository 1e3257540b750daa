// Runs Next.js in a project: `build` to its end, `start` and `dev` until their work is done.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

const BUILD_MS = 600_000;
const START_MS = 120_000;
const REQUEST_MS = 120_000;

/** Process groups that have not ended: whoever interrupts the tests ends them too. */
const groups = new Set();

function endGroup(pid) {
  groups.delete(pid);
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // The whole group has ended.
  }
}

process.on("exit", () => groups.forEach(endGroup));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** A process of Next.js with a group of its own; its workers end with it. */
function open({ folder }, environment, args) {
  const env = { ...process.env, ...environment, NEXT_TELEMETRY_DISABLED: "1", CI: "1", NO_COLOR: "1" };
  // What the test runner sets must not choose the mode.
  delete env.NODE_ENV;
  const child = spawn(process.execPath, [join(folder, "node_modules/next/dist/bin/next"), ...args], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  groups.add(child.pid);
  let output = "";
  const read = (bytes) => (output += bytes);
  /** What it printed first and last: the first error of many says most. */
  const shown = (size) =>
    output.length <= size ? output : `${output.slice(0, size / 2)}\n…\n${output.slice(-size / 2)}`;
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  const ended = new Promise((resolve) => {
    child.on("exit", (code, signal) => resolve(code ?? signal));
    child.on("error", resolve);
  });
  return {
    ended,
    shown,
    async kill() {
      endGroup(child.pid);
      await ended;
    },
  };
}

/** Builds the project; what that printed, where it is not too long. */
export async function build(project, environment, args = []) {
  const next = open(project, environment, ["build", ...args]);
  const timer = setTimeout(next.kill, BUILD_MS);
  try {
    const code = await next.ended;
    if (code !== 0) throw new Error(`next build ${args.join(" ")} ended with ${code}:\n${next.shown(6000)}`);
    return next.shown(20_000);
  } finally {
    clearTimeout(timer);
    await next.kill();
  }
}

/** Runs `work` with a server, `start` or `dev`; ends the server's whole process group afterwards. */
export async function serve(project, environment, [command, ...args], work) {
  const port = await freePort();
  const next = open(project, environment, [command, ...args, "-p", String(port), "-H", "127.0.0.1"]);
  const url = `http://127.0.0.1:${port}`;
  let ended;
  next.ended.then((code) => (ended = code));
  try {
    const deadline = performance.now() + START_MS;
    for (;;) {
      const up = await fetch(url, { signal: AbortSignal.timeout(REQUEST_MS) }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (up) break;
      if (ended !== undefined || performance.now() > deadline) {
        throw new Error(`next ${command} did not come up (${ended}):\n${next.shown(6000)}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return await work({ url, port, printed: () => next.shown(20_000) }).catch((error) => {
      error.stack += `\nnext ${command} printed:\n${next.shown(4000)}`;
      throw error;
    });
  } finally {
    await next.kill();
  }
}

/** Asks for a page: its status, where it leads, and what it shows (without React's comments between texts). */
export async function ask(url, init = {}) {
  const response = await fetch(url, {
    redirect: "manual",
    signal: AbortSignal.timeout(REQUEST_MS),
    // A server of Next.js closes a connection that idles for 5 s, and on a busy machine a request that goes out then fails.
    headers: { connection: "close" },
    ...init,
  }).catch((error) => {
    throw new Error(`${new URL(url).pathname} was not answered: ${error.cause ?? error}`, { cause: error });
  });
  const text = (await response.text()).replaceAll("<!-- -->", "");
  const location = response.headers.get("location");
  return {
    status: response.status,
    location: location === null ? undefined : new URL(location, url).pathname + new URL(location, url).search,
    shown: /value=[^<;]*;( visits=\d+;)?/.exec(text)?.[0] ?? (response.ok ? text.slice(0, 200) : undefined),
    text,
  };
}
