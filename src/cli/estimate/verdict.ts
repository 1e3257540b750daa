/** Says in one or two plain sentences what an estimate has found, and what to do next. */
import { docsPage } from "../docs-page.ts";
import { bytes, count } from "../text.ts";
import type { Estimate } from "./estimate.ts";

/** A sample of fewer values predicts nothing for an application. */
const VALUES_MIN = 20;
/** The share of the bytes that must be saved to be worth a rollout. */
const SAVED_MIN = 0.02;

/** The verdict on an estimate, without a line feed. */
export function verdictOf({ keys, sampled, total, left }: Estimate): string {
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
      `start with mode "shadow", see ${docsPage("rollout.md")}`
    );
  if (done >= total.values / 2)
    return `${few}${done >= total.values ? "All values are" : "Most values are"} compressed by zstash already: nothing is left to do`;
  return `${few}zstash would save next to nothing here: ${reasonOf(left)}`;
}

const tooFew = (values: number): string =>
  `${count(values, "value")} ${values === 1 ? "is" : "are"} too few to predict from: run this on the database of a running application`;

/** The most frequent reason why values stay uncompressed, and what helps. */
function reasonOf(left: Readonly<Record<string, number>>): string {
  const [[reason] = ["savings"]] = Object.entries(left)
    .filter(([name]) => name !== "other-type" && name !== "zstash")
    .sort(([, a], [, b]) => b - a);
  return (
    {
      small: `most values are smaller than 1 KiB. A dictionary may help, see ${docsPage("dictionaries.md")}`,
      "already-compressed": "most values are compressed already, as images or by gzip",
      binary: "most values are not text. Add --binary to count them too",
      large: "most values are above --max-value",
      empty: "most values are empty",
    }[reason] ?? "most values shrink by less than a tenth"
  );
}
