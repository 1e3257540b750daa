/** Runs experiments in a lab: makes it, starts the server and each experiment's client in their namespaces, and takes all of it down. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { startLab, stopLab } from "./lab.mjs";

const GRACE_MS = 5_000;

/**
 * @typedef {{ done: number, total: number, text: string }} Progress
 *
 * `failed` is told of an experiment that failed, and the others go on; without it the run ends. `done` gets what it took.
 *
 * @typedef {{
 *   quick: boolean,
 *   interrupted: AbortSignal,
 *   progress?: (title: string, progress: Progress) => void,
 *   done?: (title: string, seconds: number) => void,
 *   failed?: (title: string, error: unknown) => void,
 * }} RunOptions
 */

/** Aborts with Ctrl-C, or with the end of whoever started this program. */
export function interruption() {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => controller.abort());
  return controller.signal;
}

/**
 * @template T
 * @param {AbortSignal} interrupted
 * @param {Promise<T>} promise
 */
function unlessInterrupted(interrupted, promise) {
  if (interrupted.aborted) throw new Error("interrupted");
  /** @type {Promise<never>} */
  const until = new Promise((_, reject) => {
    interrupted.addEventListener("abort", () => reject(new Error("interrupted")), { once: true });
  });
  return Promise.race([promise, until]);
}

/**
 * A program of this folder, in a namespace. `ip netns exec` becomes that program, so its number is the program's.
 *
 * @param {string} namespace
 * @param {string[]} words
 * @param {Readonly<Record<string, string>>} [env]
 */
function startIn(namespace, [program, ...words], env = {}) {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawn("ip", ["netns", "exec", namespace, process.execPath, path, ...words], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    env: { ...process.env, ...env },
  });
}

/**
 * Lets a program end by itself, which it does without its parent; then makes it.
 *
 * @param {import("node:child_process").ChildProcess | undefined} child
 */
async function end(child) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill("SIGKILL"), GRACE_MS);
  await ended;
  clearTimeout(timer);
}

/**
 * What a client's process tells.
 *
 * @typedef {{ progress?: Progress, close?: true, failure?: string, result?: object }} Message
 *
 * @param {import("./experiments.mjs").Experiment} experiment
 * @param {import("./lab.mjs").Lab} lab
 * @param {import("node:child_process").ChildProcess} server
 * @param {{ certificate: string }} address
 * @param {RunOptions} options
 * @returns {Promise<object>}
 */
async function runExperiment({ name, title }, lab, server, address, { quick, interrupted, progress }) {
  const client = startIn(lab.client, ["client.mjs"], { NODE_EXTRA_CA_CERTS: address.certificate });
  try {
    /** @type {Promise<object>} */
    const finished = new Promise((resolve, reject) => {
      client.on("message", (told) => {
        const message = /** @type {Message} */ (told);
        if (message.progress) progress?.(title, message.progress);
        else if (message.close) server.send({ close: true });
        else if (message.failure !== undefined) reject(new Error(`${name}: ${message.failure}`));
        else resolve(message.result ?? {});
      });
      client.once("exit", (code, signal) =>
        reject(new Error(`${name}: the client ended with ${signal ?? code}`)),
      );
      client.once("error", reject);
    });
    finished.catch(() => undefined);
    const forward = () => client.connected && client.send({ closed: true });
    server.on("message", forward);
    try {
      client.send({ name, quick, lab, server: address });
      return await unlessInterrupted(interrupted, finished);
    } finally {
      server.off("message", forward);
    }
  } finally {
    await end(client);
  }
}

/**
 * The experiments of one kind of lab: result by name, with seconds and the load before it.
 *
 * @param {"direct" | "routed"} kind
 * @param {readonly import("./experiments.mjs").Experiment[]} chosen
 * @param {RunOptions} options
 */
export async function runIn(kind, chosen, options) {
  const { interrupted, done, failed } = options;
  /** @type {Record<string, import("./results.mjs").Measured>} */
  const results = {};
  let id;
  let server;
  try {
    const lab = await startLab(kind, (chosenId) => {
      id = chosenId;
    });
    server = startIn(lab.server, ["server.mjs", lab.serverAddress]);
    const [address] = await unlessInterrupted(
      interrupted,
      Promise.race([
        once(server, "message"),
        once(server, "exit").then(([code]) => Promise.reject(new Error(`the server ended with ${code}`))),
      ]),
    );
    for (const experiment of chosen) {
      const start = performance.now();
      const load = Math.round(loadavg()[0] * 10) / 10;
      try {
        const result = await runExperiment(experiment, lab, server, address, options);
        const seconds = Math.round((performance.now() - start) / 1000);
        done?.(experiment.title, seconds);
        results[experiment.name] = { seconds, load, ...result };
      } catch (error) {
        // What the others measured is kept.
        if (interrupted.aborted || failed === undefined) throw error;
        failed(experiment.title, error);
      }
    }
    return results;
  } finally {
    await end(server);
    if (id !== undefined) stopLab(id);
  }
}
