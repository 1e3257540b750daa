/** Text for terminals: what wraps, what is cut, and what is escaped. */
import { expect, test } from "vitest";
import { describeRequest, LOG_HEAD } from "../../../src/cli/request-log.ts";
import { bytes, count, cut, printable, table, widthOf, wrap } from "../../../src/cli/text.ts";
import type { RequestRecord } from "../../../src/dev/index.ts";

test("lines wrap at spaces; a word that is too long stands alone", () => {
  expect(wrap("one two three", 7)).toBe("one two\nthree");
  expect(wrap("a\nbb ccc", 3)).toBe("a\nbb\nccc");
  expect(wrap("https://example.com/long x", 5)).toBe("https://example.com/long\nx");
  expect(wrap("漢字 漢字", 5)).toBe("漢字\n漢字");
  expect(wrap("", 5)).toBe("");
});

test("a text is cut at the columns that it takes, not at its characters", () => {
  expect(cut("abcdef", 6)).toBe("abcdef");
  expect(cut("abcdefg", 6)).toBe("abcde…");
  expect(cut("漢字漢字", 6)).toBe("漢字…");
  expect(cut("😀😀😀", 4)).toBe("😀…");
  expect(widthOf("e\u0301")).toBe(1);
});

test("nothing that acts on a terminal is left", () => {
  expect(printable("a\x1b[2J\n\u009b1m\u007f")).toBe(String.raw`a\u001b[2J\n\u{9b}1m\u{7f}`);
  expect(printable("\u202eabc\u2028\u200b\u{e0001}")).toBe(String.raw`\u{202e}abc\u{2028}\u{200b}\u{e0001}`);
  expect(printable("schön 漢字 😀")).toBe("schön 漢字 😀");
});

test("sizes, numbers and tables", () => {
  expect([0, 1023, 1024, 1536, 2 ** 40].map(bytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "1024.0 GiB",
  ]);
  expect([count(1, "key"), count(0, "key")]).toEqual(["1 key", "0 keys"]);
  expect(
    table([
      ["a", "b"],
      ["漢字", "c"],
    ]),
  ).toBe("  a     b\n  漢字  c");
});

const record: RequestRecord = {
  at: new Date(2026, 10, 26, 9, 5, 3).getTime(),
  duration: 1.26,
  method: "POST",
  commands: ["SET"],
  count: 1,
  key: "user:1",
  status: 200,
  requestSize: 1536,
  responseSize: 15,
  error: undefined,
};

test("a line of the log has its columns under their heads", () => {
  const line = describeRequest(record, undefined);
  expect(line).toBe("09:05:03  200     1.3 ms    1.5 KiB       15 B POST SET user:1");
  expect(LOG_HEAD.indexOf("request")).toBe(line.indexOf("POST"));
  expect(LOG_HEAD.indexOf("code") + 4).toBe(line.indexOf("200") + 3);
});

test("a pipeline's repeated names stand once, and a stream has no size", () => {
  const commands = ["SET", "SET", "SET", "GET"];
  expect(describeRequest({ ...record, commands, count: 30 }, undefined)).toContain(
    "POST SET×3 GET +26 user:1",
  );
  expect(describeRequest({ ...record, responseSize: undefined }, undefined)).toContain("    stream POST");
  const refused = { ...record, commands: [], count: 0, key: undefined, status: 401 };
  expect(describeRequest(refused, undefined)).toMatch(/ 401 .* POST$/);
});

test("no line is wider than the terminal, holds a value or acts on it", () => {
  const key = `\x1b[2J${"漢".repeat(100)}`;
  for (const columns of [20, 60, 80, 120]) {
    const line = describeRequest({ ...record, key, commands: ["S\r\nX"] }, columns);
    expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(line).not.toMatch(/\p{Cc}/u);
  }
  const error = "ERR unknown command 'secret-value', with args beginning with: 'secret-token'";
  const line = describeRequest({ ...record, error }, undefined);
  expect(line).toMatch(/\(ERR\)$/);
  expect(line).not.toContain("secret");
});
