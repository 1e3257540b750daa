/**
 * The interface between the program and its commands: what a command declares, what it receives and where it prints.
 */

/** The terminal of a command: its output, and the user's wish to end it. */
export interface Terminal {
  /** Columns of the output; undefined in pipes and files. */
  readonly columns: number | undefined;
  /** Columns of what `complain` and `log` print to; undefined in pipes and files. */
  readonly errorColumns: number | undefined;
  /** Whether the output shows colours. */
  readonly colours: boolean;
  /** Prints a result, for people and for pipes. */
  print(text: string): void;
  /** Prints an error, wrapped at the width of the terminal. */
  complain(text: string): void;
  /** Prints a line beside the results, unchanged. */
  log(line: string): void;
  /** Shows the progress in one line that the next call replaces; undefined removes it. Shows nothing in pipes. */
  progress(text: string | undefined): void;
  /** Resolves when the user or the system asks the program to end. Signals count from this call on. */
  untilStopped(): Promise<void>;
  /**
   * Asks a question and resolves to the line of the answer, or to "" at the end of the input. Absent where nobody can
   * answer.
   */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
}

/** An option of a command: how it is parsed, and its line in the help. */
export interface CliOption {
  /** The placeholder of its value in the help: "number" for `--port <number>`. A switch has none. */
  readonly value?: string | undefined;
  /** True if it may be given several times. */
  readonly multiple?: boolean | undefined;
  /** The explanation in the help. */
  readonly meaning: string;
}

/** Options by name, without the dashes. */
export type CliOptions = Readonly<Record<string, CliOption>>;

/** An argument by position, as commander writes it: "<key>" must be given, "[file]" may be, "[key...]" any number. */
export interface CliArgument {
  readonly usage: string;
  readonly meaning: string;
}

/** The arguments after `--` on a command line, for commands that take them. */
export interface CliOperands {
  /** How the help shows it. */
  readonly usage: string;
  readonly meaning: string;
}

/** The values of a command's options: a text, a list for one that may be given several times, true for a switch. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** A command line that has been read. */
export interface CliInput {
  readonly values: OptionValues;
  /** The arguments by position. */
  readonly args: readonly string[];
  /** The arguments after `--`; undefined if there is no `--`. */
  readonly operands: readonly string[] | undefined;
}

/** A command of the program. */
export interface CliCommand {
  readonly summary: string;
  readonly options: CliOptions;
  /** Arguments by position; after a `--` they may begin with a dash. */
  readonly args?: readonly CliArgument[] | undefined;
  readonly operands?: CliOperands | undefined;
  /** Command lines to copy, each with what it does. */
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Resolves to the exit code. */
  run(input: CliInput, terminal: Terminal): Promise<number>;
}

/** Commands under one name: `zstash dict list`. */
export interface CliGroup {
  readonly summary: string;
  readonly commands: Readonly<Record<string, CliCommand>>;
}

/** Commands and groups of them by name, in the order of the help. */
export type CliCommands = Readonly<Record<string, CliCommand | CliGroup>>;

/** A wrong command line: exit code 2. The message says what to do next. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A failure that the message explains: exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}

/** The text of an option; undefined if it was not given. */
export function textOf(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === "string" ? value : undefined;
}

/** The texts of an option that may be given several times; undefined if it was not given. */
export function textsOf(values: OptionValues, name: string): readonly string[] | undefined {
  const value = values[name];
  return typeof value === "object" ? value : undefined;
}

export function isOn(values: OptionValues, name: string): boolean {
  return values[name] === true;
}
