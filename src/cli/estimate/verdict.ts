/** Says in one or two plain sentences what an estimate has found, and what to do next. */
import { docsPage } from "../docs-page.ts";
import { bytes, count, printable } from "../text.ts";
import type { Estimate } from "./estimate.ts";
import { OTHER } from "./prefixes.ts";

/** A sample of fewer values predicts nothing for an application. */
const VALUES_MIN = 20;
/** The share of the bytes that must be saved to be worth a rollout. */
const SAVED_MIN = 0.02;

/** The verdict on an estimate, without a line feed. */
export function verdictOf(estimate: Estimate): string {
  const { keys, sampled, total, left } = estimate;
  if (keys === 0)
    return "There are no keys: run this against a database that your application uses (--url and --token)";
  if (total.values === 0)
    return "No key holds a string, and only strings are estimated: there is nothing to say here";
  const now = Math.round(total.now.estimate);
  const [best, after] =
    total.after.dictionary.estimate < 0.9 * total.after.raw.estimate
      ? (["raw, with dictionaries", Math.round(total.after.dictionary.estimate)] as const)
      : (["raw", Math.round(total.after.raw.estimate)] as const);
  const share = now === 0 ? 0 : 1 - after / now;
  const few = sampled.values < VALUES_MIN ? `${tooFew(sampled.values)}. ` : "";
  const done = left["zstash"] ?? 0;
  if (share >= SAVED_MIN)
    return (
      `${few}zstash would store ${bytes(now)} in ${bytes(after)} (${best}), ${(share * 100).toFixed(0)} % less: ` +
      firstStep(estimate, now - after)
    );
  if (done >= total.values / 2)
    return `${few}${done >= total.values ? "All values are" : "Most values are"} compressed by zstash already: nothing is left to do`;
  return `${few}zstash would save next to nothing here: ${reasonOf(estimate)}`;
}

/** The share of the gain that has to be there without dictionaries: below, a rollout without them shows next to nothing. */
const ALONE_MIN = 0.25;

/** What to do first: a client in mode "shadow" compresses small values only once there is a dictionary. */
function firstStep({ total, rows }: Estimate, gain: number): string {
  if (total.now.estimate - total.after.raw.estimate >= ALONE_MIN * gain)
    return `start with mode "shadow", see ${docsPage("rollout.md")}`;
  const gainOf = ({ after }: Estimate["total"]): number => after.raw.estimate - after.dictionary.estimate;
  const [most] = rows.filter(({ prefix }) => prefix !== OTHER).sort((a, b) => gainOf(b) - gainOf(a));
  const keys = most === undefined ? "*" : `${most.prefix}*`;
  return `make a dictionary first, zstash train --keys ${quoted(keys)}, see ${docsPage("dictionaries.md")}`;
}

/** A word as a shell takes it, without characters that a terminal obeys. */
const quoted = (word: string): string => `'${printable(word).replaceAll("'", "'\\''")}'`;

/** The dry run that tells about what others have compressed: "zstash migrate --from gzip --carrier raw". */
export function migrateFrom(schemes: Estimate["schemes"]): string {
  const byNumber = Object.entries(schemes).sort(([, a], [, b]) => b - a);
  return `zstash migrate --from ${byNumber.map(([name]) => name).join(",")} --carrier raw`;
}

const tooFew = (values: number): string =>
  `${count(values, "value")} ${values === 1 ? "is" : "are"} too few to predict from: run this on the database of a running application`;

/** The most frequent reason why values stay uncompressed, and what helps. */
function reasonOf({ left, schemes }: Estimate): string {
  const [[reason] = ["savings"]] = Object.entries(left)
    .filter(([name]) => name !== "other-type" && name !== "zstash")
    .sort(([, a], [, b]) => b - a);
  const marked = Object.values(schemes).reduce((sum, number) => sum + number, 0);
  // Pictures may be the most of them.
  const compressed =
    2 * marked > (left[reason] ?? 0)
      ? `most values are compressed by others: ${migrateFrom(schemes)} says what zstash makes of them, see ${docsPage("migrate-from.md")}`
      : undefined;
  return (
    {
      small: `most values are smaller than 1 KiB. A dictionary may help, see ${docsPage("dictionaries.md")}`,
      "already-compressed": compressed ?? "most values are compressed already, as images or by gzip",
      binary: compressed ?? "most values are not text. Add --binary to count them too",
      large: "most values are above --max-value",
      empty: "most values are empty",
    }[reason] ?? "most values shrink by less than a tenth"
  );
}
