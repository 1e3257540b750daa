/** docs/options.md has every option that is accepted, and no other. */
import { expect, test } from "vitest";
import { restOptionNames } from "../../../src/rest/rest-options.ts";
import { storeOptionNames } from "../../../src/store/options.ts";
import { compressionNames } from "../../../src/upstash/settings.ts";
import { read } from "../../support/repository.ts";

/** The names in the first column of the table below a heading. */
function namesBelow(heading: string): string[] {
  const section =
    read("docs/options.md")
      .split("\n## ")
      .find((text) => text.startsWith(heading)) ?? "";
  const cells = section.match(/^\|[^|]*\|/gm)?.slice(2) ?? [];
  return cells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!)).toSorted();
}

test.each([
  ["`compression`", compressionNames],
  ["`createStore`", storeOptionNames.filter((name) => !restOptionNames.includes(name))],
  ["The connection", restOptionNames],
])("%s", (heading, names) => {
  expect(namesBelow(heading)).toEqual([...names].toSorted());
});
