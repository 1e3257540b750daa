/** docs/readers.md is what test/readers has recorded, and the readers on this machine do now what they did then. */
import { format } from "prettier";
import { describe, expect, test } from "vitest";
import { readers } from "../../readers/list.mjs";
import { withValues } from "../../readers/run.mjs";
import { readersTable } from "../../readers/table.mjs";
import { columns } from "../../readers/values.mjs";
import { read } from "../../support/repository.ts";
import { requireOrSkip } from "../../support/require-or-skip.ts";

type Outcomes = Readonly<Record<string, string | number>>;
interface Row {
  readonly name: string;
  readonly call: string;
  readonly version: string;
  readonly outcomes: Outcomes;
}
const results = JSON.parse(read("test/readers/results.json")) as {
  date: string;
  size: number;
  readers: readonly Row[];
};
const titleOf = ({ name, call }: { name: string; call: string }): string => `${name}, ${call}`;
const page = read("docs/readers.md");

describe("docs/readers.md", () => {
  test("has the table of the recorded results: node test/readers/write.mjs writes it", async () => {
    const block = /<!-- readers: [^\n]* -->\n([^]*?)<!-- \/readers -->/.exec(page)?.[1];
    const table = await format(readersTable(results as Parameters<typeof readersTable>[0]), {
      parser: "markdown",
      printWidth: 110,
    });
    expect(block?.trim()).toBe(table.trim());
  });

  test("has every reader, and what each made of every layout", () => {
    expect(results.readers.map(titleOf)).toEqual(readers.map(titleOf));
    for (const { outcomes } of results.readers) expect(Object.keys(outcomes)).toEqual(Object.keys(columns));
  });

  test("says that one frame is read by every decoder", () => {
    const notAll = results.readers.filter(({ outcomes }) => outcomes["ramp"] !== "all").map(titleOf);
    expect(notAll).toEqual(["Deno, `fetch`"]);
  });
});

test("the readers on this machine read what was recorded", async () => {
  const present: { reader: (typeof readers)[number]; version: string }[] = [];
  for (const reader of readers) {
    const version = await reader.version();
    const remedy = "docs/readers.md names its package";
    // Never a failure: most of them are other languages' packages.
    if (requireOrSkip(titleOf(reader), version !== undefined, remedy, false))
      present.push({ reader, version: version! });
  }
  expect(present.map(({ reader }) => titleOf(reader))).not.toEqual([]);
  await withValues(async (run, size) => {
    expect(size).toBe(results.size);
    for (const { reader, version } of present) {
      const title = titleOf(reader);
      const recorded = results.readers.find((row) => titleOf(row) === title)!;
      const outcomes = (await run(reader)) as Outcomes;
      // Another version may read more than the recorded one, never less.
      const expected =
        version === recorded.version
          ? recorded.outcomes
          : Object.fromEntries(Object.entries(recorded.outcomes).filter(([, outcome]) => outcome === "all"));
      expect(outcomes, `${title} ${version}`).toMatchObject(expected);
    }
  });
}, 400_000);
