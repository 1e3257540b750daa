/** Runs the program of `zstash dev -- COMMAND` in the same terminal, and passes signals on to it. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { Failure } from "./command.ts";

/** Signals that end a program, and that a terminal sends to all of its programs. */
const SIGNALS = ["SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP"] as const;
const FROM_TERMINAL: ReadonlySet<string> = new Set(["SIGINT", "SIGQUIT"]);
/** The exit codes that shells use for a program that does not exist, and for one that cannot be run. */
const NOT_FOUND = 127;
const NOT_RUNNABLE = 126;

/** A program that could not be started, with the exit code that shells give. */
export class NotStarted extends Failure {
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * Runs a program with these variables added to those of this process. Resolves to its exit code, or to 128 plus the
 * signal's number if a signal ended it; rejects with NotStarted.
 */
export function runChild(
  [program = "", ...args]: readonly string[],
  variables: Readonly<Record<string, string>>,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env: { ...process.env, ...variables } });
    const forward = SIGNALS.map((signal) => {
      // Ctrl-C reaches the program without us; many programs take a second one as "at once".
      const hand = (): void => {
        if (!(process.stdin.isTTY && FROM_TERMINAL.has(signal))) child.kill(signal);
      };
      process.on(signal, hand);
      return () => process.off(signal, hand);
    });
    const settle = (): void => {
      for (const stop of forward) stop();
    };
    child.once("error", (error: NodeJS.ErrnoException) => {
      settle();
      const missing = error.code === "ENOENT";
      const reason = missing
        ? "there is no such program"
        : error.code === "EACCES"
          ? "no permission"
          : error.code;
      const advice = missing ? ". A shell runs more than programs: zstash dev -- sh -c '…'" : "";
      reject(new NotStarted(`Cannot run ${program}: ${reason}${advice}`, missing ? NOT_FOUND : NOT_RUNNABLE));
    });
    child.once("close", (code, signal) => {
      settle();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
