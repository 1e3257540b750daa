#!/usr/bin/env node
/** The executable `zstash`: it connects the program to this process's arguments, streams and signals. */
import { readFileSync } from "node:fs";
import type { Terminal } from "./command.ts";
import { runProgram } from "./program.ts";

/** From the package's own package.json, which is two folders up both from src/cli and from dist/cli. */
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const terminal: Terminal = {
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
  progress(text) {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text ?? ""}`);
  },
  untilStopped: () =>
    new Promise((resolve) => {
      for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
    }),
};

process.exitCode = await runProgram(process.argv.slice(2), version, terminal);
