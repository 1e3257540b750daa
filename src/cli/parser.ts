/** Reads a command line with commander: options, help and suggestions. The one file that knows the parser. */
import { Command, CommanderError, Option } from "commander";
import type { Help } from "commander";
import { similarName } from "../check.ts";
import { UsageError } from "./command.ts";
import type { CliCommand, CliInput, CliOption, OptionValues, Terminal } from "./command.ts";
import { wrap } from "./text.ts";

/** Help is no wider, whatever the terminal. */
const MAX_COLUMNS = 80;
/** An explanation that has fewer columns beside its option stands below it, as one does that has a longer word. */
const MIN_COLUMNS = 24;
/** The indentation of an explanation that stands below its option. */
const BELOW = "      ";

/** The program: its version, and its commands by name. */
export interface Program {
  readonly version: string;
  readonly commands: Readonly<Record<string, CliCommand>>;
}

/** A command to run, or a text to print where help or the version was asked for. */
export type Parsed =
  | { readonly command: CliCommand; readonly input: CliInput }
  | { readonly text: string; readonly code: number };

/**
 * Reads a command line.
 *
 * @throws {UsageError} naming what is wrong and what to do
 */
export function parseCommandLine(args: readonly string[], program: Program, terminal: Terminal): Parsed {
  const [name = ""] = args;
  if (name === "help" && args.length > 1 && args[1] !== "--help") return parseHelp(args, program, terminal);
  const end = args.indexOf("--");
  const own = end === -1 ? args : args.slice(0, end);
  const command = Object.hasOwn(program.commands, name) ? program.commands[name] : undefined;
  if (command !== undefined) refuseOptionsAsValues(own.slice(1), command, name);
  let parsed: Parsed | undefined;
  let text = "";
  const print = (part: string): void => void (text += part);
  const root = describeProgram(program, terminal, print, (found, values) => {
    const operands = end === -1 ? undefined : args.slice(end + 1);
    parsed = { command: found, input: { values, operands } };
  });
  const helpOf = (): Parsed => {
    root.outputHelp();
    return { text: text.trimEnd(), code: 2 };
  };
  if (args.length === 0) return helpOf();
  try {
    root.parse([...own], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text: text.trimEnd(), code: 0 };
    throw explain(error, args, program);
  }
  if (parsed === undefined) return helpOf();
  if ("input" in parsed && end !== -1 && parsed.command.operands === undefined)
    throw new UsageError(`Cannot read the command line: "zstash ${name}" takes nothing after "--"`);
  return parsed;
}

/** `zstash help dev` is `zstash dev --help`. */
function parseHelp(args: readonly string[], program: Program, terminal: Terminal): Parsed {
  const [, name = "", more] = args;
  if (name === "help" && more === undefined) return parseCommandLine(["--help"], program, terminal);
  if (!Object.hasOwn(program.commands, name)) return parseCommandLine([name], program, terminal);
  if (more !== undefined) throw new UsageError(`Cannot explain "${more}": one command is expected`);
  return parseCommandLine([name, "--help"], program, terminal);
}

/** Builds commander's description of the program. `found` gets the command that is to run. */
function describeProgram(
  { version, commands }: Program,
  terminal: Terminal,
  print: (text: string) => void,
  found: (command: CliCommand, values: OptionValues) => void,
): Command {
  const root = new Command("zstash");
  const columns = Math.min(MAX_COLUMNS, terminal.columns ?? MAX_COLUMNS);
  const prepare = (command: Command): Command =>
    command
      .version(version, "-v, --version", "print the version")
      .helpOption("-h, --help", "print this help")
      .exitOverride()
      .configureOutput({
        writeOut: print,
        writeErr: () => undefined,
        outputError: () => undefined,
        getOutHasColors: () => terminal.colours,
      })
      .configureHelp({ helpWidth: columns, formatItem, styleTitle: styleTitle(terminal.colours) });
  prepare(root)
    .description("Zstandard for Redis over HTTP")
    .usage("<command> [options]")
    .helpCommand("help [command]", "explain a command")
    .addHelpText(
      "after",
      `\n${wrap('"zstash help <command>" explains a command and its options.', columns)}`,
    );
  for (const [name, command] of Object.entries(commands)) {
    const { summary, options, operands, examples } = command;
    const sub = prepare(root.command(name));
    const usage = operands === undefined ? "[options]" : `[options] [-- ${operands.usage}]`;
    const told = operands === undefined ? summary : `${summary}\n\n${operands.meaning}`;
    sub.summary(summary).description(told).usage(usage);
    const made = Object.entries(options).map(([option, is]) => [option, toOption(option, is)] as const);
    for (const [, option] of made) sub.addOption(option);
    const lines = examples.flatMap(([line, meaning]) => [`  ${line}`, indent(meaning, columns)]);
    const title = styleTitle(terminal.colours)("Examples:");
    if (lines.length > 0) sub.addHelpText("after", `\n${title}\n${lines.join("\n")}`);
    sub.action(() => found(command, readValues(sub.opts(), made)));
  }
  return root;
}

function toOption(name: string, { value, multiple = false, meaning }: CliOption): Option {
  const option = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, meaning);
  if (multiple) option.argParser((one: string, others: string[] = []) => [...others, one]);
  return option;
}

/** The values by the names of the options; commander has them by other names, and `--no-…` as false. */
function readValues(
  values: Readonly<Record<string, unknown>>,
  options: readonly (readonly [name: string, option: Option])[],
): OptionValues {
  const read = options.map(([name, option]) => {
    const value = values[option.attributeName()];
    return [name, option.negate ? value === false : value] as const;
  });
  return Object.fromEntries(read) as OptionValues;
}

/** A value that looks like an option is most likely a forgotten value: `--token --json` would make "--json" the token. */
function refuseOptionsAsValues(args: readonly string[], { options }: CliCommand, command: string): void {
  for (let at = 0; at < args.length; at++) {
    const name = args[at]?.startsWith("--") === true ? args[at]!.slice(2) : "";
    if (!Object.hasOwn(options, name) || options[name]?.value === undefined) continue;
    const next = args[++at];
    if (next === undefined) {
      throw new UsageError(
        `Cannot read the command line: "--${name} <${options[name].value}>" has no value. See "zstash ${command} --help"`,
      );
    }
    if (!next.startsWith("--")) continue;
    throw new UsageError(
      `Cannot read the command line: "--${name}" has no value, "${next}" follows. If that is the value, write --${name}=${next}`,
    );
  }
}

/** The error of commander in our words. */
function explain(error: CommanderError, args: readonly string[], program: Program): UsageError {
  const [name = ""] = args;
  const known = Object.hasOwn(program.commands, name);
  const [fault = "", hint] = error.message.replace(/^error: /, "").split("\n");
  if (error.code === "commander.unknownCommand") return unknownCommand(name, hint, program);
  if (error.code === "commander.excessArguments") return excess(name, args, program);
  const meant = hint === undefined ? "." : `. ${hint.slice(1, -1).replaceAll(/(--[\w-]+)/g, '"$1"')}`;
  const help = known ? `zstash ${name} --help` : "zstash --help";
  return new UsageError(`Cannot read the command line: ${fault.replaceAll("'", '"')}${meant} See "${help}"`);
}

function excess(name: string, args: readonly string[], { commands }: Program): UsageError {
  const extra = args.slice(1).find((one) => !one.startsWith("-")) ?? "";
  const runs = commands[name]?.operands !== undefined;
  const advice = runs
    ? `To run a program, write -- before it: zstash ${name} -- ${extra}`
    : `See "zstash ${name} --help"`;
  return new UsageError(
    `Cannot read the command line: "zstash ${name}" takes options only, got "${extra}". ${advice}`,
  );
}

/** `hint` is the one that commander found, which knows letters in the wrong order: "(Did you mean dev?)". */
function unknownCommand(name: string, hint: string | undefined, { commands }: Program): UsageError {
  const meant = /mean (\w+)\?/.exec(hint ?? "")?.[1] ?? similarName(name, Object.keys(commands));
  const advice = meant === undefined ? '"zstash --help" lists them' : `Did you mean "${meant}"?`;
  return new UsageError(`Cannot run "${name}": there is no such command. ${advice}`);
}

const styleTitle =
  (colours: boolean) =>
  (title: string): string =>
    colours ? `\x1b[1m${title}\x1b[22m` : title;

function indent(text: string, columns: number): string {
  return BELOW + wrap(text, columns - BELOW.length).replaceAll("\n", `\n${BELOW}`);
}

/** As commander does it, but where the terminal is narrow an explanation stands below its option. */
function formatItem(this: Help, term: string, termWidth: number, meaning: string): string {
  const columns = this.helpWidth ?? MAX_COLUMNS;
  const beside = columns - termWidth - 4;
  const longest = Math.max(...meaning.split(" ").map((word) => word.length));
  if (beside < Math.max(MIN_COLUMNS, longest)) return `  ${term}\n${indent(meaning, columns)}`;
  const gap = `\n${" ".repeat(termWidth + 4)}`;
  return `  ${term.padEnd(termWidth)}  ${wrap(meaning, beside).replaceAll("\n", gap)}`;
}
