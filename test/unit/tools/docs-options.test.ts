/** docs/options.md has every option that a public function accepts, and no other; policies have a page of their own. */
import { expect, test } from "vitest";
import { restOptionNames } from "../../../src/rest/rest-options.ts";
import { storeOptionNames } from "../../../src/store/options.ts";
import { compressionNames } from "../../../src/upstash/settings.ts";
import { publicFunctions, subpaths, type PublicFunction } from "../../support/public-options.ts";
import { read } from "../../support/repository.ts";

interface Section {
  readonly heading: string;
  /** The names in the first column of its table. */
  readonly names: readonly string[];
}

const sectionsOf = (text: string): Section[] =>
  text
    .split("\n## ")
    .slice(1)
    .map((section) => ({
      heading: section.split("\n")[0]!,
      names: (section.match(/^\|[^|]*\|/gm)?.slice(2) ?? []).flatMap((cell) =>
        [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name!),
      ),
    }));
const page = sectionsOf(read("docs/options.md"));

test.each([
  ["`compression`", compressionNames],
  ["A store: ", storeOptionNames.filter((name) => !restOptionNames.includes(name))],
  ["The connection", [...restOptionNames, "retries", "backoff"]],
])("%s", (heading, names) => {
  const section = page.find((one) => one.heading.startsWith(heading));
  expect(section?.names.toSorted()).toEqual([...names].toSorted());
});

/** What a host calls, and the client of the SDK, whose options are the SDK's. */
const isCalledByUsers = (name: string): boolean => !/UseCacheHandler\.|^zstash\/redis /.test(name);
const modules = await Promise.all(
  [...subpaths()]
    .filter(([subpath]) => subpath !== "zstash/redis")
    .map(async ([subpath, entry]) => {
      const exported = Object.entries((await import(/* @vite-ignore */ `../../../src/${entry}`)) as object);
      const names = exported.flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
      return publicFunctions(subpath, entry, names);
    }),
);
const functions = modules.flat().filter(({ name, options }) => isCalledByUsers(name) && options.length > 0);

const shortNameOf = ({ name }: PublicFunction): string => name.split(/[ .]/).at(-1)!;
/** Names at every depth, but for what a policy says. */
const namesOf = ({ options }: PublicFunction): string[] =>
  options.filter(({ at }) => at.at(-1) !== "policy").flatMap(({ names }) => names);
/** Options of a function that no section which names it has. */
const lacking = (sections: readonly Section[], one: PublicFunction): string[] => {
  const own = sections.filter(({ heading }) => heading.includes(`\`${shortNameOf(one)}\``));
  const shown = own.flatMap(({ names }) => names);
  return namesOf(one).filter((name) => !shown.includes(name));
};

test("every function of every subpath has its options there", () => {
  expect(functions.length).toBeGreaterThan(50);
  expect(functions.flatMap((one) => lacking(page, one).map((name) => `${one.name}: ${name}`))).toEqual([]);
});

test("a row that is gone would be missed", () => {
  const text = read("docs/options.md").replace(/^\| `waitTimeout`.*\n/m, "");
  expect(functions.flatMap((one) => lacking(sectionsOf(text), one))).toContain("waitTimeout");
});

test("no option is there that no function of its section takes", () => {
  const strangers = page.flatMap(({ heading, names }) => {
    const taken = functions.filter((one) => heading.includes(`\`${shortNameOf(one)}\``)).flatMap(namesOf);
    return names.filter((name) => !taken.includes(name)).map((name) => `${heading}: ${name}`);
  });
  expect(strangers).toEqual([]);
});

test("docs/policy.md has what a policy may say", () => {
  const policy = functions.flatMap(({ options }) => options).find(({ at }) => at.at(-1) === "policy");
  const section = sectionsOf(read("docs/policy.md")).find(({ heading }) =>
    heading.startsWith("What it may say"),
  );
  expect(section?.names.toSorted()).toEqual([...policy!.names].toSorted());
});
