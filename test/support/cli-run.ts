/** Runs the bundled program with nothing in its environment but what is given, in pipes or in a terminal of 80 columns. */
import { spawn, spawnSync } from "node:child_process";
import { requireOrSkip } from "./require-or-skip.ts";
import { follow, type Ended, type Followed } from "./cli-program.ts";

/** What a run is given beside its arguments. */
export interface RunWith {
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Written to its input, which ends after it; in a terminal as soon as `when` is shown. */
  readonly input?: string | undefined;
  /** Default: the question of `zstash train --publish`. */
  readonly when?: string | undefined;
}

/** Starts the program in pipes. */
export function start(program: string, args: readonly string[], { env = {}, input }: RunWith = {}): Followed {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "pipe"], env });
  // A program that ends early does not read its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  return follow(child);
}

/** Runs the program in pipes to its end. */
export const runPiped = (program: string, args: readonly string[], more?: RunWith): Promise<Ended> =>
  start(program, args, more).ended;

const hasScript = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;

/** Whether pseudo terminals can be had here, from the `script` of util-linux; see requireOrSkip. */
export function terminalAvailable(): boolean {
  return requireOrSkip("the script program of util-linux", hasScript, "apt-get install bsdutils", false);
}

/**
 * Runs the program in a pseudo terminal of 80 columns to its end; the output is what the terminal got, without carriage
 * returns. The exit code is that of the program.
 */
export async function runInTerminal(
  program: string,
  args: readonly string[],
  { env = {}, input = "", when = "[y/N]" }: RunWith = {},
): Promise<Ended> {
  const quote = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
  const line = [process.execPath, program, ...args].map(quote).join(" ");
  const child = spawn("script", ["-qec", `stty cols 80 rows 24 -echo; ${line}`, "/dev/null"], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env["PATH"], TERM: "xterm", ...env },
  });
  const { ended, texts } = follow(child);
  const answering = setInterval(() => {
    if (!texts.output.includes(when)) return;
    clearInterval(answering);
    child.stdin.write(input);
  }, 20);
  try {
    const end = await ended;
    return { ...end, output: end.output.replaceAll("\r\n", "\n") };
  } finally {
    clearInterval(answering);
    child.stdin.end();
  }
}

/** What a terminal shows in the end: of each line what was written last. */
export function shown(output: string): string {
  return output
    .split("\n")
    .map((line) => line.split("\r\u001b[K").at(-1))
    .join("\n");
}
