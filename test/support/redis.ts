/** Starts a real redis-server for a test file, as a child process with a port and a folder of its own. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { requireOrSkip } from "./require-or-skip.ts";

export interface RedisServer {
  /** `redis://127.0.0.1:port` */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Ends the server, with SIGTERM unless told otherwise, and removes its folder; a second call does nothing. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const START_ATTEMPTS = 5;
const READY_MS = 20_000;
const STOP_MS = 5_000;

/** The path of `redis-server`, or of another program; undefined if there is none on the PATH. */
export function redisPath(program = "redis-server"): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Returns true if tests on a real Redis can run here; see requireOrSkip. */
export function redisAvailable(): boolean {
  return requireOrSkip("redis-server", redisPath() !== undefined, "apt-get install redis-server");
}

/**
 * Starts a server that keeps nothing on disk; `args` are appended to its command line. Where another process takes the
 * chosen port before the server does, another port is tried, up to 5 times. A given `port` is the only one tried.
 */
export async function startRedis(
  args: readonly string[] = [],
  port?: number,
  path: string | undefined = redisPath(),
): Promise<RedisServer> {
  if (path === undefined) throw new Error("Cannot start redis-server: it is not on PATH");
  if (port !== undefined) return startOn(path, port, args);
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(path, await freePort(), args);
    } catch (error) {
      if (attempt === START_ATTEMPTS || !String(error).includes("Address already in use")) throw error;
    }
  }
}

/**
 * Starts a server before the tests of the enclosing file or describe block, and ends it after them.
 *
 * @example
 * const redis = useRedis();
 * test("…", async () => connect(redis().url));
 */
export function useRedis(args: readonly string[] = []): () => RedisServer {
  let server: RedisServer | undefined;
  beforeAll(async () => {
    server = await startRedis(args);
  });
  afterAll(() => server?.stop());
  return () => {
    if (server === undefined) throw new Error("Cannot use redis-server: the tests have not begun");
    return server;
  };
}

/** A port that no process listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

async function startOn(path: string, port: number, args: readonly string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "zstash-redis-"));
  const settings = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const child = spawn(path, [...settings, "--daemonize", "no", "--dir", folder, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  const note = (text: Buffer): void => {
    log = (log + text.toString()).slice(-4096);
  };
  child.stdout.on("data", note);
  child.stderr.on("data", note);
  const exited = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
  // A test runner that is killed does not call afterAll; the child must end all the same.
  const killNow = (): void => void child.kill("SIGKILL");
  process.once("exit", killNow);
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    const timer = setTimeout(killNow, STOP_MS);
    await exited;
    clearTimeout(timer);
    process.off("exit", killNow);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await Promise.race([untilReady(child, port), exited]);
    if (child.exitCode !== null || child.pid === undefined) {
      throw new Error(`Cannot start redis-server on port ${port}: it ended with ${child.exitCode}\n${log}`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `redis://127.0.0.1:${port}`, host: "127.0.0.1", port, pid: child.pid, stop };
}

/** Sends PING until the answer is PONG, or the child has ended. */
async function untilReady(child: ChildProcess, port: number): Promise<void> {
  const end = Date.now() + READY_MS;
  while (child.exitCode === null && Date.now() < end) {
    if (await answersPing(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (child.exitCode === null) throw new Error(`Cannot start redis-server: no PONG within ${READY_MS} ms`);
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write("PING\r\n"));
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => finish(false));
    // A server with a password answers too.
    socket.once("data", (reply) => finish(/^(\+PONG|-NOAUTH)/.test(reply.toString())));
    socket.once("error", () => finish(false));
    socket.once("close", () => resolve(false));
  });
}
