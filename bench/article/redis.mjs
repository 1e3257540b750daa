/** Redis servers of a benchmark's own, with the settings that it names, and what they say of themselves. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.mjs";

/**
 * Starts a redis-server in a folder of its own, on this machine alone.
 *
 * @param {readonly string[]} settings
 */
export async function startRedis(settings) {
  const folder = mkdtempSync(join(tmpdir(), "zstash-redis-"));
  const port = await freePort();
  const words = ["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder, "--save", "", ...settings];
  const child = spawn("redis-server", words, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit").then(([code]) => {
    rmSync(folder, { recursive: true, force: true });
    return code;
  });
  let log = "";
  /** @type {Promise<void>} */
  const ready = new Promise((resolve) => {
    child.stdout.on("data", (text) => {
      log += text;
      if (log.includes("Ready to accept connections")) resolve();
    });
  });
  await Promise.race([
    ready,
    ended.then((code) => {
      throw new Error(`Cannot start redis-server: it ended with ${code}\n${log.slice(-400)}`);
    }),
  ]);
  return {
    port,
    folder,
    url: `redis://127.0.0.1:${port}`,
    /** @param {readonly string[]} command */
    ask: (...command) => ask(port, command),
    /** A field of INFO. @param {string} section @param {string} field */
    async info(section, field) {
      const text = await ask(port, ["INFO", section]);
      const value = new RegExp(`^${field}:(.*?)\\r?$`, "m").exec(text)?.[1];
      if (value === undefined) throw new Error(`INFO ${section} has no ${field}`);
      return value;
    },
    async stop() {
      child.kill();
      await ended;
    },
  };
}

/**
 * A command whose reply is a status, a number or one string; as text.
 *
 * @param {number} port
 * @param {readonly string[]} command
 * @returns {Promise<string>}
 */
async function ask(port, command) {
  const socket = connect(port, "127.0.0.1");
  try {
    socket.setEncoding("latin1");
    socket.write(`*${command.length}\r\n${command.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`);
    let reply = "";
    for await (const chunk of socket) {
      reply += chunk;
      const head = reply.indexOf("\r\n");
      if (head === -1) continue;
      const line = reply.slice(1, head);
      if (reply.startsWith("-")) throw new Error(`${command[0]}: ${line}`);
      if (!reply.startsWith("$")) return line;
      const end = head + 2 + Number(line);
      if (reply.length >= end + 2) return reply.slice(head + 2, end);
    }
    throw new Error(`${command[0]}: the server closed the connection`);
  } finally {
    socket.destroy();
  }
}
