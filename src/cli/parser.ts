/** Reads a command line with commander: options, help and suggestions. No other file knows the parser. */
import { Command, CommanderError, Option } from "commander";
import type { Help } from "commander";
import { similarName } from "../check.ts";
import { UsageError } from "./command.ts";
import type { CliCommand, CliCommands, CliInput, CliOption, OptionValues, Terminal } from "./command.ts";
import { wrap } from "./text.ts";

/** Help is at most this wide, whatever the terminal. */
const MAX_COLUMNS = 80;
/** An explanation stands below its option if fewer columns are left beside it, or if it has a longer word. */
const MIN_COLUMNS = 24;
/** The indentation of an explanation that stands below its option. */
const BELOW = "      ";

/** The program: its version, and its commands by name. */
export interface Program {
  readonly version: string;
  readonly commands: CliCommands;
}

/** A command to run, or a text to print if help or the version was asked for. */
export type Parsed =
  | { readonly command: CliCommand; readonly input: CliInput }
  | { readonly text: string; readonly code: number };

/** The command that the first words of a command line name: `dict lst` names the group `dict`, and no command. */
interface Named {
  readonly names: readonly string[];
  readonly command: CliCommand | undefined;
  /** The commands that the next word could name. */
  readonly commands: CliCommands;
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} that says what is wrong and what to do
 */
export function parseCommandLine(args: readonly string[], program: Program, terminal: Terminal): Parsed {
  if (args[0] === "help" && args.length > 1 && args[1] !== "--help")
    return parseHelp(args, program, terminal);
  const named = find(args, program);
  const { command, names } = named;
  // Everything after "--" belongs to the program that the command runs, if it runs one.
  const end = command?.args === undefined ? args.indexOf("--") : -1;
  const own = end === -1 ? args : args.slice(0, end);
  if (command !== undefined) refuseOptionsAsValues(own.slice(names.length), command, names);
  let parsed: Parsed | undefined;
  let text = "";
  const print = (part: string): void => void (text += part);
  const root = describeProgram(program, terminal, print, (found, values, given) => {
    const operands = end === -1 ? undefined : args.slice(end + 1);
    parsed = { command: found, input: { values, args: given, operands } };
  });
  if (command === undefined && args.length === names.length) {
    names.reduce((parent, name) => parent.commands.find((one) => one.name() === name)!, root).outputHelp();
    return { text: text.trimEnd(), code: 2 };
  }
  try {
    root.parse([...own], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { text: text.trimEnd(), code: 0 };
    throw explain(error, args, named);
  }
  if (parsed === undefined) throw new UsageError('Cannot read the command line. See "zstash --help"');
  if ("input" in parsed && end !== -1 && parsed.command.operands === undefined)
    throw new UsageError(`Cannot read the command line: "${lineOf(names)}" takes nothing after "--"`);
  return parsed;
}

/** Follows the first words of a command line through groups to a command. */
function find(args: readonly string[], program: Program): Named {
  let commands = program.commands;
  const names: string[] = [];
  for (const name of args) {
    const found = Object.hasOwn(commands, name) ? commands[name]! : undefined;
    if (found === undefined) break;
    names.push(name);
    if ("run" in found) return { names, command: found, commands: {} };
    commands = found.commands;
  }
  return { names, command: undefined, commands };
}

const lineOf = (names: readonly string[]): string => ["zstash", ...names].join(" ");

/** `zstash help dev` is `zstash dev --help`. */
function parseHelp(args: readonly string[], program: Program, terminal: Terminal): Parsed {
  const words = args.slice(1);
  if (words.length === 1 && words[0] === "help") return parseCommandLine(["--help"], program, terminal);
  const { names, command } = find(words, program);
  const more = words[names.length];
  if (more !== undefined && command !== undefined)
    throw new UsageError(`Cannot explain "${more}": "${lineOf(names)}" is the whole command`);
  if (more !== undefined) return parseCommandLine([...names, more], program, terminal);
  return parseCommandLine([...names, "--help"], program, terminal);
}

type Found = (command: CliCommand, values: OptionValues, args: readonly string[]) => void;

/** Builds commander's description of the program. `found` is called with the command that is to run. */
function describeProgram(
  { version, commands }: Program,
  terminal: Terminal,
  print: (text: string) => void,
  found: Found,
): Command {
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
      .configureHelp({
        helpWidth: columns,
        formatItem,
        subcommandTerm,
        styleTitle: styleTitle(terminal.colours),
      });
  const explains = (line: string): string =>
    `\n${wrap(`"${line} <command>" explains a command and its options.`, columns)}`;
  const root = prepare(new Command("zstash"))
    .description("Zstandard for Redis over HTTP")
    .usage("<command> [options]")
    .helpCommand("help [command]", "explain a command")
    .addHelpText("after", explains("zstash help"));
  const add = (parent: Command, all: CliCommands): void => {
    for (const [name, one] of Object.entries(all)) {
      const sub = prepare(parent.command(name)).summary(one.summary);
      if ("run" in one) {
        describeCommand(sub, one, found);
        addExamples(sub, one, columns, terminal.colours);
        continue;
      }
      sub.description(one.summary).usage("<command> [options]").helpCommand(false);
      sub.addHelpText("after", explains(`zstash help ${name}`));
      add(sub, one.commands);
    }
  };
  add(root, commands);
  return root;
}

function describeCommand(sub: Command, command: CliCommand, found: Found): void {
  const { summary, options, operands, args = [] } = command;
  const usages = ["[options]", ...args.map(({ usage }) => usage)];
  if (operands !== undefined) usages.push(`[-- ${operands.usage}]`);
  const told = operands === undefined ? summary : `${summary}\n\n${operands.meaning}`;
  sub.description(told).usage(usages.join(" "));
  for (const { usage, meaning } of args) sub.argument(usage, meaning);
  const made = Object.entries(options).map(([option, is]) => [option, toOption(option, is)] as const);
  for (const [, option] of made) sub.addOption(option);
  sub.action(() => found(command, readValues(sub.opts(), made), sub.args));
}

function addExamples(sub: Command, { examples }: CliCommand, columns: number, colours: boolean): void {
  const lines = examples.flatMap(([line, meaning]) => [`  ${line}`, indent(meaning, columns)]);
  const title = styleTitle(colours)("Examples:");
  if (lines.length > 0) sub.addHelpText("after", `\n${title}\n${lines.join("\n")}`);
}

function toOption(name: string, { value, multiple = false, meaning }: CliOption): Option {
  const option = new Option(value === undefined ? `--${name}` : `--${name} <${value}>`, meaning);
  if (multiple) option.argParser((one: string, others: string[] = []) => [...others, one]);
  return option;
}

/** The values by the names of the options. commander names them otherwise, and gives `--no-…` as false. */
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

/**
 * A value that looks like an option is most likely a forgotten value: `--token --json` would make "--json" the token.
 */
function refuseOptionsAsValues(
  args: readonly string[],
  { options }: CliCommand,
  names: readonly string[],
): void {
  for (let at = 0; at < args.length && args[at] !== "--"; at++) {
    const name = args[at]?.startsWith("--") === true ? args[at]!.slice(2) : "";
    if (!Object.hasOwn(options, name) || options[name]?.value === undefined) continue;
    const next = args[++at];
    if (next === undefined) {
      throw new UsageError(
        `Cannot read the command line: "--${name} <${options[name].value}>" has no value. See "${lineOf(names)} --help"`,
      );
    }
    if (!next.startsWith("--")) continue;
    throw new UsageError(
      `Cannot read the command line: "--${name}" has no value, "${next}" follows. If that is the value, write --${name}=${next}`,
    );
  }
}

/** Says commander's error in our words. */
function explain(error: CommanderError, args: readonly string[], named: Named): UsageError {
  const { names, command } = named;
  // What follows "=" is a value, which may be a secret.
  const [fault = "", hint] = error.message
    .replace(/^error: /, "")
    .replace(/=[^'\n]*/, "")
    .split("\n");
  const next = args[names.length] ?? "";
  if (command === undefined && !next.startsWith("-")) return unknownCommand(next, hint, named);
  if (error.code === "commander.excessArguments" && command !== undefined)
    return excess(args.slice(names.length), names, command);
  const [, slip] = /unknown option '--([^']+)'/.exec(fault) ?? [];
  const near = slip === undefined ? undefined : similarName(slip, Object.keys(command?.options ?? {}));
  const meant =
    hint === undefined
      ? near === undefined
        ? "."
        : `. Did you mean "--${near}"?`
      : `. ${hint.slice(1, -1).replaceAll(/(--[\w-]+)/g, '"$1"')}`;
  const told = fault.replace(/^missing required argument '(.*)'$/, "<$1> is missing").replaceAll("'", '"');
  return new UsageError(`Cannot read the command line: ${told}${meant} See "${lineOf(names)} --help"`);
}

function excess(rest: readonly string[], names: readonly string[], command: CliCommand): UsageError {
  const { args = [], operands } = command;
  const line = lineOf(names);
  if (args.length > 0) {
    return new UsageError(
      `Cannot read the command line: "${line}" takes ${args.map(({ usage }) => usage).join(" ")} and no more. See "${line} --help"`,
    );
  }
  const extra = rest.find((one) => !one.startsWith("-")) ?? "";
  const advice =
    operands === undefined
      ? `See "${line} --help"`
      : `To run a program, write -- before it: ${line} -- ${extra}`;
  return new UsageError(
    `Cannot read the command line: "${line}" takes options only, got "${extra}". ${advice}`,
  );
}

/** `hint` is the suggestion of commander, which recognizes swapped letters: "(Did you mean dev?)". */
function unknownCommand(name: string, hint: string | undefined, { names, commands }: Named): UsageError {
  const meant = /mean (\w+)\?/.exec(hint ?? "")?.[1] ?? similarName(name, Object.keys(commands));
  const advice = meant === undefined ? `"${lineOf(names)} --help" lists them` : `Did you mean "${meant}"?`;
  const whole = [...names, name].join(" ");
  return new UsageError(`Cannot run "${whole}": there is no such command. ${advice}`);
}

const styleTitle =
  (colours: boolean) =>
  (title: string): string =>
    colours ? `\x1b[1m${title}\x1b[22m` : title;

function indent(text: string, columns: number): string {
  return BELOW + wrap(text, columns - BELOW.length).replaceAll("\n", `\n${BELOW}`);
}

/** A command in a list of commands, without its "[options]", which nearly all of them take. */
function subcommandTerm(command: Command): string {
  const args = command.registeredArguments.map((one) => {
    const name = `${one.name()}${one.variadic ? "..." : ""}`;
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [command.name(), ...(command.commands.length > 0 ? ["<command>"] : args)].join(" ");
}

/** Formats as commander does, but on a narrow terminal an explanation stands below its option. */
function formatItem(this: Help, term: string, termWidth: number, meaning: string): string {
  const columns = this.helpWidth ?? MAX_COLUMNS;
  const beside = columns - termWidth - 4;
  const longest = Math.max(...meaning.split(" ").map((word) => word.length));
  if (beside < Math.max(MIN_COLUMNS, longest)) return `  ${term}\n${indent(meaning, columns)}`;
  const gap = `\n${" ".repeat(termWidth + 4)}`;
  return `  ${term.padEnd(termWidth)}  ${wrap(meaning, beside).replaceAll("\n", gap)}`;
}
