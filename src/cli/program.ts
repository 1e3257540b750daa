import { parseArgs } from "node:util";
import { ZstashError } from "../errors.ts";
import { UsageError } from "./command.ts";
import type { CliCommand, OptionHelp, Terminal } from "./command.ts";
import { DEV_COMMAND } from "./commands/dev.ts";
import { SWEEP_COMMAND } from "./commands/sweep.ts";

/** The commands by name. */
const COMMANDS: Readonly<Record<string, CliCommand>> = { dev: DEV_COMMAND, sweep: SWEEP_COMMAND };

const COMMON_OPTIONS: readonly OptionHelp[] = [
  { usage: "--help", meaning: "say this" },
  { usage: "--version", meaning: "print the version" },
];

/** Run the program. Resolves to the exit code: 0, 1 for what failed, 2 for a command line that is wrong. */
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
    const { help, version: versionAsked } = parse(args, {}, "zstash");
    terminal.print(versionAsked === true ? version : programHelp());
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

function parse(
  args: readonly string[],
  options: CliCommand["options"],
  usage: string,
): ReturnType<typeof parseArgs>["values"] {
  try {
    const common = { help: { type: "boolean", short: "h" }, version: { type: "boolean" } } as const;
    return parseArgs({ args: [...args], options: { ...options, ...common }, strict: true }).values;
  } catch (error) {
    // Its first sentence names the option; the rest is advice about "--" that does not help here.
    const reason = error instanceof Error ? (error.message.split(". ")[0] ?? "") : "";
    throw new UsageError(`Cannot read the command line: ${reason}. See "${usage} --help"`);
  }
}

function programHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => ({ usage: name, meaning: summary }));
  return [
    "zstash: Zstandard for Redis over HTTP",
    "",
    "Usage: zstash <command> [options]",
    "",
    "Commands:",
    table(commands),
    "",
    "Options:",
    table(COMMON_OPTIONS),
    "",
    '"zstash <command> --help" explains a command.',
  ].join("\n");
}

function commandHelp(name: string, { summary, help }: CliCommand): string {
  return [
    summary,
    "",
    `Usage: zstash ${name} [options]`,
    "",
    "Options:",
    table([...help, ...COMMON_OPTIONS]),
  ].join("\n");
}

function table(rows: readonly OptionHelp[]): string {
  const width = Math.max(...rows.map(({ usage }) => usage.length));
  return rows.map(({ usage, meaning }) => `  ${usage.padEnd(width)}  ${meaning}`).join("\n");
}
