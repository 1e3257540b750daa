/** docs/dictionaries.md and docs/dictionaries-in-redis.md: their command lines run as they are written, and print what is shown. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../../src/cli/program.ts";
import { sessionRecords } from "../../conformance/records.ts";
import { backends } from "../../support/backends.ts";
import { follow } from "../../support/cli-program.ts";
import { read } from "../../support/repository.ts";
import { storeSessions, useCli, useServer } from "./rig.ts";

const cli = useCli();
const pages = ["docs/dictionaries.md", "docs/dictionaries-in-redis.md"].map(read);
const blocks = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map((match) => match[1]!);
const linesOf = (page: string): string[] =>
  blocks(page, "sh")
    .join("")
    .split("\n")
    .filter((line) => line.startsWith("npx zstash "));

/** The shape of an output: its words, with numbers and spaces as one. */
const shapeOf = (text: string): string =>
  text
    .trim()
    .replaceAll(/\d+(?:\.\d+)?/g, "0")
    .replaceAll(/ +/g, " ");

describe("the command lines of the pages about dictionaries", () => {
  const rig = useServer({ backend: backends.at(-1)! });

  test("run one after the other as they are written", async () => {
    await storeSessions(rig().send, 300);
    const records = sessionRecords(400);
    writeFileSync(join(cli.folder, "sessions.ndjson"), records.join("\n"));
    writeFileSync(
      join(cli.folder, "keys.txt"),
      Array.from({ length: 300 }, (_, at) => `session:${at}`).join("\n"),
    );
    mkdirSync(join(cli.folder, "samples"));
    for (const [index, record] of records.slice(0, 200).entries())
      writeFileSync(join(cli.folder, "samples", `${index}.json`), record);
    const env = { ...rig().env, PATH: process.env["PATH"] };
    const outputs = new Map<string, string>();
    let id = "";
    for (const line of pages.flatMap(linesOf)) {
      const own = line
        .replace("npx zstash", `"${process.execPath}" "${cli.program()}"`)
        .replaceAll("1730934283", id);
      const { code, output, errors } = await follow(spawn("sh", ["-c", own], { cwd: cli.folder, env })).ended;
      expect({ line, code, errors }).toEqual({ line, code: 0, errors: "" });
      outputs.set(line.replace(/ +#.*/, "").replace("npx zstash ", ""), output);
      id ||= /^Dictionary (\d+) .* is published/.exec(output)?.[1] ?? "";
    }
    expect(outputs.size).toBeGreaterThan(18);
    expect(outputs.get("dict gc --delete")).toMatch(/kept: retired too recently/);
    // What the pages show of them.
    const [report, list] = pages.map((page) => blocks(page, "text")[0]!);
    const trained = outputs.get("train --ndjson sessions.ndjson --out sessions.dict")!;
    const lines = (text: string): string[] => shapeOf(text).split("\n");
    expect(lines(trained).slice(0, 5)).toEqual(lines(report!).slice(0, 5));
    expect(lines(trained).at(-1)).toBe(lines(report!).at(-1));
    expect(lines(report!)).toContain(lines(trained).at(-3));
    const { output: later } = await cli.run(["dict", "list"], { env });
    expect(lines(later).slice(0, 3)).toEqual(lines(list!).slice(0, 3));
  });

  test("name every step of the group, and options that there are", () => {
    const dict = COMMANDS["dict"]!;
    const all = pages.flatMap(linesOf).join("\n");
    for (const name of Object.keys("commands" in dict ? dict.commands : {}))
      expect(all).toContain(`npx zstash dict ${name}`);
    const known = new Set(
      [COMMANDS["train"]!, ...Object.values("commands" in dict ? dict.commands : {})].flatMap((one) =>
        "run" in one ? Object.keys(one.options) : [],
      ),
    );
    // Options of the zstd program are named there too.
    const others = ["train", "patch-from", "without-dictionaries"];
    const named = pages.flatMap((page) =>
      [...page.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map((match) => match[1]!),
    );
    expect(named.filter((name) => !known.has(name) && !others.includes(name))).toEqual([]);
  });
});
