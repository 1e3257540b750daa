/** A run of the benchmarks goes on past a section that fails, keeps what the others measured, and says at its end which failed. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parts } from "../../../bench/sections.mjs";
import type { Results } from "../../../bench/results.mjs";
import { read, root } from "../../support/repository.ts";

/** Programs that a full run calls in another way, and those whose figures are in docs/decisions.md alone. */
const ELSEWHERE = [
  "against.mjs",
  "article.mjs",
  "scaling.mjs",
  "dev-server.mjs",
  "event-loop.mjs",
  "hops.mjs",
  "metrics.mjs",
  "weights.mjs",
];

let folder: string;

/** A checkout whose kernel benchmark fails, with everything but the benchmarks as it is here. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "zstash-bench-run-"));
  for (const name of readdirSync(root)) {
    if (name !== "bench" && !name.startsWith(".")) symlinkSync(join(root, name), join(folder, name));
  }
  cpSync(join(root, "bench"), join(folder, "bench"), {
    recursive: true,
    filter: (path) => !path.includes("node_modules"),
  });
  writeFileSync(join(folder, "bench/kernel.mjs"), "process.exit(3);\n");
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("sections that fail or are left out are named, the others are measured and saved, and the exit code is 1", () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    ["bench/report.mjs", "--quick", "--only", "kernel,cost,load,against"],
    { cwd: folder, encoding: "utf8" },
  );
  expect(stderr).toContain("Failed: kernel. What was measured besides is saved.");
  expect(stderr).toMatch(/Left out: against \(run npm ci --prefix bench\/peers\); load \(/);
  expect(status).toBe(1);
  const written = join(folder, ".cache/bench");
  expect(existsSync(written)).toBe(true);
  const [file] = readdirSync(written);
  const { sections } = JSON.parse(readFileSync(join(written, file!), "utf8")) as Results;
  const { title } = parts.find(({ name }) => name === "cost")!;
  const cost = sections.find((section) => section.title === title)!;
  expect(cost.date).toBe(new Date().toISOString().slice(0, 10));
  expect(cost.text).toContain("dictionary");
});

test("a full run calls every program whose figures a page shows", () => {
  const commands = parts.flatMap(({ command }) => command.filter((word) => word.endsWith(".mjs")));
  const programs = readdirSync(join(root, "bench"))
    .filter((name) => name.endsWith(".mjs"))
    .filter((name) => /^\/\/ {3}node (--[\w-]+ )?bench\//m.test(read(`bench/${name}`)));
  const known = [...commands, ...ELSEWHERE].map((path) => path.replace(/^bench\//, ""));
  expect(programs.length).toBeGreaterThan(8);
  for (const program of programs) expect(known, program).toContain(program);
});
