// Measures zstash over links with rate, delay and loss, in network namespaces of this machine, and writes the results
// to bench/network/results/ and docs/network.md. Linux and root, gcc, iproute2, /dev/net/tun and redis-server; never in CI.
//
//   node bench/network/run.mjs [--quick] [--only NAME[,NAME…]]
//
// --quick is a smoke run: one cell of each experiment, nothing written. --only replaces these experiments' results in
// today's file and keeps the others. A whole run takes about a quarter of an hour.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { experiments } from "./experiments.mjs";
import { labNeeds, startLab, stopLab } from "./lab.mjs";
import { renderAll } from "./render.mjs";
import { mergeResults } from "./results.mjs";

const GRACE_MS = 5_000;

const { values: flags } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" } } });
const names = flags.only?.split(",") ?? experiments.map(({ name }) => name);
const unknown = names.filter((name) => !experiments.some((experiment) => experiment.name === name));
if (unknown.length > 0) {
  console.error(
    `Cannot run ${unknown.join(", ")}: expected ${experiments.map(({ name }) => name).join(", ")}`,
  );
  process.exit(2);
}
const needs = labNeeds();
if (needs !== undefined) {
  console.error(`Cannot run: the network laboratory needs ${needs}`);
  process.exit(1);
}

/** What ends the run early: Ctrl-C, or the end of whoever started it. */
const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => interrupted.abort());
/** @type {Promise<never>} */
const untilInterrupted = new Promise((_, reject) => {
  interrupted.signal.addEventListener("abort", () => reject(new Error("interrupted")));
});
untilInterrupted.catch(() => undefined);
/**
 * @template T
 * @param {Promise<T>} promise
 */
const unlessInterrupted = (promise) => Promise.race([promise, untilInterrupted]);

/**
 * A program of this folder, in a namespace. `ip netns exec` becomes that program, so its number is the program's.
 *
 * @param {string} namespace
 * @param {string} program
 * @param {string[]} words
 */
function startIn(namespace, program, ...words) {
  const path = fileURLToPath(new URL(program, import.meta.url));
  return spawn("ip", ["netns", "exec", namespace, process.execPath, path, ...words], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
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
 * A bar that is drawn over itself on a terminal, and a line for each step elsewhere.
 *
 * @param {string} title
 * @param {{ done: number, total: number, text: string }} progress
 */
function drawProgress(title, { done, total, text }) {
  const width = 24;
  const filled = Math.round((done / total) * width);
  const bar = `${"█".repeat(filled)}${"░".repeat(width - filled)}`;
  const line = `${title.padEnd(42)} ${bar} ${done}/${total} ${text}`;
  process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * A line for good.
 *
 * @param {string} text
 */
function say(text) {
  process.stderr.write(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${text}\n`);
}

/**
 * What a client's process tells.
 *
 * @typedef {{
 *   progress?: { done: number, total: number, text: string },
 *   close?: true,
 *   failure?: string,
 *   result?: object,
 * }} Message
 *
 * @param {import("./experiments.mjs").Experiment} experiment
 * @param {import("./lab.mjs").Lab} lab
 * @param {import("node:child_process").ChildProcess} server
 * @param {object} address
 * @returns {Promise<object>}
 */
async function runExperiment({ name, title }, lab, server, address) {
  const client = startIn(lab.client, "client.mjs");
  try {
    /** @type {Promise<object>} */
    const finished = new Promise((resolve, reject) => {
      client.on("message", (told) => {
        const message = /** @type {Message} */ (told);
        if (message.progress) drawProgress(title, message.progress);
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
      client.send({ name, quick: flags.quick === true, lab, server: address });
      return await unlessInterrupted(finished);
    } finally {
      server.off("message", forward);
    }
  } finally {
    await end(client);
  }
}

/**
 * The experiments of one kind of lab: result by name.
 *
 * @param {"direct" | "routed"} kind
 * @param {readonly import("./experiments.mjs").Experiment[]} chosen
 */
async function runIn(kind, chosen) {
  /** @type {Record<string, import("./results.mjs").Measured>} */
  const results = {};
  let id;
  let server;
  try {
    const lab = await startLab(kind, (chosenId) => {
      id = chosenId;
    });
    server = startIn(lab.server, "server.mjs", lab.serverAddress);
    const [address] = await unlessInterrupted(
      Promise.race([
        once(server, "message"),
        once(server, "exit").then(([code]) => Promise.reject(new Error(`the server ended with ${code}`))),
      ]),
    );
    for (const experiment of chosen) {
      const start = performance.now();
      const load = Math.round(loadavg()[0] * 10) / 10;
      try {
        const result = await runExperiment(experiment, lab, server, address);
        const seconds = Math.round((performance.now() - start) / 1000);
        say(`${experiment.title}: ${seconds} s`);
        results[experiment.name] = { seconds, load, ...result };
      } catch (error) {
        if (interrupted.signal.aborted) throw error;
        // What the others measured is kept.
        say(`${experiment.title}: failed. ${messageOf(error)}`);
        process.exitCode = 1;
      }
    }
    return results;
  } finally {
    await end(server);
    if (id !== undefined) stopLab(id);
  }
}

try {
  /** @type {Record<string, import("./results.mjs").Measured>} */
  const results = {};
  for (const kind of /** @type {const} */ (["direct", "routed"])) {
    const chosen = experiments.filter(({ name, lab }) => lab === kind && names.includes(name));
    if (chosen.length > 0) Object.assign(results, await runIn(kind, chosen));
  }
  if (flags.quick) console.log(JSON.stringify(results, null, 1));
  else if (Object.keys(results).length > 0) await renderAll(await mergeResults(results));
} catch (error) {
  console.error(`Cannot finish the run: ${messageOf(error)}`);
  process.exitCode = interrupted.signal.aborted ? 130 : 1;
}
