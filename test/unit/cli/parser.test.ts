/** The command line: help at every width, what is read from options, and what is said about wrong ones. */
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import type { CliCommand, CliCommands, CliInput, Terminal } from "../../../src/cli/command.ts";
import { parseCommandLine } from "../../../src/cli/parser.ts";
import { COMMANDS } from "../../../src/cli/program.ts";
import { widthOf } from "../../../src/cli/text.ts";

const terminal = (columns?: number, colours = false): Terminal => ({
  columns,
  errorColumns: columns,
  colours,
  print: () => undefined,
  complain: () => undefined,
  log: () => undefined,
  progress: () => undefined,
  untilStopped: () => Promise.resolve(),
});

const program = { version: "1.2.3", commands: COMMANDS };

function leavesOf(all: CliCommands, before: string[] = []): [names: string[], command: CliCommand][] {
  return Object.entries(all).flatMap(([name, one]) =>
    "run" in one
      ? [[[...before, name], one] as [string[], CliCommand]]
      : leavesOf(one.commands, [...before, name]),
  );
}

function textOf(args: readonly string[], on: Terminal = terminal()): string {
  const parsed = parseCommandLine(args, program, on);
  if ("command" in parsed) throw new Error("a command was found");
  return parsed.text;
}

function read(...args: string[]): CliInput {
  const parsed = parseCommandLine(args, program, terminal());
  if (!("command" in parsed)) throw new Error("a text was found");
  return parsed.input;
}

function complaint(...args: string[]): string {
  try {
    parseCommandLine(args, program, terminal());
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  throw new Error(`${args.join(" ")} was read`);
}

/** The names of every command, those in groups with their group's, and the command. */
const commands = leavesOf(COMMANDS);
const helps = [["--help"], ...commands.map(([names]) => [...names, "--help"])];

describe("help", () => {
  test.each(helps.map((args) => [args.join(" "), args] as const))(
    "of %s is at most 80 columns wide, and fits narrower terminals",
    (_, args) => {
      for (const columns of [undefined, 40, 60, 72, 80, 81, 200]) {
        const most = Math.min(80, columns ?? 80);
        const wider = textOf(args, terminal(columns))
          .split("\n")
          .filter((line) => widthOf(line) > most);
        // What has no space to break at, and command lines to copy, break by themselves.
        const breakable = wider.filter((line) => /\S \S/.test(line) && !/^(Usage:|  zstash) /.test(line));
        expect(columns === undefined || columns >= 80 ? wider : breakable, `on ${columns}`).toEqual([]);
      }
    },
  );

  test("has all of a text however narrow the terminal is", () => {
    const words = (text: string): string[] => text.split(/\s+/);
    for (const args of helps)
      expect(words(textOf(args, terminal(40)))).toEqual(words(textOf(args, terminal(80))));
  });

  test("is asked for in four ways", () => {
    const help = textOf(["dev", "--help"]);
    expect(help).toMatch(/^Usage: zstash dev \[options\] \[-- COMMAND/);
    for (const args of [
      ["help", "dev"],
      ["dev", "-h"],
      ["dev", "--port", "1", "--help"],
    ])
      expect(textOf(args)).toBe(help);
    const all = textOf(["--help"]);
    for (const args of [["-h"], ["help"], ["help", "help"], ["help", "--help"], []])
      expect(textOf(args)).toBe(all);
    for (const name of Object.keys(COMMANDS)) expect(all).toMatch(new RegExp(`^  ${name} `, "m"));
  });

  test("names every option with its meaning", () => {
    for (const [names, { options }] of commands) {
      const help = textOf([...names, "--help"], terminal(80)).replaceAll(/\s+/g, " ");
      for (const [option, { meaning }] of Object.entries(options)) {
        expect(help).toContain(`--${option}`);
        expect(help).toContain(meaning);
      }
    }
  });

  test("has colours on a terminal alone", () => {
    expect(textOf(["dev", "-h"], terminal(80))).not.toContain("\x1b");
    expect(textOf(["dev", "-h"], terminal(80, true))).toContain("\x1b[1mOptions:\x1b[22m");
  });

  test("without a command is a wrong command line", () => {
    expect(parseCommandLine([], program, terminal())).toMatchObject({ code: 2 });
    expect(parseCommandLine(["--help"], program, terminal())).toMatchObject({ code: 0 });
  });
});

test.each([["-v"], ["--version"], ["dev", "-v"], ["sweep", "--version"]])(
  "%s %s is the version",
  (...args) => {
    expect(textOf(args.filter((arg) => arg !== undefined))).toBe("1.2.3");
  },
);

describe("options", () => {
  test("are texts, lists and switches by their names", () => {
    const { values, operands } = read("dev", "--port=1", "--token", "a", "--token=b", "--no-resp2", "--json");
    expect(values).toMatchObject({ port: "1", token: ["a", "b"], "no-resp2": true, json: true });
    expect(values).toMatchObject({ "no-scripts": false });
    expect(values["read-only-token"]).toBeUndefined();
    expect(values["verbose"]).toBeUndefined();
    expect(operands).toBeUndefined();
  });

  test("end at --, and what follows belongs to the program", () => {
    expect(read("dev", "--json", "--", "node", "--port", "--", "x")).toMatchObject({
      values: { json: true, port: undefined },
      operands: ["node", "--port", "--", "x"],
    });
    expect(read("dev", "--").operands).toEqual([]);
    // Not the help of zstash.
    expect(read("dev", "--", "node", "--help").operands).toEqual(["node", "--help"]);
    expect(complaint("sweep", "--", "x")).toContain('takes nothing after "--"');
  });

  test("with a value that is an option are refused, unless it is joined to them", () => {
    expect(complaint("dev", "--token", "--json")).toMatch(/"--token" has no value.*write --token=--json$/);
    expect(complaint("dev", "--port", "--", "x")).toMatch(/"--port <number>" has no value/);
    expect(read("dev", "--token=--json").values).toMatchObject({ token: ["--json"] });
    expect(read("dev", "--token", "-x").values).toMatchObject({ token: ["-x"] });
  });
});

test("a secret in the value of an option with a slip in its name is not repeated", () => {
  expect(complaint("sweep", "--tokn=secret")).toBe(
    'Cannot read the command line: unknown option "--tokn". Did you mean "--token"? See "zstash sweep --help"',
  );
});

test.each([
  [["dev", "--prot", "1"], 'unknown option "--prot". Did you mean "--port"? See "zstash dev --help"'],
  [["dev", "--no-resp"], 'Did you mean "--no-resp2"?'],
  [["dev", "--resp2"], '"--resp2"'],
  [["dev", "-x"], '"-x"'],
  [["sweep", "--dlete"], 'Did you mean "--delete"? See "zstash sweep --help"'],
  [["--prot"], 'unknown option "--prot". See "zstash --help"'],
  [["swep"], 'Cannot run "swep": there is no such command. Did you mean "sweep"?'],
  [["Dev"], 'Did you mean "dev"?'],
  [["SWEEP"], 'Did you mean "sweep"?'],
  [["dve"], 'Did you mean "dev"?'],
  [["serve"], '"zstash --help" lists them'],
  [["__proto__"], 'Cannot run "__proto__"'],
  [["help", "swep"], 'Did you mean "sweep"?'],
  [["help", "dev", "sweep"], 'Cannot explain "sweep"'],
  [["dev", "npm"], "To run a program, write -- before it: zstash dev -- npm"],
  [["sweep", "key"], '"zstash sweep" takes options only, got "key". See "zstash sweep --help"'],
])("%j says what to do", (args, text) => {
  expect(complaint(...args)).toContain(text);
});

describe("arguments and groups", () => {
  const command = (args: CliCommand["args"], options = {}): CliCommand => ({
    summary: "does a thing",
    options: { url: { value: "url", meaning: "where" }, json: { meaning: "as JSON" }, ...options },
    args,
    examples: [["zstash get a", "reads a"]],
    run: () => Promise.resolve(0),
  });
  const key = { usage: "<key>", meaning: "the key" };
  const own = {
    version: "1.2.3",
    commands: {
      get: command([key, { usage: "[file]", meaning: "where to" }]),
      read: command([{ usage: "[key...]", meaning: "keys" }]),
      dict: {
        summary: "works on dictionaries",
        commands: { list: command(undefined), show: command([key]) },
      },
    },
  };
  const parse = (...args: string[]): CliInput & { command: CliCommand } => {
    const parsed = parseCommandLine(args, own, terminal(80));
    if (!("command" in parsed)) throw new Error(`a text was found: ${parsed.text}`);
    return { ...parsed.input, command: parsed.command };
  };
  const text = (...args: string[]): string => {
    const parsed = parseCommandLine(args, own, terminal(80));
    return "command" in parsed ? "" : `${parsed.code} ${parsed.text}`;
  };
  const wrong = (...args: string[]): string => {
    try {
      parse(...args);
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError);
      return (error as UsageError).message;
    }
    throw new Error(`${args.join(" ")} was read`);
  };

  test("arguments are read in their order, options between them", () => {
    expect(parse("get", "a", "--url", "u", "b")).toMatchObject({ args: ["a", "b"], values: { url: "u" } });
    expect(parse("read").args).toEqual([]);
    expect(parse("read", "a", "b", "c").args).toEqual(["a", "b", "c"]);
    expect(parse("dict", "show", "7").command).toBe(own.commands.dict.commands.show);
  });

  test("after -- an argument may begin with a dash", () => {
    expect(parse("get", "--json", "--", "--url").args).toEqual(["--url"]);
    expect(wrong("get", "--url", "--", "a")).toMatch(/"--url <url>" has no value|"--" follows/);
  });

  test("too few and too many are told", () => {
    expect(wrong("get")).toBe('Cannot read the command line: <key> is missing. See "zstash get --help"');
    expect(wrong("get", "a", "b", "c")).toContain('"zstash get" takes <key> [file] and no more');
    expect(wrong("dict", "list", "a")).toContain('"zstash dict list" takes options only, got "a"');
  });

  test("a group explains itself, and its commands", () => {
    for (const args of [
      ["dict", "--help"],
      ["help", "dict"],
      ["dict", "-h"],
    ])
      expect(text(...args)).toMatch(/^0 Usage: zstash dict <command>[^]*\n  show <key> /);
    expect(text("dict")).toMatch(/^2 Usage: zstash dict <command>/);
    expect(text("help", "dict", "show")).toMatch(
      /^0 Usage: zstash dict show \[options\] <key>[^]*Arguments:/,
    );
    expect(text("help", "dict", "show")).toBe(text("dict", "show", "--help"));
    expect(text("--help")).toMatch(/\n  dict <command> +works on dictionaries/);
  });

  test("a wrong name in a group gets the right one", () => {
    expect(wrong("dict", "lst")).toBe(
      'Cannot run "dict lst": there is no such command. Did you mean "list"?',
    );
    expect(wrong("help", "dict", "sohw")).toContain('Did you mean "show"?');
    expect(wrong("dict", "nothing")).toContain('"zstash dict --help" lists them');
    expect(wrong("dict", "show", "--jsn", "1")).toContain(
      'Did you mean "--json"? See "zstash dict show --help"',
    );
  });
});
