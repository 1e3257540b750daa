/** Numbers of a command line: what is read, and what is refused. */
import { expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { readByteSize, readInteger, readShare } from "../../../src/cli/numbers.ts";

const range = { least: 1, most: 1_000_000_000 };
const complaint = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as UsageError).message;
  }
  throw new Error("it was read");
};

test("sizes have units of 1024 in all their spellings", () => {
  for (const [text, size] of [
    ["65536", 65_536],
    ["64KB", 65_536],
    ["64K", 65_536],
    ["64KiB", 65_536],
    ["64 kb", 65_536],
    ["1.5M", 1_572_864],
    ["512B", 512],
  ] as const)
    expect(readByteSize({ size: text }, "size", range), text).toBe(size);
  expect(readByteSize({}, "size", range)).toBeUndefined();
  for (const text of ["", "64X", "KB", "-1", "1e3", "0", "2GB", "1.2345K", "٣"])
    expect(complaint(() => readByteSize({ size: text }, "size", range))).toMatch(
      /^Cannot use --size: a size in bytes, as 65536 or 64KB, from 1 to 1000000000 is expected$/,
    );
});

test("integers are whole, and within their range", () => {
  expect(readInteger({ level: "-7" }, "level", { least: -7, most: 22 })).toBe(-7);
  expect(readInteger({}, "level", range)).toBeUndefined();
  for (const text of ["", "1.5", "0x10", "23", " 1", "1e1", "-8"])
    expect(complaint(() => readInteger({ level: text }, "level", { least: -7, most: 22 }))).toBe(
      "Cannot use --level: a whole number from -7 to 22 is expected",
    );
});

test("shares are parts of one or percentages", () => {
  for (const [text, share] of [
    ["0.1", 0.1],
    [".5", 0.5],
    ["10%", 0.1],
    ["12.5 %", 0.125],
    ["1", 1],
    ["100%", 1],
    ["0", 0],
  ] as const)
    expect(readShare({ share: text }, "share"), text).toBe(share);
  expect(readShare({}, "share")).toBeUndefined();
  for (const text of ["", "%", "1.1", "101%", "-0.1", "half"])
    expect(complaint(() => readShare({ share: text }, "share"))).toBe(
      "Cannot use --share: a share from 0 to 1 is expected, as 0.1 or 10%",
    );
});
