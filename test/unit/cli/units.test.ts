/** Times, ranges and progress on the command line, and what a terminal is not shown. */
import { describe, expect, test } from "vitest";
import { UsageError } from "../../../src/cli/command.ts";
import { TerminalGuard } from "../../../src/cli/output.ts";
import { describeTransfer } from "../../../src/cli/progress.ts";
import { widthOf } from "../../../src/cli/text.ts";
import { duration, rangeOf, ratio, secondsOf } from "../../../src/cli/units.ts";

describe("what is read", () => {
  test.each([
    ["90", 90],
    ["90s", 90],
    ["15m", 900],
    ["12h", 43_200],
    ["7d", 604_800],
    ["0.5", 0.5],
  ])("the time %s is %d s", (text, seconds) => expect(secondsOf({ o: text }, "o")).toBe(seconds));

  test.each(["", "0", "1y", "1h30m", "-5", "0.0001", "999999999999999d"])("%j is no time", (text) =>
    expect(() => secondsOf({ o: text }, "o")).toThrow(UsageError),
  );

  test.each([
    ["0:10", { start: 0, end: 10 }],
    ["5:", { start: 5, end: undefined }],
    [":7", { start: 0, end: 7 }],
    ["3:3", { start: 3, end: 3 }],
  ])("the range %s", (text, range) => expect(rangeOf({ o: text }, "o")).toEqual(range));

  test.each([":", "", "5", "7:3", "-3:", "a:b", "1:2:3"])("%j is no range", (text) =>
    expect(() => rangeOf({ o: text }, "o")).toThrow(UsageError),
  );

  test("what was not given is undefined", () => {
    for (const read of [secondsOf, rangeOf]) expect(read({}, "o")).toBeUndefined();
  });
});

describe("what is shown", () => {
  test.each([
    [0.2, "1 s"],
    [119, "119 s"],
    [120, "2 min"],
    [7199, "2 h"],
    [7200, "2 h"],
    [83_520, "23 h 12 min"],
    [172_799, "2 d"],
    [604_799, "7 d"],
    [601_200, "6 d 23 h"],
  ])("%d s are %s", (seconds, text) => expect(duration(seconds)).toBe(text));

  test("ratios", () => {
    expect(ratio(740, 182)).toBe("4.07:1");
    expect(ratio(12_345, 100)).toBe("123:1");
    expect(ratio(0, 13)).toBe("0.00:1");
    expect(ratio(0, 0)).toBe("1.00:1");
  });

  test("a transfer has totals, a rate and an end once they are known, and never fills the line", () => {
    const half = { done: 5 << 20, total: 10 << 20 };
    expect(describeTransfer(half, 500, 80)).toBe("5.0 MiB of 10.0 MiB (50 %)");
    expect(describeTransfer(half, 2000, 80)).toBe("5.0 MiB of 10.0 MiB (50 %), 2.5 MiB/s, 2 s left");
    expect(describeTransfer({ done: 5 << 20, total: undefined, more: "1.0 MiB sent" }, 2000, 80)).toBe(
      "5.0 MiB, 1.0 MiB sent, 2.5 MiB/s",
    );
    for (const columns of [10, 20, 40, 80])
      expect(widthOf(describeTransfer(half, 2000, columns))).toBeLessThan(columns);
  });
});

describe("a terminal", () => {
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const check = (...chunks: Uint8Array[]): void => {
    const guard = new TerminalGuard("k");
    for (const chunk of chunks) guard.check(chunk);
    guard.end();
  };

  test("is shown text, whatever its chunks cut", () => {
    check(utf8('{"ä": "日本", "😀": 1}\n\tline\r\n'));
    const bytes = utf8("日😀ä");
    check(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
  });

  test.each([
    ["bytes that are no UTF-8", Uint8Array.of(0xff)],
    ["a frame", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)],
    ["NUL", utf8("a\0b")],
    ["an escape sequence", utf8("\x1b]0;title\x07")],
    ["a control of C1", utf8("\x9b31m")],
    ["a character that is cut at the end", utf8("ä").subarray(0, 1)],
  ])("is not shown %s", (_, bytes) => {
    expect(() => check(utf8("text "), bytes)).toThrow(/binary, and may upset the terminal\. Give a FILE/);
  });
});
