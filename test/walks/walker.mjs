// Walks through a page of the docs as its reader does: writes its files, types its commands into a shell, leaves running what
// runs until Ctrl-C, and holds what is printed against what the page says.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { isOutput } from "./pages.mjs";

const COMMAND_MS = 240_000;
const START_MS = 120_000;
const END_MS = 30_000;

const pause = () => new Promise((resolve) => setTimeout(resolve, 50));

/** True if nothing listens on a port. @param {number} port */
async function isFree(port) {
  const probe = createServer();
  const listening = once(probe.listen(port), "listening").then(
    () => true,
    () => false,
  );
  const free = await listening;
  if (free) await new Promise((resolve) => probe.close(resolve));
  return free;
}

/** A port that nothing listens on. */
async function freePort() {
  const probe = createServer().listen(0);
  await once(probe, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (probe.address());
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** True if something answers on a port of this machine. @param {number} port */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "localhost");
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => end(true)).on("error", () => end(false));
  });
}

/** What a walk has printed, and how long it took. */
export class Walker {
  #folder;
  #environment;
  /** Servers by the port that the page names. */
  #servers = new Map();
  /** The ports that stand for those of the page, where these are taken. */
  #ports = new Map();
  #output = "";
  #started = performance.now();
  /** Commands typed so far. */
  commands = 0;
  /** When the first compressed value was seen. @type {{ commands: number, seconds: number } | undefined} */
  compressed;
  /** What `zstash inspect` said first, each time. @type {string[]} */
  inspected = [];

  /**
   * @param {string} folder
   * @param {Record<string, string | undefined>} environment
   */
  constructor(folder, environment) {
    this.#folder = folder;
    this.#environment = { ...environment };
  }

  /** Seconds since the start. */
  get seconds() {
    return (performance.now() - this.#started) / 1000;
  }

  /** @param {import("./pages.mjs").Step} step */
  async take(step) {
    if (step.kind === "file") return this.#write(step);
    if (step.kind === "output") {
      if (
        isOutput(
          this.#output,
          step.lines.map((line) => this.#placed(line)),
        )
      )
        return;
      throw new Error(`the page says\n${step.lines.join("\n")}\nbut it printed\n${this.#output}`);
    }
    this.#output = "";
    for (const command of step.commands) {
      this.commands += 1;
      if (step.serves === undefined) this.#output += await this.#type(this.#placed(command));
      else await this.#serve(command, step.serves);
    }
    if (step.compressed) this.compressed = { commands: this.commands, seconds: this.seconds };
  }

  /** Ends what still runs. */
  async end() {
    await Promise.all([...this.#servers.keys()].map((port) => this.#stop(port)));
  }

  /** The text with the ports of this walk. @param {string} text */
  #placed(text) {
    let placed = text;
    for (const [said, port] of this.#ports) placed = placed.replaceAll(`:${said}`, `:${port}`);
    return placed;
  }

  async #write({ path, text }) {
    const target = join(this.#folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, this.#placed(text));
  }

  /** A command in a process group of its own, by the machine's plain shell. @param {string} command */
  #open(command) {
    const child = spawn("sh", ["-c", command], {
      cwd: this.#folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const state = {
      child,
      output: "",
      all: "",
      code: /** @type {number | string | undefined} */ (undefined),
    };
    child.stdout.on("data", (bytes) => {
      state.output += bytes;
      state.all += bytes;
    });
    child.stderr.on("data", (bytes) => (state.all += bytes));
    const ended = once(child, "close").then(([code, signal]) => (state.code = code ?? signal));
    return { state, ended, signal: (name) => signalGroup(child.pid, name) };
  }

  /** Types a command and waits for its end. @param {string} command */
  async #type(command) {
    const [, name, value] = /^export (\w+)=(.*)$/.exec(command) ?? [];
    if (name !== undefined) {
      this.#environment[name] = value;
      return "";
    }
    const { state, ended, signal } = this.#open(command);
    const timer = setTimeout(() => signal("SIGKILL"), COMMAND_MS);
    await ended;
    clearTimeout(timer);
    if (state.code !== 0) throw new Error(`${command} ended with ${state.code}:\n${state.all.slice(-4000)}`);
    if (/\binspect\b/.test(command)) this.inspected.push(state.output.split("\n")[0]);
    return state.output;
  }

  /** Starts what runs until Ctrl-C, in the place of what ran on its port before. */
  async #serve(command, said) {
    await this.#stop(said);
    const port = this.#ports.get(said) ?? ((await isFree(said)) ? said : await freePort());
    if (port !== said) this.#ports.set(said, port);
    const server = this.#open(port === said ? command : `${command} --port ${port}`);
    this.#servers.set(said, server);
    const deadline = performance.now() + START_MS;
    while (!(await answers(port))) {
      const { code, all } = server.state;
      if (code !== undefined || performance.now() > deadline)
        throw new Error(`${command} does not serve ${port} (${code}):\n${all.slice(-4000)}`);
      await pause();
    }
  }

  /** As Ctrl-C does it, and then for good. @param {number} said */
  async #stop(said) {
    const server = this.#servers.get(said);
    if (server === undefined) return;
    this.#servers.delete(said);
    server.signal("SIGINT");
    const timer = setTimeout(() => server.signal("SIGKILL"), END_MS);
    await server.ended;
    clearTimeout(timer);
    // What it started may outlive it.
    server.signal("SIGKILL");
    const port = this.#ports.get(said) ?? said;
    while (!(await isFree(port))) await pause();
  }
}

/** @param {number} pid @param {NodeJS.Signals} name */
function signalGroup(pid, name) {
  try {
    process.kill(-pid, name);
  } catch {
    // The whole group has ended.
  }
}
