/** The program `zstash`: it finds the command, parses its options, prints help, and turns errors into exit codes. */
import { parseArgs } from "node:util";
import { ZstashError } from "../errors.ts";
import { UsageError } from "./command.ts";
import type { CliCommand, CliOption, CliOptions, OptionValues, Terminal } from "./command.ts";
import { DEV_COMMAND } from "./commands/dev.ts";
import { SWEEP_COMMAND } from "./commands/sweep.ts";

/** The commands by name. */
const COMMANDS: Readonly<Record<string, CliCommand>> = { dev: DEV_COMMAND, sweep: SWEEP_COMMAND };

/** The options of every command, and of the program without a command. */
const COMMON_OPTIONS: CliOptions = {
  help: { short: "h", meaning: "print this help" },
  version: { meaning: "print the version" },
};

/** Run the program. Resolves to the exit code: 0, 1 for an error, 2 for a wrong command line. */
export async function runProgram(
  args: readonly string[],
  version: string,
  terminal: Terminal,
): Promise<number> {
  try {
    return await dispatch(args, version, terminal);
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.complain(error.message);
      return 2;
    }
    if (!(error instanceof ZstashError || error instanceof TypeError || error instanceof RangeError))
      throw error;
    terminal.complain(error.message);
    return 1;
  }
}

async function dispatch(args: readonly string[], version: string, terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name.startsWith("-")) {
    const { help, version: wantsVersion } = parse(args, {}, "zstash");
    terminal.print(wantsVersion === true ? version : programHelp());
    return name === undefined && help !== true ? 2 : 0;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    throw new UsageError(`Cannot run "${name}": there is no such command. "zstash --help" lists them`);
  }
  const values = parse(rest, command.options, `zstash ${name}`);
  if (values["help"] === true || values["version"] === true) {
    terminal.print(values["help"] === true ? commandHelp(name, command) : version);
    return 0;
  }
  return command.run(values, terminal);
}

function parse(args: readonly string[], options: CliOptions, usage: string): OptionValues {
  const parsers = Object.entries({ ...options, ...COMMON_OPTIONS }).map(([name, option]) => {
    const { value, multiple = false, short } = option;
    const type: "string" | "boolean" = value === undefined ? "boolean" : "string";
    return [name, short === undefined ? { type, multiple } : { type, multiple, short }] as const;
  });
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(parsers), strict: true }).values;
  } catch (error) {
    // Its first sentence names the option; the rest is advice about "--", which does not help here.
    const reason = error instanceof Error ? (error.message.split(". ")[0] ?? "") : "";
    throw new UsageError(`Cannot read the command line: ${reason}. See "${usage} --help"`);
  }
}

function programHelp(): string {
  return [
    "zstash: Zstandard for Redis over HTTP",
    "",
    "Usage: zstash <command> [options]",
    "",
    "Commands:",
    table(Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary])),
    "",
    "Options:",
    table(Object.entries(COMMON_OPTIONS).map(helpRow)),
    "",
    '"zstash <command> --help" explains a command.',
  ].join("\n");
}

function commandHelp(name: string, { summary, options }: CliCommand): string {
  return [
    summary,
    "",
    `Usage: zstash ${name} [options]`,
    "",
    "Options:",
    table(Object.entries({ ...options, ...COMMON_OPTIONS }).map(helpRow)),
  ].join("\n");
}

/** The line of an option in the help. */
type HelpRow = readonly [usage: string, meaning: string];

function helpRow([name, { value, meaning }]: readonly [string, CliOption]): HelpRow {
  return [value === undefined ? `--${name}` : `--${name} <${value}>`, meaning];
}

function table(rows: readonly HelpRow[]): string {
  const width = Math.max(...rows.map(([usage]) => usage.length));
  return rows.map(([usage, meaning]) => `  ${usage.padEnd(width)}  ${meaning}`).join("\n");
}
