/** The file of a dictionary: whole or not at all, and never over another one unless told. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { Failure } from "../../../src/cli/command.ts";
import { requireWritable, writeWhole } from "../../../src/cli/commands/train-output.ts";
import { rejection } from "../../support/rejection.ts";

const folder = mkdtempSync(join(tmpdir(), "zstash-output-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, "a.dict");
const bytes = new TextEncoder().encode("new");
beforeEach(() => {
  for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true });
});
const content = (path = file): string => readFileSync(path, "utf8");

test("a new file is written, and nothing stays beside it", async () => {
  await requireWritable(file, false);
  await writeWhole(file, bytes, false);
  expect(content()).toBe("new");
  expect(readdirSync(folder)).toEqual(["a.dict"]);
});

test("a file that came while it was trained stays, unless told", async () => {
  await requireWritable(file, false);
  writeFileSync(file, "theirs");
  const error = await rejection(writeWhole(file, bytes, false));
  expect(error).toBeInstanceOf(Failure);
  expect(error.message).toMatch(/is there already\. Choose another name, or add --force/);
  expect(content()).toBe("theirs");
  expect(readdirSync(folder)).toEqual(["a.dict"]);
  await writeWhole(file, bytes, true);
  expect(content()).toBe("new");
  expect(readdirSync(folder)).toEqual(["a.dict"]);
});

test("a link stays a link, and its file is replaced", async () => {
  writeFileSync(join(folder, "real"), "old");
  symlinkSync("real", file);
  expect((await rejection(writeWhole(file, bytes, false))).message).toMatch(/is there already/);
  await writeWhole(file, bytes, true);
  expect(content(join(folder, "real"))).toBe("new");
  expect(readdirSync(folder)).toEqual(["a.dict", "real"]);
});

test("what cannot be written is told before the work, and after it", async () => {
  mkdirSync(file);
  expect((await rejection(requireWritable(file, true))).message).toMatch(/it is there, and no file$/);
  expect((await rejection(requireWritable(join(folder, "none", "x"), true))).message).toMatch(
    /none is no folder that can be written to$/,
  );
  const late = await rejection(writeWhole(join(folder, "none", "x"), bytes, true));
  expect(late).toBeInstanceOf(Failure);
  expect(late.message).toMatch(/ENOENT$/);
});
