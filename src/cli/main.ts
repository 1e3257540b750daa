#!/usr/bin/env node
/** The executable `zstash`: it connects the program to this process's arguments, streams and signals. */
import { readFileSync } from "node:fs";
import type { WriteStream } from "node:tty";
import type { Terminal } from "./command.ts";
import { runProgram } from "./program.ts";
import { isBrokenPipe } from "./standard-streams.ts";
import { printable, wrap } from "./text.ts";

/** From the package's own package.json, which is two folders up both from src/cli and from dist/cli. */
const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const { stdin, stdout, stderr } = process;
/** Node reports 0 columns if a terminal does not tell its width. */
const columnsOf = (stream: WriteStream): number | undefined =>
  stream.isTTY ? stream.columns || undefined : undefined;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

let isProgressShown = false;

function showProgress(text: string | undefined): void {
  if (!stderr.isTTY || (text === undefined && !isProgressShown)) return;
  stderr.write(`\r\x1b[K${text ?? ""}`);
  if (!isProgressShown) process.on("SIGINT", endInProgress);
  isProgressShown = text !== undefined;
  if (!isProgressShown) process.off("SIGINT", endInProgress);
}

/** How many commands wait for the signal to end by themselves; counted until all its listeners have been called. */
let waiting = 0;

/** Ctrl-C removes the progress line and then ends the program, unless a command ends by itself. */
function endInProgress(): void {
  showProgress(undefined);
  if (waiting === 0) process.kill(process.pid, "SIGINT");
}

/** Waits for the first of the signals; a second one ends the program at once. */
function untilStopped(): Promise<void> {
  waiting += 1;
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of SIGNALS) process.off(signal, stop);
      setImmediate(() => (waiting -= 1));
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import("node:readline");
  // Without "terminal" the system handles the line and its Ctrl-C.
  const reader = createInterface({ input: stdin, output: stderr, terminal: false });
  return new Promise((resolve) => {
    reader.once("close", () => resolve(""));
    reader.question(question, (answer) => {
      resolve(answer);
      reader.close();
    });
  });
}

const terminal: Terminal = {
  get columns() {
    return columnsOf(stdout);
  },
  get errorColumns() {
    return columnsOf(stderr);
  },
  // The variables NO_COLOR and FORCE_COLOR are respected.
  colours: stdout.isTTY && stdout.hasColors(),
  print: (text) => stdout.write(`${text}\n`),
  complain(text) {
    const columns = columnsOf(stderr);
    // The text may hold keys and texts of servers, and with them characters that control a terminal.
    const safe = text.split("\n").map(printable).join("\n");
    stderr.write(`${columns === undefined ? safe : wrap(safe, columns)}\n`);
  },
  log: (line) => stderr.write(`${line}\n`),
  progress: showProgress,
  untilStopped,
  ask: stdin.isTTY && stderr.isTTY ? ask : undefined,
};

// A reader that stops early, such as `head`, is no error.
stderr.on("error", (error: NodeJS.ErrnoException) => {
  if (!isBrokenPipe(error)) throw error;
});
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (isBrokenPipe(error)) return;
  terminal.complain(`Cannot write the output: ${error.code === "ENOSPC" ? "no space is left" : error.code}`);
  process.exit(1);
});

process.exitCode = await runProgram(process.argv.slice(2), version, terminal);
