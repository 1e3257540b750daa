/** docs/command-line.md's sections, one a command, from what the commands declare: the help and the page have the same words. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { nodeBuiltins } from "../../bundle-plugins.mjs";

/**
 * @typedef {import("../../src/cli/command.ts").CliCommand} CliCommand
 * @typedef {import("../../src/cli/command.ts").CliCommands} CliCommands
 */

/**
 * The declarations, from the sources: the build has them only inside the program.
 *
 * @returns {Promise<CliCommands>}
 */
export async function loadCommands() {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  await mkdir(join(root, ".cache"), { recursive: true });
  // Within the package, whose imports (#host, #http) the sources name.
  const folder = await mkdtemp(join(root, ".cache", "commands-"));
  try {
    await build({
      entryPoints: [join(root, "src/cli/program.ts")],
      outdir: folder,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      plugins: [nodeBuiltins],
      external: ["#*"],
      logLevel: "error",
    });
    /** @type {{ COMMANDS: CliCommands }} */
    const { COMMANDS } = await import(pathToFileURL(join(folder, "program.mjs")).href);
    return COMMANDS;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * All sections. A group has its summary, and its commands follow it.
 *
 * @param {CliCommands} commands
 * @param {readonly string[]} names The names of the groups around them.
 * @returns {string}
 */
export function commandSections(commands, names = []) {
  return Object.entries(commands)
    .map(([name, one]) => {
      const line = ["zstash", ...names, name].join(" ");
      const head = `${"#".repeat(2 + names.length)} ${line}`;
      if ("run" in one) return `${head}\n\n${section(line, one)}`;
      return `${head}\n\n${one.summary}.\n\n${commandSections(one.commands, [...names, name])}`;
    })
    .join("\n\n");
}

/**
 * @param {string} line
 * @param {CliCommand} command
 */
function section(line, { summary, args = [], options, operands, examples }) {
  const usage = [line, "[options]", ...args.map((one) => one.usage)];
  if (operands !== undefined) usage.push(`[-- ${operands.usage}]`);
  const rows = [
    ...args.map((one) => [`\`${one.usage}\``, one.meaning]),
    ...Object.entries(options).map(([name, { value, meaning }]) => [
      `\`--${name}${value === undefined ? "" : ` <${value}>`}\``,
      meaning,
    ]),
  ].map((cells) => `| ${cells.map(escaped).join(" | ")} |`);
  const shown = examples.map(([example, meaning]) => `# ${meaning}\n${example}`);
  return [
    `${summary}.`,
    `\`${usage.join(" ")}\``,
    ...(operands === undefined ? [] : [escaped(operands.meaning)]),
    ["| argument or option | what it does |", "| --- | --- |", ...rows].join("\n"),
    ...(shown.length === 0 ? [] : [`\`\`\`sh\n${shown.join("\n\n")}\n\`\`\``]),
  ].join("\n\n");
}

/**
 * A text that Markdown shows as it is, within a table.
 *
 * @param {string} text
 */
function escaped(text) {
  // What stands between backticks is as it is, but for the bar that ends a cell.
  return text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith("`") ? part : part.replaceAll(/[*<[\]\\]|\b_(?!\w)|(?<!\w)_/g, "\\$&")))
    .join("")
    .replaceAll("|", "\\|");
}
