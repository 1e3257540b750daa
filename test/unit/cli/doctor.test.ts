/** How `zstash doctor` says what it has found: widths, colours, and the ways that zstash will take. */
import { describe, expect, test } from "vitest";
import { describeRows, describeUse, summary } from "../../../src/cli/doctor/describe.ts";
import { fail, ok, skip, warn } from "../../../src/cli/doctor/row.ts";
import { widthOf } from "../../../src/cli/text.ts";

const rows = [
  ok("address", "https://a-rather-long-name-of-a-database.upstash.io"),
  warn("RESP2", "not spoken: values come down in base64 in JSON, a third longer", "Let the header through"),
  fail(
    "pipelines",
    "POST /pipeline is refused: ERR \u001b[31m no such path (404)",
    "Let the path through ".repeat(8),
  ),
  skip("limits", "not measured"),
];

test("every width: rows go on below what was found, and nothing acts on the terminal", () => {
  for (const columns of [undefined, 40, 60, 80, 120, 200]) {
    const lines = describeRows(rows, {}, { columns, colours: false }).split("\n");
    for (const line of lines) {
      if (/\S \S/.test(line.slice(18))) expect(widthOf(line), line).toBeLessThanOrEqual(columns ?? 80);
    }
    expect(lines.join("\n")).not.toMatch(/[^\P{Cc}\n]/u);
    expect(lines.slice(0, 1)[0]).toMatch(/^ok {4}address {4}https/);
    expect(lines.join("\n")).toContain("→ Let the path through");
  }
});

test("colours are those of the states alone", () => {
  const text = describeRows(rows, undefined, { columns: 80, colours: true });
  for (const [colour, state] of [
    [32, "ok  "],
    [33, "warn"],
    [31, "fail"],
    [90, "-   "],
  ] as const)
    expect(text).toContain(`\x1b[${colour}m${state}\x1b[39m`);
  expect(text.split("\x1b").length).toBe(1 + 2 * rows.length);
});

test("the numbers of rows, each with its plural", () => {
  expect(summary(rows)).toBe("1 ok, 1 warning, 1 failure");
  expect(summary([])).toBe("0 ok, 0 warnings, 0 failures");
});

describe("what will be used", () => {
  const all = { rawBodies: true, resp2: true, base64: true, scripts: true, transactions: true, writes: true };

  test.each([
    [{}, "values go up as a request's body, as they are"],
    [{ rawBodies: false }, "values go up in base64 (the text carrier), a third longer"],
    [{ rawBodies: false }, "large values are stored only up to 2 MiB compressed: raw bodies are missing"],
    [
      { transactions: false },
      "large values are stored only up to 2 MiB compressed: transactions are missing",
    ],
    [{ resp2: false }, "values come down in base64 in JSON, a third longer"],
    [{ resp2: false, base64: false }, "values come down in text alone"],
    [{ scripts: false }, "ranges of values are read by transactions"],
    [{ scripts: false, transactions: false }, "ranges of values are read not at all"],
    [{ writes: false, rawBodies: undefined }, "nothing is written with this token"],
    [{ writes: undefined, rawBodies: undefined }, "how values go up was not tried (--read-only)"],
  ])("with %j: %s", (learned, use) => expect(describeUse({ ...all, ...learned })).toContain(use));
});
