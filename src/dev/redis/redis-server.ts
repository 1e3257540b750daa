/** Starts a `redis-server` as the backend, and makes sure that it ends with this process. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { ZstashError } from "../../errors.ts";
import type { Backend } from "../backend.ts";
import { openRedis } from "./index.ts";

const PROGRAM = "redis-server";
const HOST = "127.0.0.1";
/** Ports that are tried: another process may take a free port before the server does. */
const ATTEMPTS = 5;
/** The time that starting may take, in ms. */
const START_TIMEOUT_MS = 10_000;
/** Nothing is on disk, so killing a server whose script does not end loses nothing. */
const STOP_TIMEOUT_MS = 1_000;
/** The milliseconds after which Redis answers BUSY while a script runs, and can kill it. Redis' default is 5 s. */
const BUSY_AFTER_MS = 1_000;

/** A running redis-server, and the process that ends it if this one cannot. */
interface Running {
  readonly child: ChildProcess;
  readonly watchdog: ChildProcess;
}

/**
 * Starts the `redis-server` on the PATH, on a free port of 127.0.0.1, in memory only, with a random password. It ends
 * with close(), and with this process however that ends. Resolves to undefined if there is no such program; rejects
 * with ZstashError REDIS if it does not start.
 */
export async function startRedisServer(): Promise<Backend | undefined> {
  let output = "";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const port = await freePort();
    const password = crypto.randomUUID();
    const running = await start(port, password);
    if (running === undefined) return undefined;
    const ready = await waitUntilReady(running.child);
    if (ready.ok) return toBackend(running, port, password);
    await stop(running);
    output = ready.output;
  }
  throw new ZstashError(
    "REDIS",
    `Cannot start ${PROGRAM}: it ended before it was ready, got ${lastLine(output)}`,
  );
}

async function toBackend(running: Running, port: number, password: string): Promise<Backend> {
  const { child } = running;
  /** A server that has ended is not started again: its data would be lost silently. */
  const explain = (error: unknown): never => {
    if (child.exitCode === null && child.signalCode === null) throw error;
    throw new ZstashError(
      "REDIS",
      `The ${PROGRAM} that was started has ended (${child.signalCode ?? `exit code ${child.exitCode}`}), and its data with it: start anew`,
      { cause: error },
    );
  };
  try {
    const backend = await openRedis(
      { host: HOST, port, username: "", password, database: 0 },
      {
        kind: "redis-server",
        description: `${PROGRAM} started on ${HOST}:${port}, in memory`,
        userPassword: crypto.randomUUID(),
      },
    );
    return {
      ...backend,
      execute: (command) => backend.execute(command).catch(explain),
      pipeline: (commands, caller) => backend.pipeline(commands, caller).catch(explain),
      transaction: (commands, caller) => backend.transaction(commands, caller).catch(explain),
      feed: (command) => backend.feed(command).catch(explain),
      async close() {
        try {
          await backend.close();
        } finally {
          await stop(running);
        }
      },
    };
  } catch (error) {
    await stop(running);
    throw error;
  }
}

/** Starts the process. Resolves when it runs; to undefined if there is no such program. */
function start(port: number, password: string): Promise<Running | undefined> {
  // On standard input, because everybody can see the command line of a process.
  const configuration = [
    `port ${port}`,
    `bind ${HOST}`,
    `requirepass ${password}`,
    `lua-time-limit ${BUSY_AFTER_MS}`,
    'save ""',
    "appendonly no",
    "daemonize no",
    `dir ${JSON.stringify(tmpdir())}`,
  ];
  // In a process group of its own: Ctrl-C in the terminal must reach only this process, which ends the other one
  // after its last request.
  const child = spawn(PROGRAM, ["-"], { stdio: ["pipe", "pipe", "ignore"], detached: true });
  child.stdin.on("error", () => undefined).end(`${configuration.join("\n")}\n`);
  return new Promise((resolve, reject) => {
    child.once("spawn", () => resolve({ child, watchdog: startWatchdog(child) }));
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve(undefined);
      else
        reject(
          new ZstashError("REDIS", `Cannot start ${PROGRAM}: ${error.code ?? error.name}`, { cause: error }),
        );
    });
  });
}

/**
 * Waits until the process writes that it accepts connections. A connection would prove nothing, because another
 * process may have taken the port. The output is read to its end, because the process would block on a full pipe.
 */
function waitUntilReady(child: ChildProcess): Promise<{ readonly ok: boolean; readonly output: string }> {
  let output = "";
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ ok: false, output }), START_TIMEOUT_MS);
    const settle = (ok: boolean): void => {
      clearTimeout(timer);
      resolve({ ok, output });
      output = "";
    };
    child.once("exit", () => settle(false));
    let settled = false;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (settled) return;
      output += text;
      settled = output.includes("Ready to accept connections");
      if (settled) settle(true);
    });
  });
}

/**
 * Starts a shell that ends the process when its standard input closes. The system closes it whenever this process
 * ends, even by SIGKILL.
 */
function startWatchdog(child: ChildProcess): ChildProcess {
  const script = 'read -r line; kill -9 "$0" 2>/dev/null';
  const watchdog = spawn("sh", ["-c", script, `${child.pid}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  watchdog.on("error", () => undefined);
  // Another process may get the same id later.
  child.once("exit", () => watchdog.kill("SIGKILL"));
  return watchdog;
}

async function stop({ child, watchdog }: Running): Promise<void> {
  const ended = Promise.all([hasEnded(child), hasEnded(watchdog)]);
  child.kill("SIGTERM");
  const force = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  try {
    await ended;
  } finally {
    clearTimeout(force);
  }
}

/** Resolves when the process has ended, or if it never started. */
function hasEnded(process: ChildProcess): Promise<void> {
  if (process.pid === undefined || process.exitCode !== null || process.signalCode !== null)
    return Promise.resolve();
  return new Promise((resolve) => process.once("exit", () => resolve()));
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => probe.once("error", reject).listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) || "no output";
}
