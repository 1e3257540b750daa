/** The interface between the program and its commands: what a command declares, is given and may print to. */

/** The terminal of a command: its output, and the wish to end it. */
export interface Terminal {
  /** Print a result, for people and for pipes. */
  print(text: string): void;
  /** Print an error. */
  complain(text: string): void;
  /** Show the progress in one line that the next call replaces; undefined removes it. Shows nothing in pipes. */
  progress(text: string | undefined): void;
  /** Resolves when the user or the system asks the program to end. Signals count from the call on. */
  untilStopped(): Promise<void>;
}

/** An option of a command: how it is parsed, and its line in the help. */
export interface CliOption {
  /** The placeholder of its value in the help: "number" for `--port <number>`. A switch has none. */
  readonly value?: string | undefined;
  /** True if it may be given several times. */
  readonly multiple?: boolean | undefined;
  /** One letter that means the same, for `-h`. */
  readonly short?: string | undefined;
  /** The explanation in the help. */
  readonly meaning: string;
}

/** Options by name, without the dashes. */
export type CliOptions = Readonly<Record<string, CliOption>>;

/** The values of a command's options, as node:util has parsed them. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A command of the program. */
export interface CliCommand {
  readonly summary: string;
  readonly options: CliOptions;
  /** Resolves to the exit code. */
  run(values: OptionValues, terminal: Terminal): Promise<number>;
}

/** A wrong command line, which is exit code 2. The message says what to do next. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
