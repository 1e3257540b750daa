import type { ParseArgsConfig } from "node:util";

/** Where a command writes, and how it hears that it is to end. */
export interface Terminal {
  /** Results, for people and for pipes. */
  print(text: string): void;
  /** What went wrong. */
  complain(text: string): void;
  /** How far the work is: one line for people that the next one replaces; undefined takes it away. Nothing in pipes. */
  progress(text: string | undefined): void;
  /** Resolves when the user or the system asks for the end. Registered before it is waited for. */
  untilStopped(): Promise<void>;
}

/** One option in words. */
export interface OptionHelp {
  /** As it is typed: `--port <number>`. */
  readonly usage: string;
  readonly meaning: string;
}

/** The values of a command's options, as node:util has parsed them. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

/** A command of the program: data for parsing and for help, and what it does. */
export interface CliCommand {
  readonly summary: string;
  readonly options: NonNullable<ParseArgsConfig["options"]>;
  readonly help: readonly OptionHelp[];
  /** Resolves to the exit code. */
  run(values: OptionValues, terminal: Terminal): Promise<number>;
}

/** The command line is wrong: exit code 2, and what to do next. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
